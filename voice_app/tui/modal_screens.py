"""Modal screens over the chat: the keys, and the greeting of the first start with what was found on this machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.timer import Timer
from textual.widgets import Static

from voice_app.tui.palette import Palette
from voice_app.tui.panel import level_bar
from voice_app.tui.scene import Scene
from voice_app.tui.terminal_safe import one_line

KEYS = (
    ("Enter", "send; Ctrl+J breaks the line; ↑ ↓ earlier texts"),
    ("Esc", "stop what is being said; close a card"),
    ("F2  Ctrl+G", "mute: close the microphone, or open it again"),
    ("F3  Ctrl+T", "push to talk: press to begin, press again when done"),
    ("F4", "hands-free: listen always, or by push to talk only"),
    ("F5  Ctrl+R", "repeat the last answer"),
    ("F8  Ctrl+N", "retry: another answer to the last question"),
    ("F9  Ctrl+L", "copy the last answer; the mouse selects any text"),
    ("Ctrl+B", "show or hide the panel (from 100 columns on)"),
    ("Ctrl+P", "commands: models, voices, devices, export, themes …"),
    ("PgUp  PgDn", "scroll what was said; so does the wheel"),
    ("Tab", "to the transcript and back; ↑ ↓ scroll it by lines"),
    ("Ctrl+Q", "quit"),
)
ABOUT_KEYS = (
    "Terminals do not tell when a key is released: push to talk is two presses.",
    "Words turn bright as they are heard; what you cut off is struck out.",
    "Times are measured on this machine, unless they are called emulated.",
)
HERE = "Welcome. Everything runs on this machine; nothing you say leaves it.\n"
ENDPOINT = "Welcome. The endpoint of the settings answers; all else runs on this machine.\n"
NAMES = {"stt": "speech to text", "llm": "language model", "llm_backend": "run by", "tts": "voice"}
STAGES = {"stt": "speech to text", "token": "a token", "tts_first_sound": "first sound"}
LABEL_CELLS = 15
ON_ITS_WAY_S = 0.06
"""A key that was sent to a screen has reached it after so long."""
Rows = list[tuple[Text | None, Text]]
"""A label and a text, or a text alone."""


class TextModal(ModalScreen[None]):
    """Text over the chat, closed by a key."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,f1,q", "dismiss", "Close"),
    ]

    def compose(self) -> ComposeResult:
        """Build the screen."""
        with VerticalScroll(id="modal"):
            yield Static(id="words")

    def update(self, rows: Rows) -> None:
        """Show rows: a label and a text, or a text alone."""
        parts: list[RenderableType] = []
        for label, text in rows:
            if label is None:
                parts.append(text)
                continue
            if not (parts and isinstance(parts[-1], Table)):
                parts.append(_grid())
            grid = parts[-1]
            assert isinstance(grid, Table)
            grid.add_row(label, text)
        for words in self.query("#words").results(Static):
            words.update(Group(*parts))


def _grid() -> Table:
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(width=LABEL_CELLS)
    grid.add_column(ratio=1)
    return grid


class Help(TextModal):
    """The keys."""

    def __init__(self, palette: Palette) -> None:
        super().__init__()
        self._palette = palette

    def on_mount(self) -> None:
        """Show the keys."""
        palette = self._palette
        keys: Rows = [(Text(keys, palette.you), Text(what)) for keys, what in KEYS]
        about: Rows = [(None, Text(line, palette.faint)) for line in ABOUT_KEYS]
        self.update([(None, Text("Keys\n", palette.title)), *keys, (None, Text()), *about])


class Welcome(TextModal, inherit_bindings=False):
    """What was found on this machine. Who types begins to chat: no key that writes closes it and is lost."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,enter,f1", "dismiss", "Close")]

    def __init__(self, palette: Palette, take: Callable[[str], None]) -> None:
        """`take` takes what is typed, or pasted, here."""
        super().__init__()
        self._palette, self._take = palette, take
        self._shown: Rows = []
        self._end: Timer | None = None

    def on_key(self, event: events.Key) -> None:
        """Close at the first letter, which is the first of a text."""
        if event.is_printable and event.character:
            event.stop()
            self._begin(event.character)

    def on_paste(self, event: events.Paste) -> None:
        """Close; what is pasted is a text."""
        event.stop()
        self._begin(event.text)

    def _begin(self, text: str) -> None:
        """Hand on a text, and close once no more of it is on its way to this screen."""
        self._take(text)
        if self._end is not None:
            self._end.stop()
        self._end = self.set_timer(ON_ITS_WAY_S, self._close_now)

    def _close_now(self) -> None:
        if self.is_current:
            self.dismiss()

    def show(self, scene: Scene, choices: Mapping[str, tuple[str, ...]] | None, level_db: float) -> None:
        """Show what is known by now."""
        rows = welcome(scene, choices, level_db, self._palette)
        if rows != self._shown and self.query("#words"):  # before the screen is built, nothing shows them
            self._shown = rows
            self.update(rows)


def welcome(
    scene: Scene, choices: Mapping[str, tuple[str, ...]] | None, level_db: float, palette: Palette
) -> Rows:
    """Return the greeting: devices, the microphone's level, models, and what the stages take here."""
    greeting = ENDPOINT if scene.models.get("llm_backend") == "openai" else HERE
    level = f"{level_bar(level_db, 20)} {level_db:3.0f} dB"
    rows: Rows = [
        (None, Text(greeting, palette.title)),
        *_devices("microphone", "input", choices, "none found: you can type", palette),
        (_label("its level", palette), Text.assemble(level, ("  speak, and it moves", palette.faint))),
        *_devices("loudspeaker", "output", choices, "none found: answers are shown", palette),
        (None, Text()),
    ]
    created = scene.created
    if created is None:
        rows.append((_label("models", palette), Text("loading and measuring …", palette.notice)))
    else:
        for role, name in created.models.items():
            rows.append((_label(NAMES.get(role, role), palette), Text(one_line(name))))
            if role == "llm" and created.because:
                rows.append((Text(), Text(one_line(created.because), palette.faint)))
        rows.append((None, Text()))
        for stage, time_ms in created.calibrated_ms.items():
            measured = Text.assemble(f"{time_ms:.0f} ms", ("  measured here", palette.faint))
            rows.append((_label(STAGES.get(stage, stage), palette), measured))
    return [
        *rows,
        (None, Text("\nType, or press Enter, to begin · F1 in the chat shows all keys", palette.you)),
    ]


def _devices(
    label: str, kind: str, choices: Mapping[str, tuple[str, ...]] | None, none: str, palette: Palette
) -> Rows:
    """Return the devices of a kind, three of them by name."""
    if choices is None:
        return [(_label(label, palette), Text("looking …", palette.faint))]
    names = choices.get(kind, ())
    if not names:
        return [(_label(label, palette), Text(none, palette.notice))]
    shown = [Text(one_line(name)) for name in names[:3]]
    if len(names) > len(shown):
        shown[-1].append(f"  and {len(names) - len(shown)} more", palette.faint)
    return [(_label(label if number == 0 else "", palette), name) for number, name in enumerate(shown)]


def _label(label: str, palette: Palette) -> Text:
    return Text(label, palette.faint)
