"""Everything the screen shows, as state that events change in place (`reducers.apply`). No widget, bounded memory.

No clock either: the same events in the same order make the same scene. What a draft makes is kept apart until its
turn is over: a draft that is dropped leaves nothing.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field, replace
from typing import Any

from voice_app.core import events
from voice_app.tui.figures import SessionFigures, TurnLog, Writing, to_sound_s
from voice_app.tui.items import MOST_CHARS, Activity, Item, NoteItem, ReplyItem
from voice_app.tui.spoken_words import Mark, Spoken
from voice_app.tui.terminal_safe import bounded, terminal_safe

MOST_ITEMS = 240
MOST_IN_DRAFT = 40
MOST_DRAFTS = 4


@dataclass(slots=True)
class Draft:
    """A reply in the making."""

    turn: int
    revision: int
    released: bool = False
    items: dict[str, Item] = field(default_factory=dict)
    """What it is to show, by key."""
    writing: Writing = Writing()
    actions: list[tuple[str, str]] = field(default_factory=list)
    """What the budget did, and why."""
    because: str = ""
    """Why the turn was held to be over after so long a silence."""

    @property
    def reply_key(self) -> str:
        """Return the key of its reply among the items."""
        return f"{self.turn}.{self.revision}.reply"


class Scene:
    """What is on the screen."""

    def __init__(self, most_items: int | None = MOST_ITEMS) -> None:
        self._most_items = most_items
        self.items: dict[str, Item] = {}
        """The transcript, oldest first."""
        self.folded = 0
        """Items that are no longer kept."""
        self.activity = Activity.LOADING
        self.models: dict[str, str] = {}
        self.persona = ""
        self.started = ""
        self.created: events.SessionCreated | None = None
        self.now_s = 0.0
        """The latest event's time: a lower bound of the session's clock."""
        self.turn = TurnLog()
        self.session = SessionFigures()
        self.current = Draft(0, 0)
        """The draft that was released last."""
        self.version = 0
        """Counts the changes of figures and state."""
        self._drafts: dict[tuple[int, int], Draft] = {}
        self._counted = 0
        self.committed = (0, 0)
        self._notes = 0

    @property
    def answer(self) -> str:
        """Return the text of the last reply."""
        replies = [item.text for item in self.items.values() if isinstance(item, ReplyItem)]
        return replies[-1].strip() if replies else ""

    def snapshot(self) -> Scene:
        """Return the transcript as it stands, to be read by another thread while this one goes on."""
        still = copy(self)
        still.items, still.models = dict(self.items), dict(self.models)
        return still

    def observe(self, event: events.Event) -> None:
        """Take from an event what every event has: it is a change, it has a time, it may mark a stage of a turn."""
        self.version += 1
        self.now_s = max(self.now_s, event.at_s)
        self.turn.add(event)

    # The transcript.

    def put(self, key: str, item: Item) -> None:
        """Show an item, or what it has become."""
        self.items[key] = item
        while self._most_items is not None and len(self.items) > self._most_items:
            del self.items[next(iter(self.items))]
            self.folded += 1

    def note(self, kind: Any, text: str) -> None:
        """Show a line of the program's own."""
        self._notes += 1
        self.put(f"note.{self._notes}", NoteItem(kind, bounded(terminal_safe(text), MOST_CHARS)[0]))

    # Drafts.

    def draft(self, event: events.Fact) -> Draft | None:
        """Return the draft an event belongs to; None for one that is over, or none at all."""
        key = event.turn, event.revision
        if not event.revision:
            return None
        if key not in self._drafts:
            if self._drafts and key < max(self._drafts):
                return None
            self._drafts[key] = Draft(*key, released=key == self.committed)
            while len(self._drafts) > MOST_DRAFTS:
                del self._drafts[min(self._drafts)]
        return self._drafts[key]

    def show(self, draft: Draft, key: str, item: Item) -> None:
        """Show an item of a draft, at once or when it is released."""
        if draft.released:
            self.put(key, item)
        elif key in draft.items or len(draft.items) < MOST_IN_DRAFT:
            draft.items[key] = item

    def shown(self, draft: Draft, key: str) -> Item | None:
        """Return an item of a draft as it stands."""
        return self.items.get(key) if draft.released else draft.items.get(key)

    def release(self, draft: Draft) -> None:
        """Show what a draft made, in place of an earlier draft of the same turn: the turn is over."""
        draft.released, self.current = True, draft
        for key, item in list(self.items.items()):
            mine = key.startswith(f"{draft.turn}.") and not key.startswith(f"{draft.turn}.{draft.revision}.")
            if mine and isinstance(item, ReplyItem) and item.playhead is None:
                del self.items[key]
        for key, item in draft.items.items():
            self.put(key, item)
        draft.items = {}

    def reply(self, draft: Draft | None, **changes: Any) -> None:
        """Change a draft's reply where it is there."""
        item = self.shown(draft, draft.reply_key) if draft else None
        if draft and isinstance(item, ReplyItem):
            self.show(draft, draft.reply_key, replace(item, **changes))

    def over(self, draft: Draft, status: Any, at_s: float, heard: Mark | None = None) -> None:
        """End a reply: keep how far it was heard instead of when."""
        item = self.shown(draft, draft.reply_key)
        if isinstance(item, ReplyItem):
            whole = Mark(len(item.text), len(item.text))
            heard = heard or (whole if status == "completed" else item.mark(at_s)) or Mark(0, 0)
            done = replace(item, status=status, heard=heard, spoken=Spoken(), **self._figures(draft, item))
            self.show(draft, draft.reply_key, done)

    def _figures(self, draft: Draft, item: ReplyItem) -> dict[str, Any]:
        commit = self.turn.commit
        mine = commit is not None and (commit.turn, commit.revision) == (draft.turn, draft.revision)
        return {
            "to_sound_s": to_sound_s(self.turn.times(), commit) if mine and item.playhead else None,
            "typed": mine and commit is not None and commit.speech_end_s is None,
            "tokens_per_s": draft.writing.tokens_per_s,
        }

    def count_turn(self, draft: Draft) -> None:
        """Count a turn that is over, once."""
        commit = self.turn.commit
        if draft.turn <= self._counted or not draft.released:
            return
        self._counted = draft.turn
        self.session.turns += 1
        item = self.items.get(draft.reply_key)
        wait_s = item.to_sound_s if isinstance(item, ReplyItem) else None
        if wait_s is not None and commit is not None:
            spoken = commit.speech_end_s is not None
            (self.session.voice_s if spoken else self.session.typed_s).append(wait_s)

    def commit(self, event: events.TurnCommitted) -> None:
        """End a turn: the draft of this revision is the reply."""
        self.committed = event.turn, event.revision
        draft = self.draft(event)
        if draft and not draft.released:
            self.release(draft)
        elif draft:
            self.current = draft
