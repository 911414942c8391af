"""Voice activity detection: Silero on real speech and on noise, and the scripted one."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from inference.audio import resample
from inference.sound_files import read_audio
from inference.types import Samples
from inference.vad.scripted_vad import ScriptedVad
from inference.vad.silero import FRAME_SAMPLES, RATE_HZ, SileroVad
from tests.speech import spoken

CORPUS = Path(__file__).parents[2] / "../shared/speech"
FRAME_S = FRAME_SAMPLES / RATE_HZ


def corpus(folder: str = "") -> list[dict[str, str | float]]:
    """The corpus' manifest rows whose file lies under `folder`; skips the test where the corpus is absent."""
    manifest = CORPUS / "manifest.jsonl"
    if not manifest.is_file():
        pytest.skip(f"no speech corpus at {CORPUS}")
    rows = [json.loads(line) for line in manifest.read_text().splitlines()]
    return [row for row in rows if row["file"].startswith(folder)]


def samples_of(row: dict[str, str | float]) -> Samples:
    """The sound of a manifest row at 16 kHz."""
    return resample(read_audio(CORPUS / str(row["file"])), RATE_HZ).samples


def probabilities(vad: SileroVad | ScriptedVad, samples: Samples) -> np.ndarray:
    """The probability of every whole frame."""
    frames = len(samples) // FRAME_SAMPLES
    return np.array([vad.probability(f) for f in samples[: frames * FRAME_SAMPLES].reshape(frames, -1)])


@pytest.fixture(scope="module")
def silero() -> SileroVad:
    """One loaded model; a test resets it first."""
    return SileroVad()


@pytest.mark.model
def test_streamed_frames_equal_the_run_of_faster_whisper(silero: SileroVad) -> None:
    """Frame by frame with state gives what faster-whisper computes for the whole sound at once."""
    from faster_whisper.vad import get_vad_model

    samples = samples_of(corpus("librivox")[0])
    silero.reset()
    streamed = probabilities(silero, samples)
    whole = get_vad_model()(samples[: len(streamed) * FRAME_SAMPLES].copy()).ravel()
    # faster-whisper gives its first frame no context by blanking the end of the last one.
    np.testing.assert_allclose(streamed[:-1], whole[:-1], atol=1e-5)


@pytest.mark.model
def test_speech_and_rooms_are_told_apart(silero: SileroVad) -> None:
    """Most frames of the spoken spans count as speech; few do half a second and more away from them."""
    inside, outside = [], []
    for row in corpus("commands"):
        silero.reset()
        found = probabilities(silero, samples_of(row))
        middle_s = (np.arange(len(found)) + 0.5) * FRAME_S
        start_s, end_s = float(row["speech_start_s"]), float(row["speech_end_s"])
        inside.append(found[(middle_s > start_s + 0.2) & (middle_s < end_s - 0.2)])
        outside.append(found[(middle_s < start_s - 0.5) | (middle_s > end_s + 0.5)])
    assert np.mean(np.concatenate(inside) > 0.5) > 0.75
    assert np.mean(np.concatenate(outside) > 0.5) < 0.05


@pytest.mark.model
@pytest.mark.parametrize("text", ["Who wrote the play Hamlet?", "What is the capital of Germany?"])
def test_a_minute_of_silence_does_not_make_it_deaf(silero: SileroVad, text: str) -> None:
    """Speech behind it is noticed within the first frames; the network alone takes half a second and more."""
    audio = resample(spoken(text), RATE_HZ).samples
    speech = audio[np.flatnonzero(np.abs(audio) > 0.02)[0] :]
    silero.reset()
    probabilities(silero, np.zeros(60 * RATE_HZ, np.float32))
    assert probabilities(silero, speech)[:6].max() > 0.5


@pytest.mark.model
@pytest.mark.parametrize("level", [0.0, 1e-4, 1e-2])
def test_silence_and_noise_are_not_speech(silero: SileroVad, level: float) -> None:
    """Digital silence and white noise stay below one half in every frame."""
    noise = np.random.default_rng(1).standard_normal(3 * RATE_HZ).astype(np.float32) * np.float32(level)
    silero.reset()
    assert probabilities(silero, noise).max() < 0.5


@pytest.mark.model
def test_reset_forgets(silero: SileroVad) -> None:
    """After a reset the same sound gets the same probabilities, whatever came before."""
    speech = samples_of(corpus("librivox")[0])[: 2 * RATE_HZ]
    silero.reset()
    first = probabilities(silero, speech)
    remembered = probabilities(silero, speech)
    silero.reset()
    np.testing.assert_array_equal(probabilities(silero, speech), first)
    assert np.abs(remembered - first).max() > 1e-3


@pytest.mark.model
def test_wrong_frame_is_refused(silero: SileroVad) -> None:
    """A frame of another length says so instead of shifting the stream."""
    with pytest.raises(ValueError, match=r"512"):
        silero.probability(np.zeros(480, np.float32))


def test_script_is_followed_across_resets() -> None:
    """The scripted detector answers by the time of the frames given, which a reset does not rewind."""
    vad = ScriptedVad([(0.1, 0.2), (0.5, 9.0)])
    frame = np.zeros(FRAME_SAMPLES, np.float32)
    answers = []
    for index in range(20):
        if index == 10:
            vad.reset()
        answers.append(vad.probability(frame))
    middles_s = [(index + 0.5) * FRAME_S for index in range(20)]
    assert answers == [float(0.1 <= at < 0.2 or at >= 0.5) for at in middles_s]
