"""What the chat's screen costs: `python -m tests.bench.screen`. Frames a second and the delay of a key while the models
work; a session of 500 turns at speed, and the memory it leaves. All times are measured on this machine.
"""

from __future__ import annotations

import asyncio
import gc
import statistics
import sys
import time
import tracemalloc

from textual import events as textual_events

from tests.voice_app.tui import composed
from voice_app.core import events
from voice_app.observe.statistics import percentile
from voice_app.runtime.live import LiveSession
from voice_app.runtime.plan import SessionPlan
from voice_app.runtime.settings import load_settings
from voice_app.tui.app import Chat, ChatApp
from voice_app.tui.feed import Feed
from voice_app.tui.launch import SessionThread
from voice_app.tui.reducers import apply
from voice_app.tui.replayed import Replay

SIZE = (120, 40)
QUESTIONS = ("Tell me a story about a bee.", "What is the capital of France?", "Why is the sky blue?")
LIVE_S = 25.0
TURNS = 500
SPEED = 200.0
"""Seconds of the session in a second."""


class Watched(ChatApp):
    """The chat, with the moments and lengths of its ticks."""

    def __init__(self, chat: Chat) -> None:
        super().__init__(chat)
        self.at_s: list[float] = []
        self.spent_s: list[float] = []

    def tick(self) -> None:
        started_s = time.perf_counter()
        super().tick()
        self.at_s.append(started_s)
        self.spent_s.append(time.perf_counter() - started_s)

    def told(self, title: str) -> None:
        """Print the frames of the run."""
        gaps = [later - sooner for sooner, later in zip(self.at_s, self.at_s[1:], strict=False)]
        seconds = [round(at_s - self.at_s[0]) for at_s in self.at_s]
        rates = [seconds.count(second) for second in range(1, max(seconds))]
        print(
            f"{title}: {len(gaps) / sum(gaps):.1f} frames/s, {min(rates)} in the slowest second; "
            f"gap p99 {_p99_ms(gaps):.0f} ms, max {max(gaps) * 1000:.0f} ms; "
            f"a tick takes {statistics.median(self.spent_s) * 1000:.1f} ms, "
            f"p99 {_p99_ms(self.spent_s):.1f} ms"
        )


def _p99_ms(values_s: list[float]) -> float:
    return 1000 * (percentile(values_s, 99) or 0.0)


async def key_delay_s(app: ChatApp) -> float:
    """Return the seconds from a key to the frame that shows it."""
    shown = asyncio.Event()
    before, started_s = app.chat_screen.composer.text, time.perf_counter()
    assert app._driver is not None
    app._driver.process_message(textual_events.Key("x", "x"))
    while app.chat_screen.composer.text == before:  # noqa: ASYNC110 - what is measured has no event
        await asyncio.sleep(0.001)
    app.call_after_refresh(shown.set)
    await shown.wait()
    return time.perf_counter() - started_s


async def live() -> None:
    """Ask one question after the other, type meanwhile, and look at the frames."""
    feed = Feed()
    settings = load_settings(audio={"input": "missing", "output": "missing"}, keep_log=False)
    session = LiveSession(SessionPlan(settings, listeners=(feed,)))
    thread = SessionThread(session)
    app = Watched(Chat(session, feed, failure=thread.failure))
    delays_s, asked = list[float](), 0
    async with app.run_test(size=SIZE) as pilot:
        thread.start()
        while app.scene.created is None:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.05)
        app.told("while the models load")
        app.at_s.clear()
        app.spent_s.clear()
        end_s = time.perf_counter() + LIVE_S
        while time.perf_counter() < end_s:
            if app.scene.session.turns == asked or app.scene.activity == "listening":
                session.submit(QUESTIONS[asked % len(QUESTIONS)])
                asked += 1
            delays_s.append(await key_delay_s(app))
            await asyncio.sleep(0.13)
            if len(app.chat_screen.composer.text) > 60:
                app.chat_screen.composer.text = ""
        await pilot.pause()
        app.told(f"while the models work ({asked} questions)")
    thread.end()
    print(
        f"a key is shown after {statistics.median(delays_s) * 1000:.0f} ms, "
        f"p99 {_p99_ms(delays_s):.0f} ms, max {max(delays_s) * 1000:.0f} ms ({len(delays_s)} keys)"
    )


async def long_session(*, traced: bool) -> None:
    """Replay a session of hundreds of turns, and look at frames, or at memory: tracing it takes most of the time."""
    log = composed.long(TURNS)
    source = Replay(log, time.perf_counter, SPEED)
    app = Watched(Chat(source, source, recorded=True))
    bytes_at = dict[int, int]()
    if traced:
        tracemalloc.start()
    async with app.run_test(size=SIZE):
        while not source.over or app.busy:
            await asyncio.sleep(0.05)
            turns = app.scene.session.turns // 100 * 100
            if traced and turns and turns not in bytes_at:
                gc.collect()
                bytes_at[turns] = tracemalloc.get_traced_memory()[0]
    if traced:
        tracemalloc.stop()
        kept = ", ".join(f"{number}: {size / 1e6:.1f}" for number, size in bytes_at.items())
        print(f"memory in MB after turns {kept}")
    else:
        app.told(f"{TURNS} turns at {SPEED:.0f} times their speed")


def fold() -> None:
    """Fold a long session without a screen."""
    from voice_app.tui.scene import Scene

    log: list[events.Event] = composed.long(TURNS)
    scene, started_s = Scene(), time.perf_counter()
    for event in log:
        apply(scene, event)
    spent_s = time.perf_counter() - started_s
    print(f"the fold takes {spent_s / len(log) * 1e6:.0f} µs an event ({len(log):,} events)")


if __name__ == "__main__":
    fold()
    asyncio.run(long_session(traced=False))
    asyncio.run(long_session(traced=True))
    if "--no-models" not in sys.argv:
        asyncio.run(live())
