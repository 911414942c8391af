"""`voice-app demo book`: the options, the progress on the terminal, the report."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from voice_app.cli.options import Backend, Json, Model, flags, model_flags

if TYPE_CHECKING:
    from voice_app.demos.books.book import Book
    from voice_app.demos.books.book_plan import BookPlan
    from voice_app.demos.books.work_folder import Done
    from voice_app.demos.books.writer import BookChat
    from voice_app.runtime.settings import Settings

INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells have it."""
SUFFIXES = {".md": "markdown", ".markdown": "markdown", ".epub": "epub"}


@dataclass(frozen=True, slots=True)
class BookRequest:
    """What is asked for."""

    topic: str
    pages: int
    out: Path
    work: Path | None = None
    """Folder of the steps; None: beside `out`, named after it."""
    seed: int = 1
    fresh: bool = False
    force: bool = False
    json: bool = False
    estimates: bool = True

    @property
    def steps(self) -> Path:
        return self.work or self.out.with_suffix(".steps")


def book(  # noqa: PLR0913 - each parameter is an option of the command line
    topic: Annotated[str, typer.Argument(help='What the book is about: "keeping bees in a city".')],
    pages: Annotated[int, typer.Option(min=1, max=300, help="Pages of 250 to 300 words.")] = 10,
    out: Annotated[Path, typer.Option(help="The book: a .md or an .epub file.")] = Path("book.md"),
    work: Annotated[
        Path | None, typer.Option(help="Folder of the steps; else beside the book, named after it.")
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same book.")] = 1,
    fresh: Annotated[bool, typer.Option("--fresh", help="Start anew, not where the steps end.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite a book that exists.")] = False,
    estimates: Annotated[
        bool, typer.Option(help="Say how fast modelled systems of chips would write it.")
    ] = True,
    llm: Backend = None,
    model: Model = None,
    json: Json = False,
) -> None:
    """Write a book of so many pages; after an interruption the same command continues where it stopped."""
    from voice_app.runtime.settings import load_settings

    if out.suffix.lower() not in SUFFIXES:
        raise typer.BadParameter(f"{out}: a book is a .md or an .epub file")
    settings = load_settings(**flags(models=model_flags(llm, model)))
    request = BookRequest(topic, pages, out, work, seed, fresh, force, json, estimates)
    raise typer.Exit(run_book(settings, request))


def run_book(
    settings: Settings, request: BookRequest, load: Callable[[Settings], BookChat] | None = None
) -> int:
    """Write the book and print the report; return the exit status. Raises BookError, OutputError, ModelError."""
    from voice_app.demos.books.book import write_book
    from voice_app.demos.books.book_plan import BookPlan, checked_topic
    from voice_app.demos.books.work_folder import WorkFolder
    from voice_app.demos.books.writer import Writer
    from voice_app.io.files import refuse_existing, write_whole
    from voice_app.runtime.engines import build_llm

    refuse_existing(request.out, request.force)
    plan = BookPlan(checked_topic(request.topic), request.pages, request.seed, _identity(settings))
    folder = WorkFolder.open(request.steps, plan, request.fresh)
    steps: list[Done] = []
    try:
        writer = Writer(load(settings) if load else build_llm(settings).chat())
        with _progress(plan, steps) as report_step:
            found = write_book(plan, writer, folder, report_step)
    except KeyboardInterrupt:
        pages = sum(step.name.startswith("page") for step in steps)
        typer.echo(
            f"voice-app: stopped; {pages} of {plan.pages} pages are in {folder.path}, and the same command goes on",
            err=True,
        )
        return INTERRUPTED
    write_whole(request.out, _content(found, request.out))
    report = _report(request, found, steps)
    typer.echo(json.dumps(report, ensure_ascii=False) if request.json else _summary(report))
    return 0


def _identity(settings: Settings) -> str:
    """Return which model writes, and what computes it: with another one it is another book."""
    from voice_app.runtime.engines import chosen_llm

    return f"{Path(chosen_llm(settings).name).name} on {settings.models.llm_backend}"


def _content(found: Book, out: Path) -> str | bytes:
    from voice_app.demos.books.book_markdown import book_as_markdown
    from voice_app.demos.books.epub import epub

    return epub(found) if SUFFIXES[out.suffix.lower()] == "epub" else book_as_markdown(found)


def _report(request: BookRequest, found: Book, steps: list[Done]) -> dict[str, Any]:
    from dataclasses import asdict

    from voice_app.demos.books.measures import book_quality, emulated_speed, speed, total
    from voice_app.demos.books.systems import rates

    took, pages = total(step.tally for step in steps), len(found.pages)
    return {
        "out": str(request.out),
        "steps": str(request.steps),
        "title": found.title,
        "model": found.plan.model,
        "seed": found.plan.seed,
        "pages": pages,
        "chapters": len(found.chapters),
        "resumed_steps": sum(step.resumed for step in steps),
        "quality": book_quality(found)
        | {name: getattr(took, name) for name in ("rejected", "plain_headings", "eased")},
        "speed": speed(pages, took),
        "emulated": emulated_speed(pages, took),
        "systems": {
            "basis": "emulated",
            "rates": [asdict(rate) for rate in rates(pages, took)] if request.estimates else [],
        },
    }


def _summary(report: dict[str, Any]) -> str:
    """Return the report for people."""
    quality, speed = report["quality"], report["speed"]
    lines = [
        f"{report['out']}: {report['title']!r}, {report['pages']} pages in {report['chapters']} chapters, "
        f"{quality['words']:,} words; {report['resumed_steps']} steps were there already",
        f"measured: {speed['pages_per_s']} pages/s, {speed['tokens_per_s']} tokens/s ({report['model']}, this machine)",
    ]
    if emulated := report["emulated"]:
        lines.append(
            f"emulated: {emulated['pages_per_s']} pages/s on the chip, {emulated['tokens_per_s']} tokens/s"
        )
    lines += [
        f"emulated: {rate['pages_per_s']} pages/s with {rate['model']} on {_chips(rate['chips'])}, up to "
        f"{rate['pages_per_s_in_parallel']} with pages in parallel ({rate['tokens_per_s']:,.0f} tokens/s a reply)"
        for rate in report["systems"]["rates"]
    ]
    lines.append(
        f"text: distinct-2 {quality['distinct_2']}, repeated sentences {quality['repeated_sentences']:.1%}, "
        f"paragraphs on the topic {quality['on_topic_paragraphs']:.0%}; {quality['rejected']} tries rejected"
    )
    return "\n".join(lines)


def _chips(number: int) -> str:
    return "1 chip" if number == 1 else f"{number} chips"


@contextmanager
def _progress(plan: BookPlan, steps: list[Done]) -> Iterator[Callable[[Done], None]]:
    """Keep each step, and show pages and pages a second on the standard error where it is a terminal."""
    if not sys.stderr.isatty():
        yield steps.append
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("outline", total=plan.pages)

        def report_step(done: Done) -> None:
            steps.append(done)
            if done.name.startswith("page"):
                progress.update(task, advance=1, description=_rate(steps))

        yield report_step


def _rate(steps: list[Done]) -> str:
    written = [step for step in steps if not step.resumed]
    pages, compute_s = (
        sum(step.name.startswith("page") for step in written),
        sum(s.tally.compute_s for s in written),
    )
    return f"{pages / compute_s:.2f} pages/s" if compute_s else "pages"
