"""Lost streams are reopened: the watch with streams that are made up."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from voice_app.core import clock
from voice_app.core.errors import AudioDeviceError
from voice_app.io import recovery
from voice_app.io.abandonable import Caller
from voice_app.io.recovery import AudioLine, Watch


class FakeStream:
    """A stream that is told when to call back, when to be dead, and when its end hangs."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.active = False
        self.closed = False
        self.may_end = threading.Event()
        self.may_end.set()
        self.line: AudioLine | None = None

    def start(self) -> None:
        self.active = True
        self.loop.call_soon_threadsafe(lambda: asyncio.ensure_future(self._call_back()))

    async def _call_back(self) -> None:
        while self.active and self.line is not None:
            self.line.called(clock.now())
            await asyncio.sleep(0.005)

    def abort(self) -> None:
        self.may_end.wait()
        self.active = False

    def close(self) -> None:
        assert not self.closed, "a stream is closed twice"
        self.closed = True


class FakeCard:
    """Hands out fake streams; `present` says whether opening works."""

    def __init__(self) -> None:
        self.present = True
        self.needs_restart = False
        self.restarts = 0
        self.opened = 0
        self.loop = asyncio.get_running_loop()
        self.caller = Caller()
        self.streams: list[FakeStream] = []
        self.said: list[str] = []

    def watch(self) -> Watch:
        return Watch(self.restart, self.caller)

    def open(self) -> FakeStream:
        self.opened += 1
        if not self.present or self.needs_restart:
            raise AudioDeviceError("no such device")
        self.streams.append(FakeStream(self.loop))
        return self.streams[-1]

    def restart(self) -> None:
        assert all(stream.closed for stream in self.streams), "a stream is open while the library restarts"
        self.restarts += 1
        self.needs_restart = False

    def line(self, name: str = "microphone", busy: bool = False) -> AudioLine:
        line: AudioLine

        def attach(stream: recovery.Stream) -> None:
            assert isinstance(stream, FakeStream)
            stream.line = line

        line = AudioLine(name, self.open, attach, self.said.append, busy=lambda: busy)
        return line


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the watch ten times as fast."""
    monkeypatch.setattr(recovery, "TICK_S", 0.025)
    monkeypatch.setattr(recovery, "STALLED_S", 0.1)
    monkeypatch.setattr(recovery, "RETRY_S", (0.025, 0.1))


async def until(fact: Callable[[], bool], limit_s: float = 20.0) -> None:
    """Wait until `fact` is true."""
    end_s = clock.now() + limit_s
    while not fact():
        assert clock.now() < end_s, "did not happen"
        await asyncio.sleep(0.01)


@pytest.mark.usefixtures("quick")
def test_a_stalled_stream_is_replaced_without_restarting_the_library() -> None:
    """A stream that claims to be active but does not call back is reopened; the other line is left alone."""

    async def session() -> None:
        card = FakeCard()
        watch, line, other = card.watch(), card.line(), card.line("loudspeaker")
        await watch.add(line)
        await watch.add(other)
        card.streams[0].line = None
        await until(lambda: len(card.said) == 2)
        assert card.said == ["the microphone stopped; trying to open it again", "the microphone is back"]
        assert (card.restarts, card.streams[1].closed) == (0, False)
        await watch.remove(line)
        await watch.remove(other)
        assert all(stream.closed for stream in card.streams)

    asyncio.run(session())


@pytest.mark.usefixtures("quick")
def test_a_device_that_comes_back_later_is_found_by_restarting_the_library() -> None:
    """As long as the device is away it is tried again and again; each line is reported once."""

    async def session() -> None:
        card = FakeCard()
        watch, line = card.watch(), card.line()
        await watch.add(line)
        card.present = False
        card.streams[0].active = False
        await until(lambda: card.restarts >= 2)
        assert card.said == ["the microphone stopped; trying to open it again"]
        card.present, card.needs_restart = True, True
        await until(lambda: line.stream is not None and line.calls > 0)
        await until(lambda: len(card.said) == 2)
        assert card.said[-1] == "the microphone is back"
        await watch.remove(line)

    asyncio.run(session())


@pytest.mark.usefixtures("quick")
def test_a_loudspeaker_in_use_is_not_interrupted_for_a_lost_microphone() -> None:
    """The library is not restarted while another line is busy."""

    async def session() -> None:
        card = FakeCard()
        watch, line, busy = card.watch(), card.line(), card.line("loudspeaker", busy=True)
        await watch.add(line)
        await watch.add(busy)
        card.present = False
        card.streams[0].active = False
        await until(lambda: len(card.said) == 1)
        await asyncio.sleep(0.5)
        assert (card.restarts, card.streams[1].closed) == (0, False)
        await watch.remove(busy)
        await watch.remove(line)

    asyncio.run(session())


@pytest.mark.usefixtures("quick")
def test_a_device_that_stays_away_is_given_up_and_then_found_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`gone` lets a reply end; the attempts to reopen go on."""
    monkeypatch.setattr(recovery, "GONE_S", 0.1)
    gone: list[bool] = []

    async def session() -> None:
        card = FakeCard()
        watch, line = card.watch(), card.line("loudspeaker")
        line.gone = lambda: gone.append(True)
        await watch.add(line)
        card.present = False
        card.streams[0].active = False
        await until(lambda: bool(gone))
        card.present = True
        await until(lambda: card.said[-1] == "the loudspeaker is back")
        await watch.remove(line)

    asyncio.run(session())


