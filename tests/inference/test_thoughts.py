"""Thoughts are no answer: taken out of a reply's text however it is cut, and bounded."""

from __future__ import annotations

from collections.abc import Generator, Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from inference.llm.thoughts import ThoughtParser, with_thoughts
from inference.types import ChatRequest, Delta, Done, Message, Reason, Text, Thought, Usage

pieces = st.lists(
    st.sampled_from(["<think>", "</think>", "<thi", "nk>", "</", "<", ">", " ", "\n", "Paris", "."])
)


def parted(*texts: str, inside: bool = False) -> tuple[str, str]:
    """Return the thoughts and the rest of a text that comes in pieces."""
    parser = ThoughtParser(inside)
    found = [*(parser.push(text) for text in texts), parser.flush()]
    return "".join(thought for thought, _ in found), "".join(rest for _, rest in found)


@given(parts=pieces, cuts=st.lists(st.integers(0, 100)), inside=st.booleans())
@example(parts=["<think>", "a", "</think>", " ", "Paris"], cuts=list(range(40)), inside=False)
def test_how_a_text_is_cut_makes_no_difference(parts: list[str], cuts: list[int], inside: bool) -> None:
    """Inside a mark as well, and inside white space after a thought."""
    text = "".join(parts)
    places = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    cut = [text[one:other] for one, other in zip(places, places[1:], strict=False)]
    assert parted(*cut, inside=inside) == parted(text, inside=inside)


@pytest.mark.parametrize(
    ("text", "inside", "expected"),
    [
        ("<think>Hm.</think>\n\nParis.", False, ("Hm.", "Paris.")),
        ("Hm.</think> Paris.", True, ("Hm.", "Paris.")),
        ("<think>Hm, and hm", False, ("Hm, and hm", "")),
        ("<think>\n\n</think>\n\nYes.", False, ("\n\n", "Yes.")),
        (" Yes, 2 < 3.", False, ("", " Yes, 2 < 3.")),
        ("Yes.</think>", False, ("", "Yes.")),
        ("<think>a</think>b<think>c</think> d", False, ("ac", "bd")),
        ("Yes <thin", False, ("", "Yes <thin")),
    ],
)
def test_thoughts_are_told_from_the_answer(text: str, inside: bool, expected: tuple[str, str]) -> None:
    """Those that the prompt has begun, those that never end, and several."""
    assert parted(text, inside=inside) == expected


class Stream:
    """What a model writes, a token a word, and whether it was closed."""

    def __init__(self, words: Sequence[str], reason: Reason = "stop") -> None:
        self.words, self.reason, self.closed = words, reason, False

    def __call__(self) -> Generator[Delta, None, None]:
        try:
            yield from (Text(word, number) for number, word in enumerate(self.words))
            yield Done(Usage(1, 1, len(self.words)), self.reason)
        finally:
            self.closed = True


def answered(stream: Stream, *, begun: bool = False, **limits: int) -> list[Delta]:
    """Return the deltas of an answer without its thoughts in the text."""
    request = ChatRequest((Message("user", "?"),), **limits)
    return list(with_thoughts(stream(), request, lambda: Usage(9, 9, 9), begun=begun))


def test_every_token_is_a_thought_or_text() -> None:
    """None is lost or counted twice; the marks are thoughts without a text."""
    found = answered(Stream(["<think>", "Hm", "</think>", "\n", "Paris", "."]))
    assert [(type(delta), delta.text) for delta in found[:-1] if not isinstance(delta, Done)] == [
        (Thought, ""),
        (Thought, "Hm"),
        (Thought, ""),
        (Text, ""),
        (Text, "Paris"),
        (Text, "."),
    ]
    assert found[-1] == Done(Usage(1, 1, 6), "stop")


def test_a_token_with_the_end_of_a_thought_and_the_first_word_is_a_token_of_the_answer() -> None:
    """Its thought has no token of its own."""
    assert answered(Stream(["a", "b</think> Yes"]), begun=True)[:3] == [
        Thought("a", 0),
        Thought("b", -1),
        Text("Yes", 1),
    ]


def test_a_thought_that_never_ends_is_ended() -> None:
    """After so many tokens as it may have; nothing of it is an answer, and the model is left alone."""
    stream = Stream(["<think>", *["hm "] * 100])
    found = answered(stream, max_thoughts=10)
    assert len(found) == 11
    assert found[-1] == Done(Usage(9, 9, 9), "length")
    assert not any(isinstance(delta, Text) for delta in found)
    assert stream.closed


def test_thoughts_take_nothing_of_what_the_answer_may_have() -> None:
    """The answer has all of its tokens after a thought, and no more."""
    found = answered(Stream(["<think>", *["hm "] * 20, "</think>", *["yes "] * 20]), max_tokens=5)
    assert sum(isinstance(delta, Text) for delta in found) == 5
    assert isinstance(found[-1], Done)
    assert found[-1].reason == "length"


@given(parts=pieces, tokens=st.integers(1, 6), thoughts=st.integers(1, 6))
def test_whatever_is_written_ends_within_its_limits(parts: list[str], tokens: int, thoughts: int) -> None:
    """Tokens of each kind, one Done at the end, and no mark in the text."""
    found = answered(Stream(parts, "cancelled"), max_tokens=tokens, max_thoughts=thoughts)
    assert sum(isinstance(delta, Text) and delta.id >= 0 for delta in found) <= tokens
    assert sum(isinstance(delta, Thought) and delta.id >= 0 for delta in found) <= thoughts
    assert [isinstance(delta, Done) for delta in found].index(True) == len(found) - 1
    assert "</think>" not in "".join(delta.text for delta in found if isinstance(delta, Text))
