"""A session as a document: Markdown to read, JSON to go on with. What was said and heard, never what was dropped."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import count
from pathlib import Path
from typing import Any

from voice_app.core import events
from voice_app.core.errors import SessionError
from voice_app.io.files import write_new
from voice_app.tui.control import Control
from voice_app.tui.items import NoteItem, ReplyItem, TableItem, ToolItem, UserItem
from voice_app.tui.reducers import apply
from voice_app.tui.scene import Scene


def whole_scene(log: Iterable[events.Event]) -> Scene:
    """Return the scene of a session with all its items, also those that a screen no longer keeps."""
    scene = Scene(most_items=None)
    for event in log:
        apply(scene, event)
    return scene


def scene_as_markdown(scene: Scene) -> str:
    """Return a session as Markdown."""
    parts = [f"# Conversation of {scene.started or 'an unknown time'}"]
    if models := ", ".join(f"{role}: {name}" for role, name in scene.models.items()):
        parts.append(f"Persona {scene.persona}; {models}.")
    for item in scene.items.values():
        match item:
            case UserItem():
                parts.append(f"**You:** {_escaped(item.text)}")
            case ReplyItem():
                parts.append(f"**{_escaped(item.who or 'Assistant')}:** {_heard(item)}")
            case TableItem():
                parts.append(_table(item))
            case ToolItem():
                parts.append(f"*{_escaped(item.name)}* `{item.arguments}`: {_escaped(item.output or '')}")
            case NoteItem():
                parts.append(f"> {_escaped(item.text)}")
    if scene.folded:
        parts.insert(1, f"The first {scene.folded} items were no longer kept, and no log was written.")
    return "\n\n".join(parts) + "\n"


def scene_as_json(scene: Scene) -> str:
    """Return a session as JSON: `started`, `persona`, `models`, `items[]`, each with its `kind`."""
    items = [_fields(item) for item in scene.items.values()]
    head = {"started": scene.started, "persona": scene.persona, "models": scene.models}
    return json.dumps({**head, "left_out": scene.folded, "items": items}, indent=2, ensure_ascii=False) + "\n"


def write_export(scene: Scene, kind: str, folder: Path, control: Control) -> Path:
    """Write a session as `md`, `json` or `wav` to a new file, its owner's alone. Raises SessionError, OSError."""
    if kind == "wav":
        path = _unused(folder, stem(scene), ".wav")
        control.write_sound(path)
        return path
    path = _unused(folder, stem(scene), f".{kind}")
    text = scene_as_markdown(scene) if kind == "md" else scene_as_json(scene)
    try:
        write_new(path, text)
    except OSError as error:
        raise SessionError(path, f"can't be written ({error.strerror})") from None
    return path


def _unused(folder: Path, stem: str, suffix: str) -> Path:
    """Return a path that names no file yet: nothing is overwritten."""
    names = (f"{stem}{f'-{number}' if number > 1 else ''}{suffix}" for number in count(1))
    return next(path for name in names if not (path := folder / name).exists())


def stem(scene: Scene) -> str:
    """Return the name of a session's exports, without the ending."""
    when = scene.started[:19].replace(":", "-").replace("T", "_")
    return f"voice-app-{when}" if when and all(c.isalnum() or c in "-_" for c in when) else "voice-app-chat"


def _fields(item: UserItem | ReplyItem | TableItem | ToolItem | NoteItem) -> dict[str, Any]:
    match item:
        case UserItem():
            return {"kind": "said", "text": item.text, "typed": item.typed}
        case ReplyItem():
            stop = item.heard.current if item.heard else 0
            wait_ms = None if item.to_sound_s is None else round(item.to_sound_s * 1000, 1)
            return {
                "kind": "reply",
                "text": item.text.strip(),
                "heard": item.text[:stop].strip(),
                "status": item.status,
                "to_first_sound_ms": wait_ms,
                "from": "typed text" if item.typed else "last voiced sample",
                "basis": "measured",
            }
        case TableItem():
            return {"kind": "table", "title": item.title, "columns": item.columns, "rows": item.rows}
        case ToolItem():
            asked = {"kind": "tool", "name": item.name, "arguments": item.arguments}
            return {**asked, "output": item.output, "sources": item.sources}
        case NoteItem():
            return {"kind": item.kind, "text": item.text}


def _heard(reply: ReplyItem) -> str:
    text = reply.text.strip()
    if reply.heard is None or reply.status != "cancelled":
        return _escaped(text)
    heard = reply.text[: reply.heard.current].strip()
    unheard = reply.text[reply.heard.current :].strip()
    parts = [_escaped(heard)] if heard else []
    return " ".join([*parts, f"~~{_escaped(unheard)}~~"] if unheard else parts)


def _table(table: TableItem) -> str:
    head = [_row(table.columns), _row(["---"] * len(table.columns))]
    rows = [_row(row) for row in table.rows]
    return "\n".join([f"**{_escaped(table.title)}**", "", *head, *rows])


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(_escaped(cell) for cell in cells)} |"


def _escaped(text: str) -> str:
    """Return text whose marks are shown, not obeyed."""
    return "".join(f"\\{char}" if char in "\\`*_<>|#~[]" else char for char in text)
