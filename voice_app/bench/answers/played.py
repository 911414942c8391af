"""Plays typed turns in a session as the program composes it, and says what became of each."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from voice_app.bench.answers.seen import Known, SeenCall, SeenTurn
from voice_app.core import events
from voice_app.core.ports import Send, Text
from voice_app.io.speaker import FileSpeaker
from voice_app.io.typed import TypedTurns
from voice_app.runtime.devices import Devices
from voice_app.runtime.engine_set import EngineSet
from voice_app.runtime.host import Hosted, hosted
from voice_app.runtime.plan import SessionPlan
from voice_app.skills.timer.timers import left_s

NOTES = {
    "boiler.md": "# Boiler\nThe boiler was serviced in May. The pressure should be 1.5 bar.\n",
    "lasagna.md": "# Lasagna\nBake it for forty minutes at 180 degrees.\n",
    "house.md": "# House\nThe landlord is Mrs. Weber. The wifi password is on the router.\n",
}
"""The user's notes: where there are none, nobody can be asked to search them."""


@dataclass(slots=True)
class _Watch:
    """A listener that takes down each turn as it begins and as it ends."""

    host: Hosted[Devices] | None = None
    table: str = ""
    turns: list[SeenTurn] = field(default_factory=list)
    _said: str = ""
    _number: int = 0
    _asked_s: float = 0.0
    _first_s: float | None = None
    _last_s: float | None = None
    _answer: str = ""
    _before: Known = field(default_factory=Known)
    _notices: list[str] = field(default_factory=list)

    def __call__(self, event: events.Event) -> None:
        """Take in one event; those of announcements are nobody's turn."""
        match event:
            case events.TextSubmitted():
                self._said, self._number, self._asked_s = event.text, event.turn, event.at_s
                self._first_s, self._last_s, self._answer, self._notices = None, None, "", []
                self._before = self.known()
            case events.TableShown(complete=True):
                self.table = "\n".join((event.title, *event.columns, *map(" ".join, event.rows)))
            case events.Noticed():
                self._notices.append(event.message)
            case events.ResponseTextDelta() if event.turn == self._number:
                self._first_s = event.at_s if self._first_s is None else self._first_s
                self._last_s = event.at_s
            case events.TextDone() if event.turn == self._number:
                self._answer = event.text.strip()
            case events.ResponseDone() if event.turn == self._number:
                self.turns.append(self._seen(event.status))
            case _:
                pass

    def _seen(self, status: str) -> SeenTurn:
        def ms(at_s: float | None) -> float | None:
            return None if at_s is None else round((at_s - self._asked_s) * 1000, 1)

        failed = "; ".join(self._notices) or status if status == "failed" else ""
        times = ms(self._first_s), ms(self._last_s)
        return SeenTurn(self._said, self._answer, self._calls(), self._before, self.known(), *times, failed)

    def _calls(self) -> tuple[SeenCall, ...]:
        assert self.host
        turns = self.host.session.assistant.history.turns
        if not turns or not turns[-1].user.endswith(self._said):
            return ()
        made = turns[-1].calls
        return tuple(SeenCall(one.skill, _object(one.arguments), one.kind, one.output) for one in made)

    def known(self) -> Known:
        """Return what the session holds now."""
        skills = self.host.skills if self.host else None
        if skills is None:
            return Known(table=self.table)
        running, memory = skills.timers.running(), skills.memory
        return Known(
            tuple(map(repr, running)),
            tuple(float(left_s(timer)) for timer in running),
            tuple(f"{entry.kind} {entry.word} {entry.text}" for entry in memory.entries()) if memory else (),
            self.table,
        )


def _object(text: str) -> dict[str, object]:
    found = json.loads(text or "{}")
    return found if isinstance(found, dict) else {"": found}


async def played(
    engines: EngineSet, texts: Sequence[str], *, chat_tokens: int | None = None
) -> list[SeenTurn]:
    """Type texts one after the other in a session of its own, with an empty memory; return what became of each.

    `chat_tokens` cuts the language model's own answers short, where only the calls of skills are asked for.
    """
    watch = _Watch()

    def opened(_: SessionPlan, send: Send) -> Devices:
        return Devices(TypedTurns(texts, lambda text: send(Text(text))), FileSpeaker(None))

    with _own_folders() as notes:
        own = {"keep_log": False, "memory": "persona"}
        settings = engines.settings.model_copy(
            update={**own, "notes": engines.settings.notes.model_copy(update={"folder": str(notes)})}
        )
        plan = SessionPlan(settings, typed_only=True, listeners=(watch,))
        with hosted(plan, replace(engines, settings=settings), opened) as host:
            watch.host = host
            if chat_tokens:
                assistant = host.session.assistant
                assistant.style = replace(assistant.style, max_tokens=chat_tokens)
            await host.run()
    return watch.turns


@contextlib.contextmanager
def _own_folders() -> Iterator[Path]:
    """Keep memories in a folder of their own while the block lasts, never in the user's; return one of notes."""
    before = os.environ.get("XDG_DATA_HOME")
    with tempfile.TemporaryDirectory(prefix="voice-app-answers-") as folder:
        os.environ["XDG_DATA_HOME"] = folder
        notes = Path(folder) / "notes"
        notes.mkdir()
        for name, text in NOTES.items():
            (notes / name).write_text(text)
        try:
            yield notes
        finally:
            if before is None:
                del os.environ["XDG_DATA_HOME"]
            else:
                os.environ["XDG_DATA_HOME"] = before