def test_a_device_that_can_not_be_opened_is_not_looked_after() -> None:
    """The error of the first opening reaches the caller, who may go on without the device."""

    async def session() -> None:
        card = FakeCard()
        card.present = False
        watch, line = card.watch(), card.line()
        with pytest.raises(AudioDeviceError):
            await watch.add(line)
        assert line.stream is None
        assert card.said == []

    asyncio.run(session())


@pytest.mark.usefixtures("quick")
def test_a_library_that_hangs_is_reported_once_left_alone_and_used_again_when_it_returns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """While ending a stream hangs, nothing is opened or restarted; when it has ended, the device is back."""
    monkeypatch.setattr(recovery, "SHUT_LIMIT_S", 0.1)
    monkeypatch.setattr(recovery, "GONE_S", 0.1)
    gone: list[bool] = []

    async def session() -> None:
        card = FakeCard()
        watch, line = card.watch(), card.line("loudspeaker")
        line.gone = lambda: gone.append(True)
        await watch.add(line)
        for number in (1, 2):  # a second hang is told like the first
            stream = card.streams[-1]
            stream.may_end.clear()
            stream.line = None
            gone.clear()
            await until(lambda: len(gone) >= 3)
            assert card.said[-1] == card.caller.hang
            assert (len(card.said), card.opened, card.restarts) == (3 * number - 1, number, 0)
            stream.may_end.set()
            await until(lambda: line.stream is not None and line.calls > 0)
            await until(lambda: "is back" in card.said[-1])
            assert (stream.closed, card.caller.hang) == (True, None)
        await watch.remove(line)
        assert all(stream.closed for stream in card.streams)

    asyncio.run(session())


def test_a_session_ends_though_closing_its_stream_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    """`remove` reports the hang and returns; so does the event loop; the stream is closed when that is possible."""
    monkeypatch.setattr(recovery, "SHUT_LIMIT_S", 0.1)

    async def session() -> FakeCard:
        card = FakeCard()
        watch, line = card.watch(), card.line()
        await watch.add(line)
        card.streams[0].may_end.clear()
        await watch.remove(line)
        return card

    card = asyncio.run(session())
    (stream,) = card.streams
    assert card.said == [card.caller.hang]
    assert not stream.closed
    stream.may_end.set()
    asyncio.run(until(lambda: stream.closed))


@pytest.mark.parametrize("cancelled", [False, True])
def test_a_stream_that_opens_too_late_is_closed(monkeypatch: pytest.MonkeyPatch, cancelled: bool) -> None:
    """Whether the limit has passed or the session ended: a stream that nobody waits for does not stay open."""
    monkeypatch.setattr(recovery, "OPEN_LIMIT_S", 30.0 if cancelled else 0.1)
    may_open, asked = threading.Event(), threading.Event()

    async def session() -> FakeCard:
        card = FakeCard()
        watch, line = card.watch(), card.line()

        def open_late() -> FakeStream:
            asked.set()
            may_open.wait()
            return card.open()

        line.open = open_late
        adding = asyncio.create_task(watch.add(line))
        await until(asked.is_set)
        if cancelled:
            adding.cancel()
        with pytest.raises(asyncio.CancelledError if cancelled else AudioDeviceError):
            await adding
        assert line.stream is None
        return card

    card = asyncio.run(session())
    may_open.set()
    asyncio.run(until(lambda: bool(card.streams) and card.streams[0].closed))
