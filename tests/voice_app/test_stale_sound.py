"""No stale sound: whatever happens in whatever order, what is heard answers the turn that was released last.

Every transcript is a word of its own, the reply repeats it, and the voice says each word at a level of its own: so that
the sound alone tells which draft it is from.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.llm.scripted_llm import ScriptedLanguageModel
from inference.stt import BatchRecognizer
from inference.turn.scripted_turn import ScriptedTurnDetector
from inference.types import Audio, Message, Samples, SpeechChunk, SttCapabilities, Transcript, Voice
from voice_app.bench.composed import LoudnessVad
from voice_app.bench.virtual_time import Meter, VirtualScheduler, run_virtual
from voice_app.core import events
from voice_app.core.ports import Text
from voice_app.io.recordings import RecordedTurn, RecordedUser
from voice_app.io.speaker import FileSpeaker
from voice_app.runtime.devices import Devices
from voice_app.runtime.engine_set import EngineSet
from voice_app.runtime.host import hosted
from voice_app.runtime.persona import Persona
from voice_app.runtime.plan import SessionPlan
from voice_app.runtime.settings import Settings, TurnTaking

RATE_HZ = 22_050
WORDS = [first + second + last for first in "bdfgklmnp" for second in "aeiou" for last in "mnt"]
LEVEL = 1 / 256
"""Between the levels of two words; a power of two is exact in 16 bits."""
STEADY = 64
"""Samples of one level in a row that are sound of a word; the fade of a cut reply has none."""
SLACK_S = 0.016
"""A block of the loudspeaker, and the fade in it."""


@dataclass(frozen=True)
class Plot:
    """What happens: tones and silences of the user, typed texts, what the models say and how long they take."""

    rhythm: list[float]
    over_reply: list[float]
    typed_at_s: list[float]
    interruptions: list[str]
    finished: list[float]
    stt_s: float
    token_s: float
    sound_s: float


PLOTS = st.builds(
    Plot,
    rhythm=st.lists(st.floats(0.05, 1.6), min_size=1, max_size=9),
    over_reply=st.lists(st.floats(0.05, 3.0), max_size=3),
    typed_at_s=st.lists(st.floats(0.2, 12.0), max_size=3),
    interruptions=st.lists(st.sampled_from(["stop it", "mhm", "", "yeah okay"]), min_size=1, max_size=4),
    finished=st.lists(st.sampled_from([0.0, 0.05, 1.0]), min_size=1, max_size=4),
    stt_s=st.floats(0.01, 0.9),
    token_s=st.floats(0.001, 0.2),
    sound_s=st.floats(0.01, 0.4),
)


@dataclass
class Models:
    """Speech to text and text to speech of the plot."""

    plot: Plot
    meter: Meter
    transcripts: int = 0
    partials: int = 0
    rate_hz: int = RATE_HZ

    capabilities = SttCapabilities()

    def recognizer(self, language: str = "en") -> BatchRecognizer:
        return BatchRecognizer(self.partial, self.final)

    def keep_warm(self) -> None:
        """Is never cold."""

    def use_threads(self, threads: int) -> None:
        """Has one."""

    def final(self, audio: Audio) -> Transcript:
        self.meter.spend(self.plot.stt_s)
        self.transcripts += 1
        return Transcript(WORDS[self.transcripts], audio.seconds)

    def partial(self, audio: Audio) -> Transcript:
        self.meter.spend(self.plot.stt_s / 2)
        self.partials += 1
        return Transcript(
            self.plot.interruptions[self.partials % len(self.plot.interruptions)], audio.seconds
        )

    def stream(self, text: str, voice: Voice, cancelled: Event) -> Iterator[SpeechChunk]:
        level = (WORDS.index(text.split()[0].strip(".").lower()) + 1) * LEVEL
        for _ in range(3):
            if cancelled.is_set():
                return
            self.meter.spend(self.plot.sound_s)
            yield SpeechChunk(np.full(RATE_HZ // 3, level, np.float32), RATE_HZ, ())


@dataclass
class Outcome:
    log: list[events.Event] = field(default_factory=list)
    sound: Samples = field(default_factory=lambda: np.zeros(0, np.float32))


def tones(lengths: list[float]) -> Audio:
    """Return tone, silence, tone, …"""
    parts = [np.full(round(s * 16_000), 0.3 * (n % 2 == 0), np.float32) for n, s in enumerate(lengths)]
    return Audio(np.concatenate(parts), 16_000)


def reply(messages: tuple[Message, ...]) -> str:
    word = messages[-1].content.split()[-1]
    return " ".join(f"{word} {word} {word}." for _ in range(4))


async def converse(plot: Plot, wav: Path) -> Outcome:
    outcome, meter = Outcome(), Meter()
    models, finished = Models(plot, meter), iter(plot.finished * 100)
    turns = [
        RecordedTurn(tones(plot.rhythm)),
        *[RecordedTurn(tones([0.7]), after=s) for s in plot.over_reply],
    ]
    devices = Devices(RecordedUser(turns, timeout_s=3.0), FileSpeaker(wav), vad=LoudnessVad())
    settings = Settings(memory="off", keep_log=False, turn=TurnTaking(partial_every_ms=500))
    engines = EngineSet(
        settings,
        because="scripted",
        persona=Persona(name="", description=""),
        llm=ScriptedLanguageModel(reply, first_token_s=plot.token_s, token_s=plot.token_s, spend=meter.spend),
        scheduler=VirtualScheduler(meter),
        stt=models,
        tts=models,
        detector=ScriptedTurnDetector(lambda _: next(finished)),
    )
    plan = SessionPlan(settings, listeners=(outcome.log.append,), skills=False)
    with hosted(plan, engines, lambda *_: devices) as host:
        for number, at_s in enumerate(plot.typed_at_s):
            word = Text(WORDS[-1 - number])
            asyncio.get_running_loop().call_at(at_s, host.session.send, word)
        await host.run()
    assert host.session.bus.failures == []
    outcome.sound = soundfile.read(wav, dtype="float32")[0]
    return outcome


def heard(sound: Samples) -> Iterator[tuple[float, str]]:
    """Yield instants at which a word sounds, and the word."""
    blocks = sound[: len(sound) // STEADY * STEADY].reshape(-1, STEADY)
    for number in np.flatnonzero((np.ptp(blocks, axis=1) == 0) & (blocks[:, 0] > LEVEL / 2)):
        level = float(blocks[number, 0]) / LEVEL
        assert level == pytest.approx(round(level), abs=0.02)
        yield number * STEADY / RATE_HZ, WORDS[round(level) - 1]


def answered(log: list[events.Event]) -> dict[str, set[tuple[int, int]]]:
    """Return the drafts that answer each word, a turn's last: its transcript's own, or all of a typed turn."""
    drafts: dict[str, set[tuple[int, int]]] = {}
    for event in log:
        if isinstance(event, events.TranscriptCompleted):
            drafts.setdefault(event.text.lower().split()[-1], set()).add((event.turn, event.revision))
        elif isinstance(event, events.TextSubmitted):
            made = {(one.turn, one.revision) for one in log if one.turn == event.turn}
            drafts.setdefault(event.text, set()).update(made)
    return drafts


def allowed(log: list[events.Event], at_s: float) -> tuple[int, int] | None:
    """Return the draft that may sound at an instant: released last, and neither dropped nor over."""
    current: tuple[int, int] | None = None
    for event in log:
        if event.at_s > at_s:
            return current
        if isinstance(event, events.TurnCommitted):
            current = (event.turn, event.revision)
        elif (
            isinstance(event, events.ResponseDone | events.DraftDiscarded)
            and event.turn == (current or (0,))[0]
        ):
            current = None
    return current


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(PLOTS)
def test_what_is_heard_answers_the_turn_that_was_released_last(
    tmp_path_factory: pytest.TempPathFactory, plot: Plot
) -> None:
    """Of every 3 ms of the sound: its draft was released before, and nothing has taken its place since."""
    outcome = run_virtual(converse(plot, tmp_path_factory.mktemp("stale") / "reply.wav"))
    drafts = answered(outcome.log)

    for at_s, word in heard(outcome.sound):
        may = {allowed(outcome.log, at_s), allowed(outcome.log, at_s - SLACK_S)}
        assert drafts[word] & may, f"{word} {drafts[word]} sounds at {at_s:.3f} s, where {may} may"


def test_the_check_sees_what_sounds(tmp_path: Path) -> None:
    """A quiet plot is heard: the word of its transcript, for as long as the reply lasts; a wrong log is caught."""
    plot = Plot([1.0], [], [], ["mhm"], [1.0], 0.1, 0.02, 0.05)
    outcome = run_virtual(converse(plot, tmp_path / "reply.wav"))
    sounding = list(heard(outcome.sound))
    (commit,) = [event for event in outcome.log if isinstance(event, events.TurnCommitted)]

    assert {word for _, word in sounding} == {WORDS[1]}
    assert len(sounding) * STEADY / RATE_HZ == pytest.approx(4.0, abs=0.1)
    assert allowed(outcome.log, sounding[0][0]) == (1, commit.revision)
    assert allowed([event for event in outcome.log if event is not commit], sounding[0][0]) is None
