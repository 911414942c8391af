"""Lost streams are reopened: the watch with streams that are made up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from voice_app.core import clock
from voice_app.core.errors import AudioDeviceError
from voice_app.io import recovery
from voice_app.io.recovery import Line, Watch


class FakeStream:
    """A stream that is told when to call back and when to be dead."""

    def __init__(self, *, alive: bool = True) -> None:
        self.active = False
        self.alive = alive
        self.closed = False
        self.line: Line | None = None

    def start(self) -> None:
        self.active = True
        if self.alive:
            asyncio.create_task(self._call_back())  # noqa: RUF006

    async def _call_back(self) -> None:
        while self.active and self.line is not None:
            self.line.called(clock.now())
            await asyncio.sleep(0.005)

    def abort(self) -> None:
        self.active = False

    def close(self) -> None:
        self.closed = True


class FakeCard:
    """Hands out fake streams; `present` says whether opening works."""

    def __init__(self) -> None:
        self.present = True
        self.needs_restart = False
        self.restarts = 0
        self.streams: list[FakeStream] = []
        self.said: list[str] = []

    def open(self) -> FakeStream:
        if not self.present or self.needs_restart:
            raise AudioDeviceError("no such device")
        self.streams.append(FakeStream())
        return self.streams[-1]

    def restart(self) -> None:
        assert all(stream.closed for stream in self.streams), "a stream is open while the library restarts"
        self.restarts += 1
        self.needs_restart = False

    def line(self, name: str = "microphone", busy: bool = False) -> Line:
        line: Line

        def adopt(stream: recovery.Stream) -> None:
            assert isinstance(stream, FakeStream)
            stream.line = line

        line = Line(name, self.open, adopt, self.said.append, busy=lambda: busy)
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
        watch, line, other = Watch(card.restart), card.line(), card.line("loudspeaker")
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
        watch, line = Watch(card.restart), card.line()
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
        watch, line, busy = Watch(card.restart), card.line(), card.line("loudspeaker", busy=True)
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
        watch, line = Watch(card.restart), card.line("loudspeaker")
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
        watch, line = Watch(card.restart), card.line()
        with pytest.raises(AudioDeviceError):
            await watch.add(line)
        assert line.stream is None
        assert card.said == []

    asyncio.run(session())
