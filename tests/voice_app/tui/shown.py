"""What the screen's tests share: a chat of events, at a moment of its own clock."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from textual.pilot import Pilot

from voice_app.core import events
from voice_app.observe.recorder import replay
from voice_app.tui.app import Chat, ChatApp
from voice_app.tui.reducers import apply
from voice_app.tui.replayed import Replay
from voice_app.tui.scene import Scene

DATA = Path(__file__).parent / "data"


def recorded() -> list[events.Event]:
    """Return a real session: four spoken questions, answered by the embedded models."""
    return list(replay(DATA / "session.jsonl"))


def folded(log: Sequence[events.Event]) -> Scene:
    """Return the scene that a log makes."""
    scene = Scene()
    for event in log:
        apply(scene, event)
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
        while not app.chat_screen.ready:
            await pilot.pause()
        app.chat_screen.composer.cursor_blink = False
        for act in (_nothing, *more):
            await act(pilot)
            await pilot.pause()
            for _ in range(3):  # what a tick shows may change what there is room for
                app.tick()
                await pilot.pause()
            while app.busy:
                app.tick()
                await pilot.pause()

    return settle


async def _nothing(pilot: Pilot[int]) -> None:
    """Only look."""


def pressed(*keys: str) -> Callable[[Pilot[int]], Awaitable[object]]:
    """Return what presses keys."""
    return lambda pilot: pilot.press(*keys)


class Asked:
    """A control that keeps what it is asked, and a source of events that happened."""

    def __init__(self, *log: events.Event) -> None:
        self.asked: list[tuple[object, ...]] = []
        self.log = list(log)
        self.microphone = True

    def take(self) -> list[events.Event]:
        taken, self.log = self.log, []
        return taken

    def now_s(self) -> float:
        return 0.0

    def submit(self, text: str) -> None:
        self.asked.append(("submit", text))

    def interrupt(self) -> None:
        self.asked.append(("interrupt",))

    def set_muted(self, muted: bool) -> None:
        self.asked.append(("muted", muted))

    def push_to_talk(self, down: bool) -> None:
        self.asked.append(("talk", down))

    def hands_free(self, on: bool) -> None:
        self.asked.append(("hands free", on))

    def repeat(self) -> None:
        self.asked.append(("repeat",))

    def retry(self) -> None:
        self.asked.append(("retry",))

    def switch(self, **changes: str) -> None:
        self.asked.append(("switch", changes))

    def level_db(self) -> float:
        return -30.0

    def has_microphone(self) -> bool:
        return self.microphone

    def choices(self) -> dict[str, tuple[str, ...]]:
        return {"model": ("small", "large"), "input": ("USB [hw:1,0]", "HDA"), "output": ()}

    def write_sound(self, path: Path) -> float:
        path.write_bytes(b"RIFF")
        return 1.0

    def end(self) -> None:
        self.asked.append(("end",))
