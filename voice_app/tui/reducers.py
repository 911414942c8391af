"""What each event changes in a scene, in place: a reducer for each type of event, and `apply`, which looks it up."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from voice_app.core import events
from voice_app.tui.figures import Writing
from voice_app.tui.items import MOST_CHARS, Activity, Item, NoteItem, ReplyItem, TableItem, ToolItem, UserItem
from voice_app.tui.scene import Draft, Scene
from voice_app.tui.spoken_words import Mark, Playhead, with_words
from voice_app.tui.terminal_safe import bounded, one_line, terminal_safe

MOST_ROWS, MOST_COLUMNS, MOST_CELL_CHARS = 60, 12, 400
MOST_ACTIONS = 10
MOST_WORDS = 4000
"""Timed words of a reply: twenty minutes of speech."""


def _reply(scene: Scene, event: events.Fact) -> tuple[Draft | None, Item | None]:
    """Return the draft that an event belongs to, and its reply as it stands."""
    draft = scene.draft(event)
    return draft, scene.shown(draft, draft.reply_key) if draft else None


def _created(scene: Scene, event: events.SessionCreated) -> None:
    scene.created, scene.models, scene.persona = event, dict(event.models), event.persona
    scene.started, scene.activity = event.started, Activity.LISTENING


def _updated(scene: Scene, event: events.SessionUpdated) -> None:
    names = sorted({*scene.models, *event.models})
    before = scene.models | {"persona": scene.persona}
    after = event.models | {"persona": event.persona}
    changes = [
        f"{name} is {after[name]}"
        for name in (*names, "persona")
        if name in after and after[name] != before.get(name)
    ]
    scene.models, scene.persona = dict(event.models), event.persona
    if changes:
        scene.note("session", ", ".join(changes))


def _speech_started(scene: Scene, event: events.SpeechStarted) -> None:
    sounding = scene.activity in (Activity.SPEAKING, Activity.HELD)
    scene.activity = Activity.HELD if sounding else Activity.HEARING


def _speech_stopped(scene: Scene, event: events.SpeechStopped) -> None:
    scene.activity = Activity.DRAFTING


def _committed(scene: Scene, event: events.TurnCommitted) -> None:
    scene.activity = Activity.THINKING
    scene.commit(event)


def _stopped(scene: Scene, event: events.InputCleared) -> None:
    scene.activity = Activity.LISTENING
    said = scene.items.get(f"{event.turn}.said")
    if isinstance(said, UserItem) and said.partial:
        del scene.items[f"{event.turn}.said"]


def _ignored(scene: Scene, event: events.SpeechIgnored) -> None:
    heard = one_line(event.heard)[:200]
    scene.note("ignored", f"“{heard}” was no interruption" if heard else "a noise was no interruption")


def _draft_created(scene: Scene, event: events.DraftCreated) -> None:
    scene.session.drafts += 1
    scene.draft(event)


def _draft_discarded(scene: Scene, event: events.DraftDiscarded) -> None:
    scene.session.discarded += 1
    draft = scene.draft(event)
    if draft and not draft.released:
        draft.items = {}


def _predicted(scene: Scene, event: events.EndpointPredicted) -> None:
    if draft := scene.draft(event):
        draft.because = f"over after {event.silence_s * 1000:.0f} ms: {one_line(event.because)[:100]}"


def _budget(scene: Scene, event: events.BudgetAction) -> None:
    draft = scene.draft(event)
    if draft and len(draft.actions) < MOST_ACTIONS:
        draft.actions.append((one_line(event.action)[:200], one_line(event.cause)[:200]))


def _partial(scene: Scene, event: events.TranscriptDelta) -> None:
    said = scene.items.get(f"{event.turn}.said")
    over = event.turn == scene.committed[0] and isinstance(said, UserItem) and not said.partial
    if not over or scene.activity is Activity.HEARING:
        scene.put(f"{event.turn}.said", _said(event.text, partial=True))


def _heard(scene: Scene, event: events.TranscriptCompleted) -> None:
    draft = scene.draft(event)
    if draft and event.text:
        scene.show(draft, f"{event.turn}.said", _said(event.text))


def _typed(scene: Scene, event: events.TextSubmitted) -> None:
    scene.put(f"{event.turn}.said", _said(event.text, typed=True))


def _said(text: str, *, typed: bool = False, partial: bool = False) -> UserItem:
    kept, more = bounded(text, MOST_CHARS)
    return UserItem(
        terminal_safe(kept).strip() + (f" … ({more:,} more characters)" if more else ""), typed, partial
    )


def _asked(scene: Scene, event: events.ResponseCreated) -> None:
    if draft := scene.draft(event):
        draft.writing = Writing(asked_s=event.at_s)
        item = scene.shown(draft, draft.reply_key)
        if not (isinstance(item, ReplyItem) and item.heard):
            scene.show(draft, draft.reply_key, ReplyItem(who=one_line(scene.persona)))


def _token(scene: Scene, event: events.ResponseTextDelta) -> None:
    draft, item = _reply(scene, event)
    if draft is None or not isinstance(item, ReplyItem):
        return
    draft.writing = draft.writing.with_token(event)
    delta, more = bounded(terminal_safe(event.delta), max(0, MOST_CHARS - len(item.text)))
    rate = draft.writing.tokens_per_s
    scene.reply(draft, text=item.text + delta, left_out=item.left_out + more, tokens_per_s=rate)


def _written(scene: Scene, event: events.TextDone) -> None:
    if draft := scene.draft(event):
        slim = event.model_copy(update={"text": ""})
        draft.writing = replace(draft.writing, done=slim)


def _words(scene: Scene, event: events.WordsTimed) -> None:
    draft, item = _reply(scene, event)
    if isinstance(item, ReplyItem) and item.heard is None and len(item.spoken.words) < MOST_WORDS:
        scene.reply(draft, spoken=with_words(item.spoken, event, item.text))


def _audible(scene: Scene, event: events.PlaybackStarted) -> None:
    scene.activity = Activity.SPEAKING
    scene.reply(scene.draft(event), playhead=Playhead(event.at_s))


def _held(scene: Scene, event: events.PlaybackHeld) -> None:
    scene.activity = Activity.HELD
    _move_playhead(scene, event, lambda playhead: playhead.held(event.at_s))


def _resumed(scene: Scene, event: events.PlaybackResumed) -> None:
    scene.activity = Activity.SPEAKING
    _move_playhead(scene, event, lambda playhead: playhead.resumed(event.at_s))


def _move_playhead(scene: Scene, event: events.Fact, moved: Callable[[Playhead], Playhead]) -> None:
    draft, item = _reply(scene, event)
    if isinstance(item, ReplyItem) and item.playhead:
        scene.reply(draft, playhead=moved(item.playhead))


def _cleared(scene: Scene, event: events.PlaybackCleared) -> None:
    draft, item = _reply(scene, event)
    if draft and isinstance(item, ReplyItem) and item.heard is None:
        scene.session.cut += 1
        started_s = item.playhead.started_s if item.playhead else 0.0
        at_s = started_s + event.audio_s
        heard = replace(item, playhead=Playhead(started_s)).mark(at_s)
        whole_words = Mark(heard.spoken, heard.spoken) if heard else None
        scene.over(draft, "cancelled", event.at_s, whole_words)


def _truncated(scene: Scene, event: events.ItemTruncated) -> None:
    draft, item = _reply(scene, event)
    if not isinstance(item, ReplyItem):
        return
    heard = terminal_safe(event.heard)
    first = len(item.text) - len(item.text.lstrip())
    if item.text.startswith(heard, first):
        stop = first + len(heard) if heard else 0
        scene.reply(draft, heard=Mark(stop, stop))


def _ended(scene: Scene, event: events.ResponseDone) -> None:
    barged_in = scene.activity is Activity.HELD
    if scene.activity is not Activity.CLOSED:
        scene.activity = Activity.HEARING if barged_in else Activity.LISTENING
    draft = scene.draft(event)
    if draft is None:
        return
    item = scene.shown(draft, draft.reply_key)
    if isinstance(item, ReplyItem) and item.heard is None:
        scene.over(draft, event.status, event.at_s)
    said = scene.items.get(f"{event.turn}.said")
    if event.status == "ignored" and isinstance(said, UserItem) and said.partial:
        del scene.items[f"{event.turn}.said"]
    scene.count_turn(draft)


def _table(scene: Scene, event: events.TableShown) -> None:
    if draft := scene.draft(event):
        rows = tuple(_cells(row) for row in event.rows[:MOST_ROWS])
        more = max(0, len(event.rows) - MOST_ROWS)
        title = one_line(event.title)[:MOST_CELL_CHARS]
        table = TableItem(title, _cells(event.columns), rows, event.complete, more)
        scene.show(draft, f"{draft.turn}.{draft.revision}.table.{title}", table)


def _cells(row: Iterable[str]) -> tuple[str, ...]:
    return tuple(one_line(cell[: 2 * MOST_CELL_CHARS])[:MOST_CELL_CHARS] for cell in list(row)[:MOST_COLUMNS])


def _tool_called(scene: Scene, event: events.ToolCalled) -> None:
    if draft := scene.draft(event):
        tool = ToolItem(one_line(event.name)[:100], one_line(event.arguments)[:2000])
        scene.show(draft, f"{draft.turn}.{draft.revision}.tool.{tool.name}", tool)


def _tool_answered(scene: Scene, event: events.ToolAnswered) -> None:
    draft, name = scene.draft(event), one_line(event.name)[:100]
    if draft is None:
        return
    key = f"{draft.turn}.{draft.revision}.tool.{name}"
    asked = scene.shown(draft, key)
    arguments = asked.arguments if isinstance(asked, ToolItem) else ""
    output, sources = bounded(terminal_safe(event.output), 2000)[0], _cells(event.sources)
    scene.show(draft, key, ToolItem(name, arguments, output, sources))


def _remembered(scene: Scene, event: events.MemoryChanged) -> None:
    done = {"added": "remembered", "edited": "changed in memory", "deleted": "forgotten"}[event.change]
    scene.note("memory", f"{done}: {one_line(event.text)[:500]}")


def _considered(scene: Scene, event: events.Considered) -> None:
    if draft := scene.draft(event):
        text = (
            f"{event.samples} answers compared, {event.agreed} agreed; "
            f"{event.spent_s:.1f} of {event.budget_s:.1f} s spent"
        )
        scene.show(draft, f"{draft.turn}.{draft.revision}.considered", NoteItem("considered", text))


def _noticed(scene: Scene, event: events.Noticed) -> None:
    scene.note("notice", event.message)


def _closed(scene: Scene, event: events.SessionClosed) -> None:
    scene.activity = Activity.CLOSED


REDUCERS: dict[type[events.Fact], Callable[[Scene, Any], None]] = {
    events.SessionCreated: _created,
    events.SessionUpdated: _updated,
    events.SessionClosed: _closed,
    events.SpeechStarted: _speech_started,
    events.SpeechStopped: _speech_stopped,
    events.InputCleared: _stopped,
    events.SpeechIgnored: _ignored,
    events.TurnCommitted: _committed,
    events.DraftCreated: _draft_created,
    events.DraftDiscarded: _draft_discarded,
    events.EndpointPredicted: _predicted,
    events.BudgetAction: _budget,
    events.TranscriptDelta: _partial,
    events.TranscriptCompleted: _heard,
    events.TextSubmitted: _typed,
    events.ResponseCreated: _asked,
    events.ResponseTextDelta: _token,
    events.TextDone: _written,
    events.WordsTimed: _words,
    events.PlaybackStarted: _audible,
    events.PlaybackHeld: _held,
    events.PlaybackResumed: _resumed,
    events.PlaybackCleared: _cleared,
    events.ItemTruncated: _truncated,
    events.ResponseDone: _ended,
    events.TableShown: _table,
    events.ToolCalled: _tool_called,
    events.ToolAnswered: _tool_answered,
    events.MemoryChanged: _remembered,
    events.Considered: _considered,
    events.Noticed: _noticed,
}
"""An event whose type is not in it changes nothing but the turn's times."""


def apply(scene: Scene, event: events.Event) -> None:
    """Take one event into a scene. Never fails, whatever the order of events."""
    scene.observe(event)
    if reduce := REDUCERS.get(type(event)):
        reduce(scene, event)
