"""One page: paragraphs that answer its heading, sentence by sentence checked, until it is full."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain

from inference.types import ChatRequest, Message, Sampling
from voice_app.core.errors import BookError
from voice_app.demos.books.book_plan import PageStep
from voice_app.demos.books.guard import fault, is_on_topic, sentences, stems, word_count
from voice_app.demos.books.writer import Tally, Writer

LEAST_WORDS, MOST_WORDS = 250, 300
"""Of a page, headings apart."""
EASED_AFTER, GIVEN_UP_AFTER = 24, 72
"""Rejected paragraphs after which one sentence is enough, and after which the page is given up."""
_PARAGRAPH_TOKENS = 110
_TEMPERATURE, _TOP_P, _REPEAT_PENALTY = 0.7, 0.9, 1.05
"""The penalty is small: from 1.15 on paragraphs leave the topic."""
_EXAMPLE = (
    "baking bread",
    "patience",
    "Why does dough need time?",
    "Dough needs time because yeast works slowly. While the dough rests, the yeast eats sugar and makes gas, and the "
    "gas lifts the loaf. A cool kitchen makes this slower, but the bread tastes better for it. Bakers in small towns "
    "often mix the dough in the evening and bake before sunrise. A clock helps, but a finger pressed into the dough "
    "tells more.",
)
_TURNS = (
    *("with an example", "with practical advice", "about what can go wrong", "about why it matters"),
    *("about what to do first", "about what most people forget"),
)


def write_page(step: PageStep, writer: Writer, tally: Tally) -> list[str]:
    """Return the paragraphs of a page of 250 to 300 words. Raises BookError for a model that fills none."""
    paragraphs: list[list[str]] = []
    about = stems(step.topic, step.heading)
    rejected = 0
    while word_count(chain.from_iterable(paragraphs)) < LEAST_WORDS:
        if rejected >= GIVEN_UP_AFTER:
            raise BookError(
                f"the language model fills no page about {step.heading!r}; try another --seed, or a larger --model"
            )
        eased = rejected >= EASED_AFTER
        found = _paragraph(step, paragraphs, rejected, (writer, tally))
        fills = word_count(chain.from_iterable([*paragraphs, found])) >= LEAST_WORDS
        if len(found) < (1 if eased or fills else 2) or not (eased or is_on_topic(" ".join(found), about)):
            rejected += 1
            continue
        tally.eased += eased
        paragraphs.append(found)
    tally.rejected += rejected
    return [" ".join(paragraph) for paragraph in paragraphs]


def _paragraph(
    step: PageStep, before: Sequence[Sequence[str]], rejected: int, by: tuple[Writer, Tally]
) -> list[str]:
    """Return the good sentences at the start of one more paragraph, as many as the page has room for."""
    seed = step.seed + 1000 * len(before) + rejected
    request = ChatRequest(
        _messages(step, before, rejected),
        _PARAGRAPH_TOKENS,
        Sampling(_TEMPERATURE, _TOP_P, repeat_penalty=_REPEAT_PENALTY, seed=seed),
    )
    known = [sentence for paragraph in before for sentence in paragraph]
    writer, tally = by
    text = writer.text(request, tally, _stop(known))
    return good(text, known)


def good(text: str, known: Sequence[str]) -> list[str]:
    """Return the sentences of a paragraph up to the first with a fault, or for which the page has no room."""
    kept: list[str] = []
    room = MOST_WORDS - word_count(known)
    for sentence in sentences(_first_paragraph(text)):
        room -= len(sentence.split())
        if room < 0 or fault(sentence, [*known, *kept]):
            break
        kept.append(sentence)
    return kept


def _stop(known: Sequence[str]) -> Callable[[str], bool]:
    """Return a test of the text so far: whether a sentence is not good, so that the rest will not be used."""
    checked = 0

    def enough(text: str) -> bool:
        nonlocal checked
        whole = sentences(text[: text.rfind(" ") + 1].rstrip())  # a sentence with a blank after it has ended
        if len(whole) == checked:
            return False
        checked = len(whole)
        return len(good(text, known)) < checked

    return enough


def _first_paragraph(text: str) -> str:
    return text.strip().split("\n", 1)[0]


def _messages(step: PageStep, before: Sequence[Sequence[str]], rejected: int) -> tuple[Message, ...]:
    """Return the example and the question; after the first paragraph with a turn, another one at each try.

    Every paragraph is asked for afresh. After its own last paragraph the model goes on with that one's words: nine
    times as many tries were rejected, and fewer pairs of words were different (0.78, not 0.83).
    """
    turn = f" {_TURNS[(len(before) + rejected + step.seed) % len(_TURNS)]}" if before else ""
    return (
        Message("user", _ask(*_EXAMPLE[:3], " with an example")),
        Message("assistant", _EXAMPLE[3]),
        Message("user", _ask(step.topic, step.chapter, step.heading, turn)),
    )


def _ask(book: str, chapter: str, heading: str, turn: str) -> str:
    return f"Book: {book}. Chapter: {chapter}. Section: {heading}\nWrite a paragraph{turn}."
