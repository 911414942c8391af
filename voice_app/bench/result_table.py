"""A benchmark's figures as a table in the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

NOT_SHOWN = ("machine", "models", "choices", "each", "tradeoff", "basis")


def print_result(report: Mapping[str, Any]) -> None:
    """Print the figures, without the machine's details and the single turns."""
    table = Table(title=f"milliseconds and counts, {report['basis']}, read from the sound", show_header=False)
    for name, value in rows(report):
        table.add_row(name, value)
    Console().print(table)


def rows(report: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the names and the values of the table."""
    for key, value in report.items():
        if key == "stages":
            yield from ((f"stage {name}", _plain(spans)) for name, spans in value.items())
        elif key == "baselines":
            for name, baseline in value.items():
                latency, times = baseline["voice_to_voice_ms"], baseline["product_is_faster_by"]
                yield (
                    name,
                    f"{_plain(latency)} · cut_ins {baseline['cut_ins']} · the assistant is {times} x as fast",
                )
        elif key not in NOT_SHOWN and value is not None:
            yield key, _plain(value)


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return " · ".join(f"{name} {number}" for name, number in value.items())
    return str(value)
