"""Subtitles: laws that hold for any words, read back with a parser of their own."""

from __future__ import annotations

import json
import re
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.stt.alignment import timed_words as aligned
from inference.types import Audio, HeardWord
from voice_app.cli.transcription.cues import CueLimits, cues, lines_of
from voice_app.cli.transcription.formats import (
    FileTranscript,
    TranscriptFormat,
    clean_words,
    paragraphs,
    srt,
    vtt,
    write,
)
from voice_app.cli.transcription.segments import (
    CutSettings,
    Cutter,
    SpeechSegment,
    SpeechSpan,
    frames_of,
    speech_segments,
)
from voice_app.cli.transcription.words import fitted, timed_words

HOSTILE = [
    "-->",
    "<b>",
    "&amp;",
    "a\nb",
    "\n\n",
    "1",
    "\x00",
    "00:00:01,000",
    "WEBVTT",
    "NOTE",
    "\u2028",
    "\x1b[31m",
]
texts = st.one_of(
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=12),
    st.sampled_from([*HOSTILE, "so", "the", "end.", "yes,", "x" * 50]),
)


@st.composite
def spoken_words(draw: st.DrawFn) -> list[HeardWord]:
    """Words in order, without overlap: quick, slow, at once, after pauses."""
    words, at_s = [], draw(st.floats(0, 36_000))
    for text in draw(st.lists(texts, max_size=60)):
        start_s = at_s + draw(st.sampled_from([0.0, 0.0, 0.0, 0.1, 0.5, 3.0]))
        at_s = start_s + draw(st.sampled_from([0.0, 0.02, 0.2, 0.4, 1.0, 9.0]))
        words.append(HeardWord(text, start_s, at_s))
    return clean_words(words)


def parsed(content: str, point: str) -> list[tuple[int, int, list[str]]]:
    """Read subtitles as a player does: blocks between blank lines, a line of times, then text."""
    stamp = rf"(\d\d+):(\d\d):(\d\d){re.escape(point)}(\d\d\d)"
    found = []
    for block in content.split("\n\n"):
        lines = block.strip("\n").split("\n")
        place = next((n for n, line in enumerate(lines) if " --> " in line), None)
        if place is None:
            continue
        times = re.fullmatch(f"{stamp} --> {stamp}", lines[place])
        assert times, lines[place]
        numbers = [int(number) for number in times.groups()]
        start, end = (
            ((h * 60 + m) * 60 + s) * 1000 + ms for h, m, s, ms in (tuple(numbers[:4]), tuple(numbers[4:]))
        )
        found.append((start, end, lines[place + 1 :]))
    return found


@settings(max_examples=300, deadline=None)
@given(spoken_words())
def test_subtitles_never_overlap_and_keep_the_text(words: list[HeardWord]) -> None:
    """SubRip and WebVTT, parsed again: times rise, none overlaps, limits hold, every character is there in order."""
    shown = cues(words)
    said = "".join(word.text for word in words)
    subrip, web = parsed(srt(shown), ","), parsed(vtt(shown), ".")

    assert [found[:2] for found in subrip] == [found[:2] for found in web]
    assert all(start < end <= start + 7000 for start, end, _ in subrip)
    assert all(before[1] <= after[0] for before, after in pairwise(subrip))
    assert "".join("".join(lines) for _, _, lines in subrip).replace(" ", "") == said.replace(" ", "")
    unescaped = "".join("".join(lines).replace(" ", "") for _, _, lines in web)
    for code, sign in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        unescaped = unescaped.replace(code, sign)
    assert unescaped == said


@settings(max_examples=300, deadline=None)
@given(spoken_words())
def test_subtitles_are_what_people_can_read(words: list[HeardWord]) -> None:
    """At most two lines of 42 characters, but for a longer single word; 0.8 s or more unless the next one presses."""
    shown = cues(words)

    for cue, after in zip(shown, [*shown[1:], None], strict=False):
        assert 1 <= len(cue.lines) <= 2
        assert all(len(line) <= 42 or " " not in line for line in cue.lines)
        assert cue.end_ms - cue.start_ms >= 800 or (after and after.start_ms == cue.end_ms)


@settings(max_examples=200, deadline=None)
@given(spoken_words())
def test_subtitles_stand_when_their_words_are_said(words: list[HeardWord]) -> None:
    """A subtitle starts with its first word, and is there until its last word ends or seven seconds have passed."""
    rest = [word for word in words if word.end_s - word.start_s >= 0.02]
    for cue in cues(rest):
        count = len(" ".join(cue.lines).split(" "))
        group, rest = rest[:count], rest[count:]

        assert cue.start_ms == pytest.approx(group[0].start_s * 1000, abs=2)
        assert cue.end_ms >= min(group[-1].end_s * 1000 - 2, cue.start_ms + 7000)
    assert not rest


def test_a_long_sentence_is_cut_behind_its_clauses() -> None:
    """Cuts fall behind punctuation, no line ends with an article, and halves are even."""
    text = (
        "When the keeper of the lighthouse heard that the company wanted to sell the lamp, he wrote a letter "
        "to the mayor, and the mayor came with the evening boat."
    )
    said = text.split()
    words = [HeardWord(text, 0.3 * n, 0.3 * n + 0.3) for n, text in enumerate(said)]
    lines = [line for cue in cues(words) for line in cue.lines]

    assert [cue.lines[-1].split()[-1] for cue in cues(words)] == ["lamp,", "boat."]
    assert not {line.split()[-1] for line in lines} & {"the", "a", "of", "to"}


