"""What is asked, and the steps that follow from it: each with all that its writer needs to know. Pure.

    outline → one step a chapter: its sections' headings → one step a page: its text

A page is a section. Its input names the book, its chapter and its heading, all decided before the first page is
written: pages can be written in any order, or at once.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from voice_app.core.errors import BookError

LONGEST_TOPIC = 120
RECIPE = 1
"""Counts up when prompts or rules change: steps of an older recipe are not continued."""

CHAPTER_FACETS = (
    *("beginnings", "tools", "people", "places", "first steps", "mistakes", "seasons", "science", "money"),
    *("stories", "health", "safety", "friends and neighbours", "care", "beauty", "history", "learning"),
    *("hard times", "nature", "the future"),
)
SECTION_FACETS = (
    *("reasons", "an example", "good habits", "time", "common questions", "weather", "skill", "costs"),
    *("other people", "small details", "surprises", "comparison", "patience", "advice", "results"),
)
_PAGES_A_CHAPTER = 5


@dataclass(frozen=True, slots=True)
class BookPlan:
    """A book that is asked for. The same plan gives the same book."""

    topic: str
    pages: int
    seed: int
    model: str
    """Which language model on which backend."""
    recipe: int = RECIPE


@dataclass(frozen=True, slots=True)
class HeadingsStep:
    """Asks for headings: of the chapters, or of the sections of one."""

    name: str
    topic: str
    chapter: str
    """Its facet and heading; empty where the chapters themselves are asked for."""
    facets: tuple[str, ...]
    seed: int


@dataclass(frozen=True, slots=True)
class PageStep:
    """Asks for a page."""

    name: str
    topic: str
    chapter: str
    heading: str
    seed: int


@dataclass(frozen=True, slots=True)
class Chapter:
    """A chapter of the outline."""

    number: int
    facet: str
    heading: str
    pages: int
    first_page: int


def checked_topic(topic: str) -> str:
    """Return the topic on one line. Raises BookError."""
    shown = "".join(" " if unicodedata.category(sign)[0] in "CZ" else sign for sign in topic)
    bare = " ".join(shown.split()).strip(" .?!\"'")
    if not any(map(str.isalnum, bare)):
        raise BookError('a book needs a topic in words, such as "keeping bees in a city"')
    if len(bare) > LONGEST_TOPIC:
        raise BookError(f"a topic has at most {LONGEST_TOPIC} characters, not {len(bare)}")
    return bare


def title(topic: str) -> str:
    """Return the topic as a title: words but the small ones begin with a capital."""
    small = {"a", "an", "the", "and", "or", "of", "in", "on", "for", "to", "with", "at", "by", "from", "as"}
    words = topic.split()
    return " ".join(w if n and w in small else w[:1].upper() + w[1:] for n, w in enumerate(words))


def outline_step(plan: BookPlan) -> HeadingsStep:
    """Return the first step: a heading for each chapter."""
    facets = _spread(CHAPTER_FACETS, chapter_count(plan.pages))
    return HeadingsStep("outline", plan.topic, "", facets, step_seed(plan, "outline"))


def chapters(plan: BookPlan, headings: Sequence[str]) -> list[Chapter]:
    """Return the chapters with these headings; pages are shared out evenly, the first chapters get one more."""
    step, found, first = outline_step(plan), [], 1
    for number, (facet, heading) in enumerate(zip(step.facets, headings, strict=True), 1):
        pages = (plan.pages + len(headings) - number) // len(headings)
        found.append(Chapter(number, facet, heading, pages, first))
        first += pages
    return found


def chapter_step(plan: BookPlan, chapter: Chapter) -> HeadingsStep:
    """Return the step that asks for a chapter's sections."""
    name = f"chapter-{chapter.number:02}"
    turn = chapter.number * 4 % len(SECTION_FACETS)
    facets = (SECTION_FACETS[turn:] + SECTION_FACETS[:turn])[: chapter.pages]
    return HeadingsStep(
        name, plan.topic, f"{chapter.facet}: {chapter.heading}", facets, step_seed(plan, name)
    )


def page_steps(plan: BookPlan, chapter: Chapter, headings: Sequence[str]) -> list[PageStep]:
    """Return a chapter's pages."""
    steps = []
    for place, heading in enumerate(headings):
        name = f"page-{chapter.first_page + place:03}"
        steps.append(PageStep(name, plan.topic, chapter.facet, heading, step_seed(plan, name)))
    return steps


def chapter_count(pages: int) -> int:
    """Return how many chapters a book has: some five pages each, as many chapters as there are facets at most."""
    return max(1, min(round(pages / _PAGES_A_CHAPTER), len(CHAPTER_FACETS)))


def step_seed(plan: BookPlan, name: str) -> int:
    """Return a seed of a step's own."""
    digest = hashlib.sha256(f"{plan.seed}:{name}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1


def digest(step: BookPlan | HeadingsStep | PageStep) -> str:
    """Return a digest that differs for different inputs."""
    return hashlib.sha256(json.dumps(asdict(step), sort_keys=True).encode()).hexdigest()


def _spread(facets: Sequence[str], count: int) -> tuple[str, ...]:
    """Return so many facets in order, the first among them, and the last where there are two or more."""
    if count == 1:
        return (facets[0],)
    return tuple(facets[round(place * (len(facets) - 1) / (count - 1))] for place in range(count))
