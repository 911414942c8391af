"""Estimates over chips × models × contexts × precisions: in parallel, resumable, one table and one drawing.

Every cell stands by itself and is written down when it is done, so a sweep that was stopped goes on where it was, and
the table does not depend on who computed what when. Ray computes the cells where it is installed (`pip install
voice-app[sweep]`), over all machines of its cluster; otherwise processes of this machine do.
"""

from __future__ import annotations

import csv
import hashlib
import importlib
import importlib.util
import io
import json
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any, Literal, cast, get_args

from lpu_backend.compiler.compile import VERSION
from lpu_backend.errors import EstimateError, LpuError
from lpu_backend.estimate import costs
from lpu_backend.estimate.estimate import DEFAULT_PROMPT, Question, estimate
from lpu_backend.estimate.estimate_drawing import curves
from lpu_backend.estimate.estimate_report import as_json
from lpu_backend.estimate.frozen import fingerprints
from lpu_backend.estimate.shapes import Precision, find_model

Row = dict[str, Any]
By = Literal["auto", "ray", "processes"]
SHOWN = (
    "model", "precision", "chips", "context", "ways", "pipeline_depth", "ttft_ms", "tpot_ms",
    "tokens_per_s_per_user", "tokens_per_s_aggregate", "joules_per_token", "problem",
)  # fmt: skip
MOST_CELLS = 10_000


@dataclass(frozen=True, slots=True)
class Cell:
    """One question of a sweep."""

    model: str
    precision: Precision
    chips: int
    context: int

    @property
    def key(self) -> str:
        """Return the digest of the question and of all that its answer depends on."""
        said = [asdict(self), fingerprints(), VERSION, costs.VERSION, asdict(find_model(self.model))]
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def cells(
    models: Sequence[str], precisions: Sequence[str], chips: Sequence[int], contexts: Sequence[int]
) -> list[Cell]:
    """Return the grid, in the order of the table. Raises EstimateError for what is no question at all."""
    for name in models:
        find_model(name)
    wrong = [name for name in precisions if name not in get_args(Precision)]
    if wrong:
        raise EstimateError(f"{wrong[0][:40]!r} is no precision; take {', '.join(get_args(Precision))}")
    grid = [
        Cell(model, cast("Precision", precision), count, context)
        for model, precision, context, count in product(models, precisions, contexts, chips)
    ]
    if not 1 <= len(grid) <= MOST_CELLS:
        raise EstimateError(f"{len(grid):,} cells; a sweep has 1 to {MOST_CELLS:,}")
    return grid


def answer(cell: Cell) -> Row:
    """Return a cell's figures, or its problem in one line."""
    row: Row = {"key": cell.key, **asdict(cell)}
    try:
        model = find_model(cell.model)
        prompt = max(1, min(DEFAULT_PROMPT, cell.context))
        found = estimate(
            Question(
                model=model, chips=cell.chips, context=cell.context, prompt=prompt, precision=cell.precision
            )
        )
    except LpuError as error:
        return {**row, "problem": str(error)}
    figures = as_json(found)
    return {**row, **{name: figures[name] for name in SHOWN if name in figures}, "problem": ""}


def sweep(
    grid: Sequence[Cell],
    folder: Path,
    by: By = "auto",
    workers: int = 2,
    progress: Callable[[int, int], None] | None = None,
) -> list[Row]:
    """Return the rows of a grid in its order; those that `folder` has are not computed again.

    Writes rows.jsonl as they come, then sweep.csv and sweep.svg. Raises EstimateError.
    """
    log = folder / "rows.jsonl"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        done = _known(log)
        missing = [cell for cell in grid if cell.key not in done]
        with log.open("a", encoding="utf-8") as file:
            for row in _answers(missing, by, workers):
                done[row["key"]] = row
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
                file.flush()
                if progress:
                    progress(len(grid) - len(missing) + sum(c.key in done for c in missing), len(grid))
        rows = [done[cell.key] for cell in grid]
        (folder / "sweep.csv").write_text(as_csv(rows), encoding="utf-8")
        (folder / "sweep.svg").write_text(as_drawing(rows), encoding="utf-8")
    except OSError as error:
        raise EstimateError(
            f"{folder}: can't be written ({error.strerror}); choose another folder"
        ) from error
    return rows


def _known(log: Path) -> dict[str, Row]:
    """Return rows of an earlier run; a line that was cut off is none."""
    found: dict[str, Row] = {}
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
    for line in lines:
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict) and isinstance(row.get("key"), str):
            found[row["key"]] = row
    return found


def _answers(missing: Sequence[Cell], by: By, workers: int) -> Iterator[Row]:
    """Yield rows as they are done."""
    if not missing:
        return
    if workers < 1:
        raise EstimateError(f"{workers} workers; take 1 or more")
    has_ray = importlib.util.find_spec("ray") is not None
    if by == "ray" and not has_ray:
        raise EstimateError("Ray is not installed; pip install 'voice-app[sweep]', or --by processes")
    if has_ray and by != "processes":
        yield from _by_ray(missing, workers)
        return
    room = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=room) as pool:
        for future in as_completed([pool.submit(answer, cell) for cell in missing]):
            yield future.result()


def _by_ray(missing: Sequence[Cell], workers: int) -> Iterator[Row]:
    ray = importlib.import_module("ray")
    ray.init(num_cpus=workers, ignore_reinit_error=True, log_to_driver=False, include_dashboard=False)
    try:
        remote = ray.remote(answer)
        waiting = [remote.remote(cell) for cell in missing]
        while waiting:
            ready, waiting = ray.wait(waiting)
            yield from ray.get(ready)
    finally:
        ray.shutdown()


def as_csv(rows: Sequence[Row]) -> str:
    """Return the table."""
    text = io.StringIO()
    writer = csv.DictWriter(text, SHOWN, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def as_drawing(rows: Sequence[Row]) -> str:
    """Return tokens a second and user over chips, a line for each model, precision and context."""
    series: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        if not row["problem"]:
            name = f"{row['model']}, {row['precision']}, {row['context']:,}"
            series.setdefault(name, []).append((row["chips"], row["tokens_per_s_per_user"]))
    if not series:
        series = {"nothing fits": [(1.0, 1.0)]}
    return curves(series, "tokens a second and user", ("chips", "tokens/s"), {})
