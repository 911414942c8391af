"""The loudspeaker's sound is taken out of the microphone's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.audio import resample
from inference.types import Audio, Samples
from inference.vad.silero import SileroVad
from tests.speech import spoken
from voice_app.core.errors import AudioDeviceError
from voice_app.core.ports import FRAME_RATE_HZ, FRAME_SAMPLES
from voice_app.io import echo_cancel
from voice_app.io.echo_cancel import EchoCanceller, PlayedSound, echo_canceller
from voice_app.io.frames import CHUNK_SAMPLES, FrameCutter

CHUNK_S = CHUNK_SAMPLES / FRAME_RATE_HZ
SPEAKER_HZ = 48_000
LATENCY_S = 0.03
"""Of the loudspeaker's device: from the pull of a sample to its sound."""
STORY = "Once upon a time there was a dog who lived by the sea and barked at the waves."


def at(samples: Audio, rate_hz: int) -> Samples:
    return resample(samples, rate_hz).samples


def frames(played: Samples, near: Samples, gain_db: float, delay_s: float) -> tuple[Samples, Samples]:
    """Return what the microphone hears of both, and the same cleaned, in blocks of 10 ms as devices give them.

    `played`, 48 kHz, is pulled by the loudspeaker; its echo comes `delay_s` after it is audible. `near` is 16 kHz.
    """
    echo = resample(Audio(played, SPEAKER_HZ), FRAME_RATE_HZ).samples * 10 ** (gain_db / 20)
    late = round((LATENCY_S + delay_s) * FRAME_RATE_HZ)
    heard = np.concatenate([np.zeros(late, np.float32), echo])
    heard[: len(near)] += near[: len(heard)]
    sound = PlayedSound()
    cutter = FrameCutter(FRAME_RATE_HZ, EchoCanceller(sound).clean)
    size, cleaned = round(CHUNK_S * SPEAKER_HZ), []
    for number in range(len(played) // size):
        sound.put(played[number * size : (number + 1) * size], SPEAKER_HZ)
        chunk = heard[number * CHUNK_SAMPLES : (number + 1) * CHUNK_SAMPLES]
        cleaned += [frame.samples for frame in cutter.push(chunk, (number + 1) * CHUNK_S)]
    out = np.concatenate(cleaned)
    return heard[: len(out)], out


def voiced_frames(samples: Samples) -> int:
    vad = SileroVad()
    whole = samples[: len(samples) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)
    return sum(vad.probability(frame) > 0.5 for frame in whole)


@pytest.mark.model
@pytest.mark.parametrize("gain_db", [-20, -6])
@pytest.mark.parametrize("delay_s", [0.005, 0.12])
def test_a_reply_leaves_no_speech_in_the_microphone(gain_db: float, delay_s: float) -> None:
    """The detector hears the echo of a sentence for a second and more; of what is left of it, nothing."""
    silence = np.zeros(SPEAKER_HZ, np.float32)
    played = np.concatenate([silence, at(spoken(STORY), SPEAKER_HZ), silence])

    heard, cleaned = frames(played, np.zeros(0, np.float32), gain_db, delay_s)

    assert voiced_frames(heard) > 30
    assert voiced_frames(cleaned) == 0
    assert np.square(heard).mean() > 30 * np.square(cleaned).mean()


@pytest.mark.model
def test_a_person_who_speaks_over_the_reply_is_heard() -> None:
    """Behind the canceller, the detector finds speech where the person speaks, and nowhere before."""
    played = np.concatenate([np.zeros(SPEAKER_HZ, np.float32), at(spoken(STORY), SPEAKER_HZ)])
    speech = at(spoken("What is the capital of France?"), FRAME_RATE_HZ)
    from_sample = 3 * FRAME_RATE_HZ
    near = np.concatenate([np.zeros(from_sample, np.float32), speech])

    _, cleaned = frames(played, near, -20, 0.02)

    assert voiced_frames(cleaned[:from_sample]) == 0
    assert voiced_frames(cleaned[from_sample:]) > 20


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 40), st.booleans())
def test_while_nothing_is_played_the_microphone_is_untouched(chunks: int, speaker_runs: bool) -> None:
    """Bit for bit and without delay."""
    rng = np.random.default_rng(chunks)
    near = rng.standard_normal(chunks * CHUNK_SAMPLES).astype(np.float32)
    sound = PlayedSound()
    canceller = EchoCanceller(sound)
    for chunk in near.reshape(chunks, CHUNK_SAMPLES):
        if speaker_runs:
            sound.put(np.zeros(480, np.float32), SPEAKER_HZ)
        assert canceller.clean(chunk) is chunk


