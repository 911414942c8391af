"""The main path of a book: plan → outline → chapters → pages, each step from disk where it is already done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from voice_app.demos.books.book_plan import (
    BookPlan,
    HeadingsStep,
    PageStep,
    chapter_step,
    chapters,
    outline_step,
    page_steps,
    title,
)
from voice_app.demos.books.headings import write_headings
from voice_app.demos.books.prose import write_page
from voice_app.demos.books.work_folder import Done, Step, WorkFolder
from voice_app.demos.books.writer import Tally, Writer


@dataclass(frozen=True, slots=True)
class Page:
    """A page: a section."""

    heading: str
    paragraphs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WrittenChapter:
    """A chapter."""

    number: int
    facet: str
    heading: str
    pages: tuple[Page, ...]


@dataclass(frozen=True, slots=True)
class Book:
    """A book, whole."""

    plan: BookPlan
    title: str
    chapters: tuple[WrittenChapter, ...]

    @property
    def pages(self) -> tuple[Page, ...]:
        return tuple(page for chapter in self.chapters for page in chapter.pages)


Work = Callable[[Tally], list[str]]

Order = Callable[[Sequence[PageStep]], Sequence[PageStep]]
"""In which order pages are written."""


def write_book(
    plan: BookPlan,
    writer: Writer,
    folder: WorkFolder,
    emit: Callable[[Done], None],
    order: Order = lambda steps: steps,
) -> Book:
    """Write what is not on disk yet, report each step, and return the book. Raises BookError, OutputError.

    Pages may be written in any order: each has its input from the steps before the first page.
    """

    def texts_of(step: Step, work: Work) -> tuple[str, ...]:
        done = folder.done(step, lambda tally: _fresh(writer, work, tally))
        emit(done)
        return done.texts

    def headings(step: HeadingsStep) -> tuple[str, ...]:
        return texts_of(step, lambda tally: write_headings(step, writer, tally))

    def page(step: PageStep) -> tuple[str, ...]:
        return texts_of(step, lambda tally: write_page(step, writer, tally))

    parts = chapters(plan, headings(outline_step(plan)))
    steps = {part.number: page_steps(plan, part, headings(chapter_step(plan, part))) for part in parts}
    texts = {step.name: page(step) for step in order([step for part in parts for step in steps[part.number]])}
    return Book(
        plan,
        title(plan.topic),
        tuple(
            WrittenChapter(
                part.number,
                part.facet,
                part.heading,
                tuple(Page(step.heading, texts[step.name]) for step in steps[part.number]),
            )
            for part in parts
        ),
    )


def _fresh(writer: Writer, work: Work, tally: Tally) -> list[str]:
    writer.begin()
    return work(tally)
