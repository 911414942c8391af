"""How fast the same book would be written on modelled systems of chips: emulated cycles, a book's own counts."""

from __future__ import annotations

from dataclasses import dataclass

from lpu_backend.errors import LpuError
from lpu_backend.estimate.estimate import Estimate, Question
from lpu_backend.estimate.shapes import published_models
from lpu_backend.estimate.smallest import smallest_system
from voice_app.demos.books.writer import Tally

MODELS = ("smollm2-135m", "llama-3-8b")
"""The embedded model on one chip, and a model that writes books on the smallest system that holds it."""


@dataclass(frozen=True, slots=True)
class Rate:
    """Pages a second of a model on a system. Emulated."""

    model: str
    chips: int
    tokens_per_s: float
    """Of one reply, between its tokens."""
    pages_per_s: float
    """One request after another."""
    pages_per_s_in_parallel: float
    """As many pages at once as tokens are in flight in the system: an upper limit, without the prompts."""


def rates(pages: int, took: Tally, models: tuple[str, ...] = MODELS) -> list[Rate]:
    """Return a rate a model that a system holds; the counts of tokens and requests are those of the book."""
    found = []
    for name in models:
        try:
            system, _ = smallest_system(_question(name, took), lambda _: True)
        except LpuError:
            continue
        found.append(rate(name, system, pages, took))
    return found


def rate(name: str, system: Estimate, pages: int, took: Tally) -> Rate:
    """Return a system's rate: every request is a prefill and then one token after another."""
    seconds = took.requests * system.ttft_s + max(0, took.tokens - took.requests) * system.tpot_s
    return Rate(
        name,
        system.question.chips,
        round(1 / system.tpot_s, 1),
        round(pages / seconds, 3),
        round(system.aggregate_tokens_per_s * pages / took.tokens, 3),
    )


def _question(name: str, took: Tally) -> Question:
    """Ask for a request of the book's average size, all of it in the cache of the token that is timed."""
    new, cached = (
        max(1, round(tokens / took.requests)) for tokens in (took.prompt_tokens, took.cached_tokens)
    )
    context = new + cached + round(took.tokens / took.requests)
    return Question(model=published_models()[name], chips=1, context=context, prompt=new, cached=cached)
