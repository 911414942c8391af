"""The steps of a book on disk, a file each, written whole: what is there after `kill -9` is complete."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from voice_app.core.errors import BookError, OutputError
from voice_app.demos.books.book_plan import BookPlan, HeadingsStep, PageStep, digest
from voice_app.demos.books.writer import Tally
from voice_app.io.files import write_whole

PLAN = "plan.json"
LARGEST_BYTES = 1 << 20
_STEP_FILE = re.compile(r"(?:outline|chapter-\d{2}|page-\d{3})\.json")
"""What `done` writes, by the names that `plan` gives its steps."""

Step = HeadingsStep | PageStep


@dataclass(frozen=True, slots=True)
class Done:
    """A step's output."""

    name: str
    texts: tuple[str, ...]
    """Headings, or paragraphs."""
    tally: Tally
    resumed: bool
    """Whether it was on disk."""


@dataclass(frozen=True, slots=True)
class WorkFolder:
    """A folder of steps of one plan."""

    path: Path

    @classmethod
    def open(cls, path: Path, plan: BookPlan, fresh: bool) -> WorkFolder:
        """Return the folder, made where it is missing; `fresh` removes an earlier book's steps, and nothing else.

        Raises BookError where it has the steps of another book, OutputError where it can't be used.
        """
        described = path / PLAN
        try:
            is_there = described.exists()
            if not is_there and path.is_dir() and any(path.iterdir()):
                raise OutputError(path, "is a folder of something else; choose another --work folder")
            if fresh and is_there:
                _remove_steps(path)
                is_there = False
        except OSError as error:
            raise OutputError(
                path, f"can't be used ({error.strerror}); choose another --work folder"
            ) from None
        if is_there:
            found = _read(described)
            if found != asdict(plan):
                raise BookError(
                    f"{path} has the steps of {_description(found)}; give --fresh to start anew, or another --out"
                )
        else:
            write_whole(described, json.dumps(asdict(plan), ensure_ascii=False, indent=1) + "\n")
        return cls(path)

    def done(self, step: Step, work: Callable[[Tally], list[str]]) -> Done:
        """Return a step's output: from its file, where that is of the same input; else by `work`, and write it."""
        path = self.path / f"{step.name}.json"
        found = _read(path) if path.exists() else None
        if isinstance(found, dict) and found.get("input_sha256") == digest(step):
            try:
                texts = tuple(map(str, found["output"]))
                return Done(step.name, texts, Tally(**found["took"]), True)
            except (KeyError, TypeError):
                pass  # a file that somebody changed: the step is done again
        tally = Tally()
        texts = tuple(work(tally))
        row = {
            "step": step.name,
            "input": asdict(step),
            "input_sha256": digest(step),
            "output": texts,
            "took": asdict(tally),
            "basis": "compute_s measured on this machine, emulated_s emulated",
        }
        write_whole(path, json.dumps(row, ensure_ascii=False, indent=1) + "\n")
        return Done(step.name, texts, tally, False)


def _remove_steps(path: Path) -> None:
    """Remove a book's plan and steps; other files stay. Raises OutputError where the plan is no book's, OSError."""
    plan = _read(path / PLAN)
    if not isinstance(plan, dict) or plan.keys() != {field.name for field in fields(BookPlan)}:
        raise OutputError(path, f"has a {PLAN} that is no book's; choose another --work folder")
    for file in list(path.iterdir()):
        if _STEP_FILE.fullmatch(file.name) and file.is_file():
            file.unlink()
    (path / PLAN).unlink()


def _read(path: Path) -> object:
    """Return a file's JSON; None for what is none."""
    try:
        if path.stat().st_size > LARGEST_BYTES:
            return None
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return None


def _description(plan: object) -> str:
    if isinstance(plan, dict):
        return f"another book ({plan.get('pages')} pages on {plan.get('topic')!r}, seed {plan.get('seed')})"
    return "another book"
