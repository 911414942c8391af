"""Long sessions: what grows, and what must not."""

from __future__ import annotations

from pathlib import Path

import pytest

from voice_app.bench.soak import SoakGauge, Usage, soak, usage
from voice_app.core import events


def test_the_gauge_reads_this_process() -> None:
    """A file that is opened is one handle more; a sample is taken at the end of each reply and at no other time."""
    gauge, before = SoakGauge(), usage()
    gauge(events.PlaybackStarted(at_s=1, turn=1))
    with Path("/dev/null").open():
        gauge(events.ResponseDone(at_s=2, turn=1, status="completed"))
    (sample,) = gauge.seen

    assert sample.file_handles == before.file_handles + 1
    assert sample.rss_mb > 10
    assert sample.threads >= 1


def test_growth_counts_from_the_turn_where_everything_is_loaded() -> None:
    """What the first twenty turns load is no leak; a short session tells nothing."""
    seen = [Usage(100 + number if number < 20 else 120 + 0.1 * (number - 20), 5, 9) for number in range(120)]
    latencies_ms: list[float | None] = [100.0] * 50 + [None] * 20 + [150.0] * 50

    report = soak(seen, latencies_ms)

    assert report is not None
    assert report["rss_growth"] == pytest.approx(9.5 / 120.2, abs=1e-3)
    assert report["p95_ratio"] == 1.5
    assert (report["threads_at_20"], report["file_handles_at_end"]) == (5, 9)
    assert soak(seen[:25], latencies_ms) is None
