"""Whose turn some words are, as `voice-app tools route` tells it."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from inference.models.store import cache_folder
from inference.types import Message
from voice_app.runtime.engine_set import load_text_only
from voice_app.runtime.engines import judges
from voice_app.runtime.settings import Settings
from voice_app.skills.followed import LATEST_TURNS
from voice_app.skills.memory.store import Memory
from voice_app.skills.registry import SkillValues, session_skills
from voice_app.skills.router import Route, Router, is_open, routes
from voice_app.skills.skill import Called, Clarify, Refuse
from voice_app.skills.utterance import Utterance


def routed(texts: Sequence[str], settings: Settings) -> dict[str, Any]:
    """Return whose the last turn is; the others come before it, as if their calls had been made."""
    with tempfile.TemporaryDirectory() as folder:
        memory = Memory(Path(folder) / "memory.sqlite3")  # of nobody: nothing is to be changed
        try:
            values = SkillValues(
                memory=memory, notes_folder=settings.notes.folder, cache=cache_folder() / "notes"
            )
            return _Routing(Router(session_skills(values)), settings).last(texts)
        finally:
            memory.close()


class _Routing:
    """Turns that are routed one after the other."""

    def __init__(self, router: Router, settings: Settings) -> None:
        self._router, self._settings = router, settings
        self._engines: Any = None
        self._router.choice.leads(Utterance.of("hello"))  # made before it is timed

    def last(self, texts: Sequence[str]) -> dict[str, Any]:
        """Return whose the last turn is."""
        earlier: list[Message] = []
        called: list[list[Called]] = []
        try:
            for text in texts[:-1]:
                found, _ = self._routes(text, earlier, _recent(called))
                called.append([_called(each) for each in found])
                earlier += [Message("user", text), Message("assistant", "Okay.")]
            found, seconds = self._routes(texts[-1], earlier, _recent(called))
        finally:
            if self._engines:
                self._engines.close()
        return {**_row(found), "ms": round(seconds * 1000, 2)}

    def _routes(
        self, text: str, earlier: Sequence[Message], called: Sequence[Called]
    ) -> tuple[list[Route], float]:
        """Return the calls of a turn, and the seconds it took to find them; loading a model does not count."""
        said, start_s = Utterance.of(text), time.perf_counter()
        if found := routes(said, self._router.skills, earlier, called):
            return found, time.perf_counter() - start_s
        likely = self._router.likely(said, earlier)
        asks, loading_s = is_open(likely), time.perf_counter()
        if asks and self._engines is None and judges(self._settings):
            self._engines = load_text_only(self._settings)
        start_s += time.perf_counter() - loading_s
        if asks and self._engines and self._engines.chooser:
            route = self._router.chosen(said, likely, self._engines.chooser)
        else:
            route = self._router.likeliest(likely)
        return [route] if route else [], time.perf_counter() - start_s


def _recent(called: Sequence[Sequence[Called]]) -> list[Called]:
    """Return the calls of the last turns as those of a session would be; see `calls_before`."""
    recent = []
    for ago, calls in enumerate(reversed(called[-LATEST_TURNS:])):
        recent += [
            Called(call.name, call.arguments, call.output, call.clarifies, ago)
            for call in reversed(calls)
            if ago == 0 or not call.clarifies
        ]
    return recent


def _called(route: Route) -> Called:
    asks = isinstance(route.call, Clarify)
    return Called(route.skill.name, route.arguments, route.call.question if asks else "", clarifies=asks)


def _row(found: Sequence[Route]) -> dict[str, Any]:
    """Return calls as JSON: one, or several in `calls`."""
    if not found:
        return {"skill": None, "arguments": {}, "by": "chat"}
    calls = [_call(route) for route in found]
    return calls[0] if len(calls) == 1 else {**calls[0], "calls": calls}


def _call(route: Route) -> dict[str, Any]:
    row = {"skill": route.skill.name, "arguments": dict(route.arguments)}
    match route.call:
        case Clarify(question=question):
            return {**row, "by": "clarify", "question": question}
        case Refuse(text=text):
            return {**row, "by": route.by, "refusal": text}
    return {**row, "by": "model" if route.by == "model" else "template"}
