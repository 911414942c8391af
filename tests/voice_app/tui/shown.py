"""What the screen's tests share: a chat of events, at a moment of its own clock."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from textual.pilot import Pilot

from voice_app import events
from voice_app.recorder import replay
from voice_app.tui.app import Chat, ChatApp
from voice_app.tui.composer import Composer
from voice_app.tui.replayed import Replay
from voice_app.tui.scene import Scene

DATA = Path(__file__).parent / "data"


def recorded() -> list[events.Event]:
    """Return a real session: four spoken questions, answered by the embedded models."""
    return list(replay(DATA / "session.jsonl"))


def folded(log: Sequence[events.Event]) -> Scene:
    """Return the scene behind a log."""
    scene = Scene()
    for event in log:
        scene.apply(event)
    return scene


def app_at(log: Sequence[events.Event], at_s: float) -> ChatApp:
    """Return the chat as it stands at a moment of a recorded session."""
    now = [0.0]
    source = Replay(log, lambda: now[0])
    now[0] = at_s
    return ChatApp(Chat(source, source, recorded=True))


def ticked(
    *more: Callable[[Pilot[int]], Awaitable[object]],
) -> Callable[[Pilot[int]], Awaitable[None]]:
    """Return what lets the screen take in everything, and then does more."""

    async def settle(pilot: Pilot[int]) -> None:
        app = pilot.app
        assert isinstance(app, ChatApp)
        while not app.query(Composer):
            await pilot.pause()
        app.query_one(Composer).cursor_blink = False
        for act in (_nothing, *more):
            await act(pilot)
            await pilot.pause()
            while True:
                app.tick()
                await pilot.pause()
                if not app.busy:
                    break

    return settle


async def _nothing(pilot: Pilot[int]) -> None:
    """Only look."""