def test_before_it_is_active_who_speaks_into_a_reply_is_heard_whole() -> None:
    """With a headset there is no echo, and nothing is taken out; once there is one, it is, and only then."""
    rng = np.random.default_rng(0)
    sound = PlayedSound()
    canceller = EchoCanceller(sound, active=False)

    def heard(near: np.ndarray) -> np.ndarray:
        sound.put(rng.standard_normal(CHUNK_SAMPLES).astype(np.float32), FRAME_RATE_HZ)
        return canceller.clean(near)

    chunks = rng.standard_normal((50, CHUNK_SAMPLES)).astype(np.float32)

    assert all(heard(chunk) is chunk for chunk in chunks)
    assert canceller.activate()
    assert not canceller.activate()
    assert all(heard(chunk) is not chunk for chunk in chunks)


def test_an_echo_activates_the_canceller_by_itself() -> None:
    """A second of what was played, quieter and later, in what is heard."""
    rng = np.random.default_rng(0)
    sound = PlayedSound()
    canceller = EchoCanceller(sound, active=False)
    played = rng.standard_normal((150, CHUNK_SAMPLES)).astype(np.float32)
    for number, chunk in enumerate(played):
        sound.put(chunk, FRAME_RATE_HZ)
        canceller.clean(0.1 * played[max(number - 6, 0)])

    assert not canceller.activate()


@pytest.mark.model
@pytest.mark.parametrize(
    "words", ["The story of a dog in the sea is a classic tale.", "The capital of France is Paris."]
)
def test_the_beginning_of_a_reply_is_known_by_its_sound(words: str) -> None:
    """From 0.6 s on, long before speech to text makes out words; another speaker's words are not taken for it."""
    reply, other = (at(spoken(text), FRAME_RATE_HZ) for text in (words, "Stop, that is enough for now."))

    def found(heard: Samples) -> bool:
        sound = PlayedSound()
        canceller = EchoCanceller(sound, active=False)
        late = np.concatenate([np.zeros(800, np.float32), 0.1 * heard])
        for start in range(0, round(0.6 * FRAME_RATE_HZ), CHUNK_SAMPLES):
            sound.put(reply[start : start + CHUNK_SAMPLES], FRAME_RATE_HZ)
            canceller.clean(late[start : start + CHUNK_SAMPLES])
        return canceller.hears_itself() or not canceller.activate()

    assert found(reply)
    assert not found(other)


@given(st.lists(st.integers(0, 4), min_size=40, max_size=80))
def test_callbacks_in_bursts_neither_drop_nor_repeat_a_sample(waiting: list[int]) -> None:
    """Blocks that come late, several at once, are handed on as one stream; where one was missed, silence is."""
    sound, taken, put = PlayedSound(), [], 0
    for number, late in enumerate(waiting, start=1):
        while put < number - late:
            put += 1
            sound.put(
                np.arange(CHUNK_SAMPLES, dtype=np.float32) + 1 + (put - 1) * CHUNK_SAMPLES, FRAME_RATE_HZ
            )
        taken.append(sound.take(CHUNK_SAMPLES))
    played = np.concatenate(taken)
    played = played[played > 0]

    assert np.array_equal(played, np.arange(1, len(played) + 1))


def test_what_was_put_before_the_microphone_listened_is_dropped_in_silence() -> None:
    """The canceller is not kept from finding the delay by sound that waits."""
    sound = PlayedSound()
    for _ in range(30):
        sound.put(np.zeros(CHUNK_SAMPLES, np.float32), FRAME_RATE_HZ)
    for _ in range(60):
        sound.put(np.zeros(CHUNK_SAMPLES, np.float32), FRAME_RATE_HZ)
        sound.take(CHUNK_SAMPLES)
    sound.put(np.ones(CHUNK_SAMPLES, np.float32), FRAME_RATE_HZ)

    assert np.concatenate([sound.take(CHUNK_SAMPLES), sound.take(CHUNK_SAMPLES)]).sum() == CHUNK_SAMPLES


def test_the_package_is_loaded_late() -> None:
    """A program that does not listen neither needs nor loads it."""
    code = (
        "import sys, voice_app.io.device, voice_app.runtime.host; sys.exit('pywebrtc_audio' in sys.modules)"
    )
    root = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, timeout=60).returncode == 0


def test_without_the_package_only_on_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """`auto` does without, `on` says in one line what to install, `off` never looks."""
    monkeypatch.setitem(sys.modules, "pywebrtc_audio", None)
    monkeypatch.setattr(echo_cancel, "is_available", lambda: False)

    assert echo_canceller("auto", PlayedSound()) is None
    assert echo_canceller("off", PlayedSound()) is None
    with pytest.raises(AudioDeviceError, match="pip install pywebrtc-audio"):
        echo_canceller("on", PlayedSound())
