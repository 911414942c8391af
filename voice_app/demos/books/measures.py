"""How good a book is and how fast it was written, in figures. Pure.

distinct-n: the share of runs of n words that are different (Li et al. 2016, section 5.4). It falls with a text's
length: compare books of the same length.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import fields

from voice_app.demos.books.book import Book
from voice_app.demos.books.guard import folded_words, is_on_topic, sentences, stems, word_count
from voice_app.demos.books.writer import Tally


def quality(pages: Sequence[Sequence[str]], topic: str) -> dict[str, float | int]:
    """Return the figures of a text, given as the paragraphs of its pages."""
    flat = [paragraph for page in pages for paragraph in page]
    said = [sentence for paragraph in flat for sentence in sentences(paragraph)]
    again = Counter(" ".join(folded_words(sentence)) for sentence in said)
    lengths = [word_count(page) for page in pages]
    about = stems(topic)
    return {
        "words": sum(lengths),
        "least_words_a_page": min(lengths, default=0),
        "most_words_a_page": max(lengths, default=0),
        **{f"distinct_{n}": round(distinct(flat, n), 3) for n in (1, 2, 3)},
        "repeated_sentences": round(1 - len(again) / max(1, len(said)), 4),
        "on_topic_paragraphs": round(sum(is_on_topic(one, about) for one in flat) / max(1, len(flat)), 3),
    }


def book_quality(book: Book) -> dict[str, float | int]:
    """Return the figures of a book."""
    return quality([page.paragraphs for page in book.pages], book.plan.topic)


def distinct(texts: Iterable[str], n: int) -> float:
    """Return distinct-n of texts; runs don't reach from one text into the next."""
    runs = [
        tuple(said[place : place + n])
        for said in map(folded_words, texts)
        for place in range(len(said) - n + 1)
    ]
    return len(set(runs)) / max(1, len(runs))


def total(tallies: Iterable[Tally]) -> Tally:
    """Return what several steps took together; emulated time only where each has it."""
    found = list(tallies)
    whole = Tally()
    for field in fields(Tally):
        if field.name != "emulated_s":
            setattr(whole, field.name, sum(getattr(tally, field.name) for tally in found))
    emulated_s = [tally.emulated_s for tally in found if tally.emulated_s is not None]
    whole.emulated_s = sum(emulated_s) if found and len(emulated_s) == len(found) else None
    return whole


def speed(pages: int, took: Tally) -> dict[str, float | str | None]:
    """Return how fast so many pages were written on this machine, outline and rejected tries included."""
    return {
        "basis": "measured",
        "compute_s": round(took.compute_s, 2),
        "pages_per_s": _rate(pages, took.compute_s),
        "tokens": took.tokens,
        "tokens_per_page": round(took.tokens / pages, 1),
        "tokens_per_s": _rate(took.tokens, took.compute_s),
    }


def emulated_speed(pages: int, took: Tally) -> dict[str, float | str | None] | None:
    """Return how fast the emulated chip would have written them; None for a model without one."""
    if not took.emulated_s:
        return None
    return {
        "basis": "emulated",
        "chip_s": round(took.emulated_s, 4),
        "pages_per_s": _rate(pages, took.emulated_s),
        "tokens_per_s": _rate(took.tokens, took.emulated_s),
    }


def _rate(count: float, seconds: float) -> float | None:
    return round(count / seconds, 3) if seconds else None
