"""Headings: questions, which a small instruct model answers best, held by a grammar and kept apart from one another."""

from __future__ import annotations

from collections.abc import Sequence

from inference.types import ChatRequest, Message, Sampling
from voice_app.demos.books.book_plan import HeadingsStep, title
from voice_app.demos.books.guard import folded_words, is_known, stems
from voice_app.demos.books.writer import Tally, Writer

GRAMMAR = """root ::= ("How" | "Why" | "What" | "When" | "Where" | "Which" | "Who") (" " word){3,15} "?"
word ::= [A-Za-z] [a-z']*
"""
"""GBNF: one question. It may be longer than a heading: a model that is cut short glues its last words together."""
MOST_WORDS = 12
TRIES = 6
MOST_ALIKE = 0.6
"""Share of two headings' words that may be the same."""
_TOKENS = 32
_DRAW = Sampling(temperature=0.7, top_p=0.9, repeat_penalty=1.0)
_EXAMPLES = (
    ("wooden boats", "tools", "What tools does a boat builder need?"),
    ("baking bread", "people", "Who bakes the bread of a town?"),
    ("the night sky", "mistakes", "Why do people mistake planets for stars?"),
)


def write_headings(step: HeadingsStep, writer: Writer, tally: Tally) -> list[str]:
    """Return a heading a facet: the model's, or a plain one where it finds none that is new and on the topic."""
    found: list[str] = []
    for place, facet in enumerate(step.facets):
        asked = _messages(step, facet)
        for attempt in range(TRIES):
            seed = step.seed + place * TRIES + attempt
            request = ChatRequest(asked, _TOKENS, _seeded(seed), GRAMMAR)
            heading = writer.text(request, tally).strip()
            if is_good_heading(heading, step.topic, found):
                break
            tally.rejected += 1
        else:
            heading = plain_heading(step.topic, facet)
            tally.plain_headings += 1
        found.append(heading)
    return found


def is_good_heading(heading: str, topic: str, before: Sequence[str]) -> bool:
    """Return whether a heading is a question that has half of the topic's words and that no other heading asks."""
    said, own, about = folded_words(heading), stems(heading), stems(topic)
    if not heading.endswith("?") or not 4 <= len(said) <= MOST_WORDS or len(set(said)) < len(said) - 1:
        return False
    if said[-1] in {"a", "an", "the", "of", "and", "or", "for", "with", "your", "very", "as", "to", "in"}:
        return False
    if 2 * len(own & about) < len(about):
        return False
    return not any(_alike(own, stems(other)) or is_known(heading, [other]) for other in before)


def _alike(some: frozenset[str], others: frozenset[str]) -> bool:
    return len(some & others) > MOST_ALIKE * len(some | others)


def plain_heading(topic: str, facet: str) -> str:
    """Return a heading that needs no model."""
    return f"{title(topic)}: {facet}"


def _messages(step: HeadingsStep, facet: str) -> tuple[Message, ...]:
    examples = [
        message
        for book, about, question in _EXAMPLES
        for message in (Message("user", _ask(book, "", about)), Message("assistant", question))
    ]
    return (*examples, Message("user", _ask(step.topic, step.chapter, facet)))


def _ask(book: str, chapter: str, facet: str) -> str:
    place = f"Chapter: {chapter} Section about {facet}." if chapter else f"Chapter about {facet}."
    return f"Book: {book}. {place} Write the question it answers."


def _seeded(seed: int) -> Sampling:
    return Sampling(_DRAW.temperature, _DRAW.top_p, _DRAW.top_k, _DRAW.min_p, _DRAW.repeat_penalty, seed)
