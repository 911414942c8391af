"""Whether a long session leaks memory, threads or file handles of this process, and whether it gets slower.

Memory is the resident set of the whole process, the benchmark's own bookkeeping included.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from voice_app.core import events
from voice_app.observe.statistics import percentile

WARM_TURNS = 20
"""After so many turns everything that is loaded late is loaded."""
WINDOW = 5
"""Turns over which a figure is the median."""
ENDS = 50
"""Turns at either end whose latencies are compared."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What this process holds after a turn."""

    rss_mb: float
    threads: int
    file_handles: int


def usage() -> Usage:
    """Read what this process holds (Linux)."""
    resident_pages = int(Path("/proc/self/statm").read_text().split()[1])
    return Usage(
        resident_pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20),
        len(os.listdir("/proc/self/task")),
        len(os.listdir("/proc/self/fd")),
    )


class SoakGauge:
    """A listener that reads the process's usage after every reply."""

    def __init__(self) -> None:
        self.seen: list[Usage] = []

    def __call__(self, event: events.Event) -> None:
        """Take a sample when a reply is over."""
        if isinstance(event, events.ResponseDone):
            self.seen.append(usage())


def soak(seen: Sequence[Usage], latencies_ms: Sequence[float | None]) -> dict[str, object] | None:
    """Return a long session's end compared with its first turns; None for a short one."""
    if len(seen) < WARM_TURNS + 2 * WINDOW:
        return None
    early, late = seen[WARM_TURNS : WARM_TURNS + WINDOW], seen[-WINDOW:]
    early_mb, late_mb = (median(one.rss_mb for one in window) for window in (early, late))
    report: dict[str, object] = {
        "turns": len(seen),
        f"rss_mb_at_{WARM_TURNS}": round(early_mb, 1),
        "rss_mb_at_end": round(late_mb, 1),
        "rss_growth": round(late_mb / early_mb - 1, 4),
        f"threads_at_{WARM_TURNS}": early[0].threads,
        "threads_at_end": late[-1].threads,
        f"file_handles_at_{WARM_TURNS}": early[0].file_handles,
        "file_handles_at_end": late[-1].file_handles,
    }
    known = [value for value in latencies_ms if value is not None]
    first_ms, last_ms = percentile(known[:ENDS], 95), percentile(known[-ENDS:], 95)
    if len(known) >= 2 * ENDS and first_ms is not None and last_ms is not None:
        report |= {
            f"p95_ms_of_first_{ENDS}": round(first_ms, 1),
            f"p95_ms_of_last_{ENDS}": round(last_ms, 1),
            "p95_ratio": round(last_ms / first_ms, 3),
        }
    return report
