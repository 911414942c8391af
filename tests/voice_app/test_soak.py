"""Long sessions, and benchmarks that share a machine."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from voice_app import events
from voice_app.bench import cores
from voice_app.bench.cores import Cores
from voice_app.bench.soak import SoakGauge, Usage, soak, usage
from voice_app.bench.virtual_time import run
from voice_app.errors import SessionError


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


def test_the_lock_is_held_between_turns_and_shared_after_a_while(tmp_path: Path) -> None:
    """Nobody else gets it at first; behind `HOLD_S` it is let go, waited for, and taken again."""
    path, seen = tmp_path / "lock", list[tuple[bool, bool]]()

    async def turns() -> None:
        from voice_app import clock

        with Cores(path) as mine:
            for at_s in (1.0, cores.HOLD_S + 2, cores.HOLD_S + 2.5, cores.HOLD_S + 4):
                await clock.sleep_until(at_s)
                seen.append((mine.may_speak(), _is_free(path)))

    run(turns())

    assert seen == [(True, False), (False, True), (False, True), (True, False)]
    assert _is_free(path)


def _is_free(path: Path) -> bool:
    with path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def test_without_a_lock_turns_may_always_begin(tmp_path: Path) -> None:
    """No path, no waiting; a path that can't be opened is one line."""
    with Cores(None) as mine:
        assert mine.may_speak()
    assert os.path.isdir(tmp_path)
    with pytest.raises(SessionError, match="can't be used as a lock"):
        Cores(tmp_path)
