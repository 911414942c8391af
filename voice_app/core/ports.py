"""What the core needs from outside: commands, sound in and out, and a scheduler for the work of the engines."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal, Protocol, TypeVar

from inference.protocols import VoiceActivityDetector
from inference.types import Samples
from voice_app.core import clock, events

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Text:
    """Take typed text as a turn of its own; it interrupts a reply."""

    text: str


@dataclass(frozen=True, slots=True)
class Stop:
    """Drop what is being said, by the user or the assistant."""


@dataclass(frozen=True, slots=True)
class EndTurn:
    """Force the end of the user's turn: a key was released."""


@dataclass(frozen=True, slots=True)
class Announce:
    """Say something that answers nobody, as that a timer is up, as soon as nobody speaks."""

    text: str


@dataclass(frozen=True, slots=True)
class Notify:
    """Tell the user something by an event, as that a device came back."""

    message: str


@dataclass(frozen=True, slots=True)
class Swap:
    """Exchange what must rest meanwhile, as models or devices, as soon as nobody speaks and no engine works."""

    exchange: Callable[[], Awaitable[None]]


Command = Text | Stop | EndTurn | Announce | Notify | Swap
Send = Callable[[Command], None]

FRAME_RATE_HZ = 16_000
FRAME_SAMPLES = 512
"""The frame of the Silero voice activity detector at 16 kHz."""
FRAME_S = FRAME_SAMPLES / FRAME_RATE_HZ


@dataclass(frozen=True, slots=True, eq=False)
class AudioFrame:
    """One frame of the user's sound."""

    samples: Samples
    """Shape (512,), 16 kHz, in [-1, 1]."""
    end_s: float
    """When the last sample was captured, on `voice_app.core.clock`."""


class FrameSource(Protocol):
    """A microphone, or something that acts as one."""

    def frames(self) -> AsyncIterator[AudioFrame]:
        """Yield frames in real time, without gaps, until `close` or the end of the sound."""
        ...

    async def close(self) -> None:
        """End `frames` and release the device."""
        ...


@dataclass(frozen=True, slots=True)
class Played:
    """How much of a reply has left the loudspeaker."""

    seconds: float
    """In the time of the written sound."""
    complete: bool
    """Whether that is the whole reply."""


def nothing() -> None:
    """Hear nothing: the default of `on_started` and `on_stopped`."""


class Speaker(Protocol):
    """A loudspeaker that says one reply after another; calls and callbacks are in the loop's thread."""

    on_started: Callable[[], None]
    """Called once a reply, when its first sample is audible."""
    on_stopped: Callable[[], None]
    """Called once for every `on_started`, when the reply has been heard, or is cut."""

    @property
    def rate_hz(self) -> int:
        """The device's rate."""
        ...

    @property
    def played_s(self) -> float:
        """Seconds of this reply that have been heard by now."""
        ...

    @property
    def first_sound_s(self) -> float | None:
        """When the first sample of this reply is audible, device latency included; None until it has left."""
        ...

    async def start(self) -> None:
        """Open the device."""
        ...

    async def close(self) -> None:
        """Cut what is being said and release the device."""
        ...

    def begin(self) -> None:
        """Start a reply; an unfinished one is cut."""
        ...

    async def write(self, samples: Samples, rate_hz: int) -> None:
        """Queue sound, shape (n,), of any rate; wait while the buffer is full. Ignored outside a reply."""
        ...

    async def finish(self) -> Played:
        """End the reply and wait until it has been heard or is cut."""
        ...

    def hold(self) -> None:
        """Pause the reply; what is queued stays."""
        ...

    def resume(self) -> None:
        """Go on with a held reply."""
        ...

    def cut(self) -> Played:
        """Fall silent: what is queued is dropped. What the device holds already still counts as played."""
        ...


@dataclass(frozen=True, slots=True)
class SessionIO:
    """Where sound comes from and goes to."""

    source: FrameSource
    vad: VoiceActivityDetector
    speaker: Speaker
    hears_itself: Callable[[], bool] = lambda: False
    """Returns by the sound whether the microphone hears the loudspeaker, as long as nothing cancels it."""
    cancel_echo: Callable[[], bool] = lambda: False
    """Called when the assistant has heard itself; returns whether echo cancellation is now active."""


class Priority(IntEnum):
    """Who goes first; smaller is sooner."""

    FINAL_TRANSCRIPT = 0
    FIRST_TOKENS = 1
    FIRST_SOUND = 2
    MORE_SOUND = 3
    MORE_TOKENS = 4
    PARTIAL_TRANSCRIPT = 5
    UPKEEP = 6


EngineName = Literal["stt", "llm", "tts", "skill"]
"""Whose work a job is; one of each runs at a time. "stt" is all that listens, "skill" what a skill computes itself."""


class Scheduler(Protocol):
    """Runs blocking work of the engines for one session."""

    deadline_s: float | None
    """When the reply to the current turn should be audible, on the loop's clock."""

    async def call(self, priority: Priority, work: Callable[[], T], *, on: EngineName) -> T:
        """Run one job of the engine `on` and return its result. Raises Overloaded."""
        ...

    def stream(
        self, priority: Callable[[], Priority], items: Iterator[T], *, on: EngineName
    ) -> AsyncGenerator[T, None]:
        """Yield the items of a blocking iterator, a job each; `priority` is asked anew for every item."""
        ...


class Emit(Protocol):
    """Emits events of one turn: each is stamped with its time and its place."""

    def __call__(self, event: events.Event, /, *, at_s: float | None = None) -> None:
        """Emit `event`, which happened at `at_s` on the loop's clock; None stands for now."""
        ...


def emitter(
    send: Callable[[events.Event], None], started_s: float, turn: int, revision: int, session: str = ""
) -> Emit:
    """Return what stamps and sends the events of a draft. `started_s`: start of the session, on the loop's clock."""

    def emit(event: events.Event, /, *, at_s: float | None = None) -> None:
        passed_s = (clock.now() if at_s is None else at_s) - started_s
        place = {"at_s": passed_s, "session": session, "turn": turn, "revision": revision}
        send(event.model_copy(update=place))

    return emit


class Bus:
    """Hands every event to every listener, in order, at once. A listener that fails is dropped."""

    def __init__(self) -> None:
        self._listeners: list[Callable[[events.Event], None]] = []
        self.failures: list[Exception] = []

    def subscribe(self, listener: Callable[[events.Event], None]) -> None:
        self._listeners.append(listener)

    def emit(self, event: events.Event) -> None:
        for listener in list(self._listeners):
            try:
                listener(event)
            except Exception as error:  # an observer may not change the conversation
                self._listeners.remove(listener)
                self.failures.append(error)
