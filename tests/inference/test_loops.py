"""Repetition in transcripts: found where it is, nowhere else, and cut to one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.stt.loops import cut_repeats, find_loop, repeats

WORDS = st.text("abcdefghijklmnopqrstuvwxyz", min_size=2, max_size=7).filter(lambda word: len(set(word)) > 1)
PHRASES = st.lists(WORDS, min_size=1, max_size=12, unique=True)


@given(PHRASES)
def test_distinct_words_are_no_loop(words: list[str]) -> None:
    """A text in which no word stands twice holds no loop and is not changed by the cut."""
    text = " ".join(words)
    assert find_loop(text) is None
    assert cut_repeats(text) == text or repeats(text)


@given(PHRASES, st.integers(3, 6))
def test_repeated_phrase_is_found_whole(words: list[str], times: int) -> None:
    """A phrase of distinct words standing there several times is found with its words and its count."""
    loop = find_loop(" ".join(words * times))
    assert loop is not None
    assert loop.phrase == tuple(words)
    assert loop.times == times


@given(PHRASES, st.integers(3, 6), st.integers(0, 11))
def test_cut_leaves_the_phrase_once(words: list[str], times: int, part: int) -> None:
    """The cut takes the further phrases and an unfinished last one away, and nothing else."""
    begun = words[: part % len(words)]
    assert cut_repeats(" ".join([*words * times, *begun])) == " ".join(words)


@given(PHRASES, PHRASES, PHRASES)
def test_words_around_a_loop_stay(before: list[str], phrase: list[str], after: list[str]) -> None:
    """Words before and behind the loop outlive the cut when they are not part of it."""
    before, phrase, after = (
        [f"{mark}{word}" for word in words] for mark, words in _marked(before, phrase, after)
    )
    text = " ".join([*before, *phrase * 3, *after])
    assert cut_repeats(text) == " ".join([*before, *phrase, *after])


def _marked(*parts: list[str]) -> list[tuple[str, list[str]]]:
    return list(zip(("X", "Y", "Z"), parts, strict=True))


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("What is the time? What is the time? What is", "What is the time?"),
        ("Book a room Book a ROOM book a room", "Book a room"),
        ("Half an hour. Half an hour.", "Half an hour."),
        ("not an old-s-s-y-y-y-y-y-y-", "not an old-s-s-y-"),
        ("555-121212", "555-12"),
        ("no no no", "no"),
        ("Yes. So hahahahahahaha", "Yes. So ha"),
    ],
)
def test_loops_of_whisper(text: str, cut: str) -> None:
    """Loops as tiny.en writes them are found and cut behind the first."""
    assert repeats(text)
    assert cut_repeats(text) == cut


@pytest.mark.parametrize(
    "text",
    [
        "very very good",
        "I want a medium, medium roast Americano",
        "it costs 1,000,000 or 5000 or 90,000",
        "Turn it up and turn it down",
        "Row your boat",
        "Mississippi banana",
        "zzzzz",
        "",
    ],
)
def test_plain_speech_is_no_loop(text: str) -> None:
    """Doubled words, round numbers and repetitive spelling do not cost a caller a second decode."""
    assert not repeats(text)
    assert cut_repeats(text) == text


@given(st.text(max_size=60))
def test_cut_is_safe_on_any_text(text: str) -> None:
    """Whatever the text, the cut only takes away, and takes away only where something repeats."""
    cut = cut_repeats(text)
    assert len(cut) <= len(text)
    assert cut == text or repeats(text)
