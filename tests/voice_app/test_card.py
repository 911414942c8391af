"""The program on a real sound server: a person's side and the loudspeaker's side recorded on one clock."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from inference.audio import write_audio
from inference.stt import transcribe
from inference.types import Audio, Samples
from tests.pulse import CARD_RATE_HZ, PulseServer, require_pulse
from tests.speech import spoken, stt
from voice_app.bench.bench_report import Targets
from voice_app.bench.card import measure_card
from voice_app.bench.scenario import ScenarioTurn
from voice_app.core import events
from voice_app.core.errors import SessionError
from voice_app.observe.recorder import replay

pytestmark = [pytest.mark.card, pytest.mark.model]

AUDIBLE = 10 ** (-50 / 20)
LIMIT_S = 60.0


class Talk:
    """`voice-app talk` as a process on a card of its own."""

    def __init__(self, card: PulseServer, log: Path, *arguments: str) -> None:
        self.log = log
        command = [sys.executable, "-m", "voice_app", "talk", "--events", str(log), *arguments]
        self.process = subprocess.Popen(command, env=card.env, stdout=subprocess.PIPE, text=True)

    def wait_ready(self) -> None:
        """Read lines until it listens."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.strip() == "ready":
                return
        pytest.fail(f"it ended with {self.process.wait()} before it was ready")

    def events(self) -> list[events.Event]:
        try:
            return list(replay(self.log))
        except SessionError:
            return []

    def wait_for(self, holds: Callable[[list[events.Event]], bool]) -> list[events.Event]:
        """Return the events once something holds of them."""
        deadline = time.monotonic() + LIMIT_S
        while not holds(log := self.events()):
            if self.process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"never came: {[type(event).__name__ for event in log]}")
            time.sleep(0.05)
        return log

    def interrupt(self) -> int:
        """Press Ctrl-C and return the exit status."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(15)


@contextmanager
def talking(tmp_path: Path, *arguments: str) -> Iterator[tuple[PulseServer, Talk]]:
    """Run the program on a private card until the block ends."""
    with PulseServer() as card:
        talk = Talk(card, tmp_path / "events.jsonl", *arguments)
        try:
            talk.wait_ready()
            yield card, talk
        finally:
            if talk.process.poll() is None:
                talk.process.kill()
            talk.process.wait()
            if talk.process.stdout:
                talk.process.stdout.close()


def of(kind: type[events.Fact], log: list[events.Event]) -> list[events.Fact]:
    return [event for event in log if isinstance(event, kind)]


def loud(samples: Samples) -> np.ndarray:
    return np.flatnonzero(np.abs(samples) > AUDIBLE)


def test_a_question_asked_aloud_is_answered_aloud(tmp_path: Path) -> None:
    """The capital of France is asked for in the microphone; "Paris" comes out of the loudspeaker, afterwards."""
    question = tmp_path / "question.wav"
    write_audio(question, spoken("What is the capital of France?"))
    with talking(tmp_path) as (card, talk), card.record() as recording:
        card.play(question).wait()
        log = talk.wait_for(lambda log: bool(of(events.ResponseDone, log)))
        time.sleep(0.5)
        user, speaker = recording.samples().T
        status = talk.interrupt()

    answer = transcribe(stt(), Audio(np.ascontiguousarray(speaker), CARD_RATE_HZ))

    assert "Paris" in answer.text
    assert loud(user)[-1] < loud(speaker)[0]
    assert status == 0
    assert isinstance(list(replay(talk.log))[-1], events.SessionClosed)
    assert of(events.ResponseDone, log)[0].status == "completed"


def test_speaking_into_the_answer_stops_it(tmp_path: Path) -> None:
    """Barge-in: the loudspeaker falls silent, and only what was heard stays in the history."""
    question, interruption = tmp_path / "question.wav", tmp_path / "interruption.wav"
    write_audio(question, spoken("Please tell me a long story about a dog and the sea."))
    write_audio(interruption, spoken("What is the capital of France?"))
    with talking(tmp_path) as (card, talk), card.record() as recording:
        card.play(question).wait()
        talk.wait_for(lambda log: bool(of(events.PlaybackStarted, log)))
        time.sleep(1.0)
        card.play(interruption).wait()
        log = talk.wait_for(lambda log: len(of(events.ResponseDone, log)) >= 2)
        speaker = recording.samples()[:, 1]
        talk.interrupt()
    first, second = of(events.ResponseDone, log)[:2]
    written = of(events.TextDone, log)
    (truncated,) = of(events.ItemTruncated, log)
    sounding = loud(speaker)
    second_from = sounding[np.flatnonzero(np.diff(sounding) > CARD_RATE_HZ // 2)[-1] + 1]
    answer = transcribe(stt(), Audio(np.ascontiguousarray(speaker[second_from:]), CARD_RATE_HZ))

    assert (first.status, second.status) == ("cancelled", "completed")
    assert 0 < len(truncated.heard.split()) < 40
    assert "Paris" in answer.text
    assert written


def test_a_session_ends_with_ctrl_c_before_anything_is_said(tmp_path: Path) -> None:
    """Exit status 0, and a log that says so."""
    with talking(tmp_path) as (_, talk):
        assert talk.interrupt() == 0

    assert [type(event) for event in replay(talk.log)] == [events.SessionCreated, events.SessionClosed]
    assert os.stat(talk.log).st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("break_card", "message", "times"), [(PulseServer.freeze, "hangs", 1), (PulseServer.kill, "stopped", 2)]
)
def test_a_session_whose_sound_server_hangs_or_dies_says_so_and_ends_with_ctrl_c(
    tmp_path: Path, break_card: Callable[[PulseServer], None], message: str, times: int
) -> None:
    """The session goes on without sound until it is ended in order, though PortAudio may never return."""
    question = tmp_path / "question.wav"
    write_audio(question, spoken("What is the capital of France?"))
    with talking(tmp_path) as (card, talk):
        card.play(question)
        talk.wait_for(lambda log: bool(of(events.SpeechStarted, log)))
        break_card(card)
        talk.wait_for(lambda log: sum(message in event.message for event in of(events.Noticed, log)) >= times)
        status = talk.interrupt()

    log = list(replay(talk.log))
    said = [event.message for event in of(events.Noticed, log)]
    assert status == 0
    assert isinstance(log[-1], events.SessionClosed)
    assert {message for message in said if "stopped" in message} == {
        f"the {name} stopped; trying to open it again" for name in ("microphone", "loudspeaker")
    }
    assert sum("the sound library hangs" in message for message in said) <= 1


def test_the_benchmark_times_a_turn_on_the_card() -> None:
    """What the recording says and what the events say of one turn are 100 ms apart at most."""
    require_pulse()
    turn = ScenarioTurn("x", spoken("What is the capital of France?"), "What is the capital of France?")
    report = measure_card([turn], Targets(), ())
    heard, by_events = report["voice_to_voice_ms"], report["voice_to_voice_by_events_ms"]

    assert (report["turns"], report["missed"], report["cut_ins"]) == (1, 0, 0)
    assert heard["p50"] == pytest.approx(by_events["p50"], abs=100)  # type: ignore[index]
    assert report["wer"] == 0