def test_a_line_is_broken_only_where_it_must() -> None:
    """42 characters are a line; more are two; what needs three is refused."""
    assert lines_of(["x" * 20, "y" * 21], 42) == ("x" * 20 + " " + "y" * 21,)
    assert lines_of(["x" * 20, "y" * 22], 42) == ("x" * 20, "y" * 22)
    assert lines_of(["x" * 40, "y" * 40, "z" * 40], 42) is None


def test_formats_of_nothing() -> None:
    """Silence is an empty file, with a header where the format has one."""
    silent = FileTranscript("a.wav", (), 3.0, 1.0)

    assert [
        write(silent, form) for form in (TranscriptFormat.TEXT, TranscriptFormat.SRT, TranscriptFormat.VTT)
    ] == ["", "", "WEBVTT\n"]
    assert json.loads(write(silent, TranscriptFormat.JSON))["words"] == []


def test_paragraphs_begin_behind_a_rest_and_a_sentence() -> None:
    """A long pause inside a sentence begins none."""
    words = [
        HeardWord(*word) for word in [("One", 0, 1), ("two.", 4, 5), ("Three", 9, 10), ("four.", 10, 11)]
    ]

    assert paragraphs(words) == ["One two.", "Three four."]


def test_words_are_what_white_space_parts_and_punctuation_has_no_length() -> None:
    """Parts of a word are joined; the silence after a full stop is not the word's."""
    parts = (["He", " cold", "-hearted", ".", "<|end|>"], [[1], [2], [3], [4], [5]])
    words = aligned(parts, [0.0, 0.5, 0.9, 1.4, 3.0])

    assert words == [HeardWord("He", 0.0, 0.5), HeardWord("cold-hearted.", 0.5, 1.4)]


def test_silence_that_the_alignment_gave_to_a_word_is_taken_off() -> None:
    """A first word that starts with the sound starts with the speech; a short silence inside a word stays."""
    speech = (SpeechSpan(2.0, 2.4), SpeechSpan(2.5, 3.0), SpeechSpan(5.0, 6.0))
    words = [HeardWord("Brew", 0.0, 2.3), HeardWord("a", 2.3, 3.9), HeardWord("latte", 3.9, 6.5)]

    fits = [(word.start_s, word.end_s) for word in fitted(words, speech)]

    assert fits == [(2.0, 2.3), (2.3, 3.0), (5.0, 6.0)]


def test_times_are_of_the_whole_sound_and_never_go_back() -> None:
    """What two segments say is put in order, whatever the alignment says."""
    pieces = [SpeechSegment(np.zeros(16_000, np.float32), start_s, ()) for start_s in (10.0, 11.0)]

    def words(_: Audio) -> list[HeardWord]:
        return [HeardWord("a", 0.5, 1.4), HeardWord("b", 1.2, 1.3)]

    times = [(word.start_s, word.end_s) for word in timed_words(pieces, words)]

    assert times == sorted(times)
    assert all(before[1] <= after[0] for before, after in pairwise(times))
    assert times[0] == (10.5, 11.4)


small = CutSettings(longest_s=3.2, search_s=1.0, pause_s=0.3)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([0.0, 0.15, 0.9]), st.integers(1, 150)), max_size=12))
def test_every_frame_of_speech_is_in_one_segment_of_bounded_length(runs: list[tuple[float, int]]) -> None:
    """Segments are in order, as short as speech to text needs, and lose no sound in which somebody speaks."""
    probabilities = [p for p, count in runs for _ in range(count)]
    frames = [np.full(512, number, np.float32) for number in range(len(probabilities))]
    said = iter(probabilities)
    found = list(speech_segments(frames, lambda _: next(said), small))
    covered = [int(value) for segment in found for value in segment.samples[::512]]
    voiced, spoken = False, []
    for number, probability in enumerate(probabilities):
        voiced = probability >= (small.release if voiced else small.threshold)
        spoken += [number] * voiced
    runs_of_two = [n for n in spoken if n + 1 in set(spoken) or n - 1 in set(spoken)]

    assert covered == sorted(set(covered))
    assert set(runs_of_two) <= set(covered)
    assert all(len(segment.samples) / 16_000 <= 3.2 + 0.4 + 0.3 + 0.05 for segment in found)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from([0.0, 0.9]), max_size=400))
def test_what_is_held_is_bounded(probabilities: list[float]) -> None:
    """However long the sound, a segment and what is before it are all that is kept."""
    cutter = Cutter(small)
    for probability in probabilities:
        list(cutter.push(np.zeros(512, np.float32), probability))

        assert cutter.held_s <= 3.2 + 2 * 0.4 + 0.1


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 2000), max_size=20))
def test_blocks_become_frames_without_loss(lengths: list[int]) -> None:
    """Blocks of any length are the same sound in frames of 512, filled up with silence."""
    whole = np.arange(sum(lengths), dtype=np.float32)
    blocks = np.split(whole, np.cumsum(lengths)[:-1]) if lengths else []
    frames = list(frames_of(iter(blocks)))
    joined = np.concatenate(frames) if frames else whole

    assert all(frame.shape == (512,) for frame in frames)
    assert np.array_equal(joined[: len(whole)], whole)
    assert not joined[len(whole) :].any()


def test_limits_are_data() -> None:
    """Other limits give other subtitles."""
    words = [HeardWord("word", 0.2 * n, 0.2 * n + 0.2) for n in range(20)]

    assert all(len(line) <= 20 for cue in cues(words, CueLimits(line_chars=20)) for line in cue.lines)
