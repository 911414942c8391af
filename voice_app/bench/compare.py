"""Two saved results side by side: ratio and verdict of every figure.

Latencies of single turns are compared by bootstrap: the verdict is "same" where the 95 % interval of the ratio holds 1.
Two runs of one machine may differ by its speed alone; `bench --baselines` compares in one run.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from rich.console import Console
from rich.table import Table

from voice_app.core.errors import ResultError

LARGEST_FILE_BYTES = 64 << 20
DRAWS = 2000
"""Resamples of the bootstrap (Efron & Tibshirani 1993 take 1000 to 2000 for intervals)."""
TOLERANCE = 0.1
"""How far a figure without single turns may move and still count as the same."""
LOWER, HIGHER = "lower is better", "higher is better"
STRICT = ConfigDict(frozen=True, strict=True, allow_inf_nan=False)
Percentiles = dict[str, float | None]
COUNTS = {"cut_ins": LOWER, "missed": LOWER, "wer": LOWER, "within_budget": HIGHER}


@dataclass(frozen=True, slots=True)
class Row:
    """One figure of both results."""

    name: str
    first: float | None
    second: float | None
    verdict: str
    """"better", "worse", "same" of the second; "" where there is nothing to compare."""
    interval: tuple[float, float] | None = None
    """Of the ratio, 95 %."""
    judged: bool = False
    """Whether a worse value fails the comparison."""

    @property
    def ratio(self) -> float | None:
        """Return the second value over the first; None where either is missing, or the first is 0."""
        return (
            None if self.first is None or self.second is None or not self.first else self.second / self.first
        )


class SavedTurn(BaseModel):
    """What a comparison reads of a turn."""

    model_config = STRICT
    voice_to_voice_ms: float | None = Field(gt=0)


class SavedResult(BaseModel):
    """What a comparison reads of a result that `bench --json` wrote."""

    model_config = STRICT
    basis: str
    mode: str
    turns: int
    voice_to_voice_ms: Percentiles
    barge_in_stop_ms: Percentiles = {}
    cut_ins: int
    missed: int
    wer: float | None = None
    budget_ms: float | None = None
    within_budget: float | None = None
    stages: dict[str, Percentiles]
    each: list[SavedTurn]
    models: dict[str, Any] = {}
    machine: dict[str, Any] = {}


def read_result(path: Path) -> SavedResult:
    """Return a result that `bench --json` wrote. Raises ResultError."""
    try:
        if path.stat().st_size > LARGEST_FILE_BYTES:
            raise ResultError(path, f"is larger than any result ({LARGEST_FILE_BYTES} bytes)")
        return SavedResult.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ResultError(path, f"can't be read ({error.strerror})") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ResultError(path, f"is no result of `bench --json` ({where}: {first['msg']})") from None


def compare_results(first: SavedResult, second: SavedResult) -> list[Row]:
    """Return the rows of the table. Raises ResultError where the bases differ."""
    if first.basis != second.basis:
        raise ResultError(
            None, f"{first.basis} and {second.basis} figures have no ratio; compare results of one mode"
        )
    return list(_rows(first, second))


def _rows(first: SavedResult, second: SavedResult) -> Iterator[Row]:
    latencies = _latencies(first), _latencies(second)
    for name, point in (("p50", 50), ("p95", 95)):
        values = first.voice_to_voice_ms.get(name), second.voice_to_voice_ms.get(name)
        interval = ratio_interval(*latencies, lambda sample, q=point: np.percentile(sample, q, axis=1))  # type: ignore[misc]
        verdict = judge(interval) if interval else _within(*values, LOWER)
        yield Row(f"voice to voice {name}", *values, verdict, interval, judged=True)
    stops = first.barge_in_stop_ms.get("p95"), second.barge_in_stop_ms.get("p95")
    yield Row("barge-in stop p95", *stops, _within(*stops, LOWER), judged=True)
    for name, direction in COUNTS.items():
        values = getattr(first, name), getattr(second, name)
        same_measure = name != "within_budget" or first.budget_ms == second.budget_ms
        yield Row(name, *values, _exact(*values, direction) if same_measure else "", judged=True)
    for name, spans in first.stages.items():
        values = spans.get("p50"), second.stages.get(name, {}).get("p50")
        yield Row(f"stage {name} p50", *values, _within(*values, LOWER))


def _latencies(result: SavedResult) -> list[float]:
    return [turn.voice_to_voice_ms for turn in result.each if turn.voice_to_voice_ms is not None]


def ratio_interval(
    first: Sequence[float],
    second: Sequence[float],
    statistic: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]],
) -> tuple[float, float] | None:
    """Return the 95 % bootstrap interval of the ratio of a statistic, second over first; None for too few values."""
    if min(len(first), len(second)) < 5:
        return None
    rng = np.random.default_rng(0)
    drawn = [rng.choice(np.asarray(values), (DRAWS, len(values))) for values in (first, second)]
    below, above = np.percentile(statistic(drawn[1]) / statistic(drawn[0]), [2.5, 97.5])
    return float(below), float(above)


def judge(interval: tuple[float, float]) -> str:
    """Return the verdict on a latency from the interval of its ratio."""
    below, above = interval
    return "better" if above < 1 else "worse" if below > 1 else "same"


def _within(first: float | None, second: float | None, direction: str) -> str:
    if first is None or second is None:
        return ""
    near = abs(second - first) <= TOLERANCE * max(abs(first), abs(second))
    return "same" if near else _exact(first, second, direction)


def _exact(first: float | None, second: float | None, direction: str) -> str:
    if first is None or second is None:
        return ""
    if first == second:
        return "same"
    return "better" if (second < first) == (direction == LOWER) else "worse"


def run_compare(first: Path, second: Path, as_json: bool) -> int:
    """Print the comparison of two saved results; return 1 where the second is worse in a figure that counts."""
    results = read_result(first), read_result(second)
    rows = compare_results(*results)
    worse = [row.name for row in rows if row.judged and row.verdict == "worse"]
    if as_json:
        found = [{"name": r.name, "first": r.first, "second": r.second, "ratio": r.ratio} for r in rows]
        verdicts = [{**one, "verdict": row.verdict} for one, row in zip(found, rows, strict=True)]
        Console(soft_wrap=True).print_json(json.dumps({"figures": verdicts, "worse": worse}))
    else:
        _show(rows, results, (first, second))
    return 1 if worse else 0


def _show(rows: Sequence[Row], results: Sequence[SavedResult], paths: Sequence[Path]) -> None:
    table = Table(title=f"{results[0].basis}, milliseconds and counts", caption=" · ".join(_notes(results)))
    for name in ("figure", paths[0].name, paths[1].name, "ratio", "95 % interval", "verdict"):
        table.add_column(name, justify="left" if name in ("figure", "verdict") else "right")
    colors = {"better": "green", "worse": "bold red"}
    for row in rows:
        interval = f"{row.interval[0]:.2f} … {row.interval[1]:.2f}" if row.interval else ""
        ratio = f"{row.ratio:.2f}" if row.ratio is not None else ""
        cells = (row.name, _cell(row.first), _cell(row.second), ratio, interval, row.verdict)
        table.add_row(*cells, style=colors.get(row.verdict) if row.judged else "dim")
    Console().print(table)


def _cell(value: float | None) -> str:
    return "–" if value is None else f"{value:g}"


def _notes(results: Sequence[SavedResult]) -> Iterator[str]:
    """Yield what differs between two results besides the program."""
    first, second = results
    for key in ("mode", "turns", "models", "budget_ms"):
        if getattr(first, key) != getattr(second, key):
            yield f"{key} differ: {getattr(first, key)} and {getattr(second, key)}"
    processors = [result.machine.get("processor") for result in results]
    if processors[0] != processors[1]:
        yield f"different processors: {processors[0]} and {processors[1]}"
    if first.basis == "measured":
        yield "two runs; the machine's own speed is in the ratios"
