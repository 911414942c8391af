"""Records of a demonstration's turns, from a session's events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from voice_app.core import events
from voice_app.demos.metered import Work
from voice_app.skills.table.table import Table


@dataclass(slots=True)
class TurnRecord:
    """A turn: what was said, heard, answered and shown, and when. Times are seconds since the user's last sound."""

    said: str
    heard: str = ""
    answer: str = ""
    table: Table | None = None
    """Complete."""
    listed: bool = False
    to_audio_s: float | None = None
    to_table_s: float | None = None
    """Until its first row is shown."""
    to_whole_table_s: float | None = None
    works: tuple[Work, ...] = ()
    """Of the language model."""
    works_to_table: int = 0
    """How many of them there were when the first row was shown."""
    status: str = ""


@dataclass(slots=True)
class TurnRecorder:
    """Makes a `TurnRecord` of every turn; `works` are the requests of the session's language model so far."""

    said: Sequence[str]
    works: Sequence[Work]
    turns: list[TurnRecord] = field(default_factory=list)
    _drafts: dict[int, TurnRecord] = field(default_factory=dict)
    _asked_s: float = 0.0
    _first_work: int = 0

    def __call__(self, event: events.Event) -> None:
        """Take in one event."""
        record = self._drafts.setdefault(event.revision, self._blank())
        match event:
            case events.DraftCreated():
                self._first_work = len(self.works)
            case events.TextSubmitted(text=text):
                self._asked_s, self._drafts[1] = event.at_s, self._blank(text)
            case events.TranscriptCompleted(text=text):
                record.heard = text
            case events.TurnCommitted(speech_end_s=end_s) if end_s is not None:
                self._asked_s = end_s
            case events.PlaybackStarted():
                record.to_audio_s = event.at_s - self._asked_s
            case events.TableShown():
                self._show(record, event)
            case events.TextDone(text=text):
                record.answer = text.strip()
            case events.ResponseDone(status=status) if status in ("completed", "failed"):
                record.status = status
                record.works = tuple(self.works[self._first_work :])
                self.turns.append(record)
                self._drafts = {}
            case _:
                pass

    def _show(self, record: TurnRecord, event: events.TableShown) -> None:
        passed_s = event.at_s - self._asked_s
        if record.to_table_s is None and event.rows:
            record.to_table_s, record.works_to_table = passed_s, len(self.works) - self._first_work
        if event.complete:
            record.to_whole_table_s = passed_s
            record.table, record.listed = Table(event.columns, event.rows), event.listed

    def _blank(self, heard: str = "") -> TurnRecord:
        place = len(self.turns)
        return TurnRecord(self.said[place] if place < len(self.said) else heard, heard)
