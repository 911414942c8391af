"""A turn's stages as bars on one line, and a session's log as a trace for Perfetto. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from rich.text import Text

from voice_app.core import events
from voice_app.core.stages import STEPS, Stage, TurnTimes

MS_PER_CELL = 10
LONGEST_BAR = 90
"""Cells; a longer turn is drawn to a coarser scale."""
COLORS = {
    Stage.ENDPOINT: "blue",
    Stage.STT: "cyan",
    Stage.LLM_FIRST_TOKEN: "green",
    Stage.LLM_FIRST_CLAUSE: "yellow",
    Stage.TTS_FIRST_SOUND: "magenta",
    Stage.HOLD: "bright_black",
    Stage.DEVICE: "red",
}


def waterfall(times: TurnTimes, budget_s: float) -> Text:
    """Return bars as long as the stages of a turn, a mark where the budget ends, and the milliseconds."""
    total_s = sum(times.spans_s.values())
    cell_s = max(MS_PER_CELL / 1000, total_s / LONGEST_BAR)
    line, drawn, at_s = Text(), 0, 0.0
    for stage, seconds in times.spans_s.items():
        at_s += seconds
        cells = round(at_s / cell_s) - drawn
        line.append("█" * cells, COLORS[stage])
        drawn += cells
    mark = round(budget_s / cell_s)
    line.append(" " * (mark - drawn) + "│" if mark >= drawn else "")
    for stage, seconds in times.spans_s.items():
        line.append(f" {stage.label} {seconds * 1000:.0f}", COLORS[stage])
    line.append(f" = {total_s * 1000:.0f} ms", "bold" if total_s <= budget_s else "bold red")
    return line


def chrome_trace(log: Iterable[events.Event]) -> dict[str, list[dict[str, object]]]:
    """Return a session as Chrome's trace format, which ui.perfetto.dev opens: a row a stage, and one for events.

    Times are microseconds of the session, measured.
    """
    rows: list[dict[str, object]] = []
    draft: dict[tuple[int, int], list[events.Event]] = {}
    for event in log:
        rows.append(
            {"name": event.type, "ph": "i", "s": "t", "ts": event.at_s * 1e6, "pid": 1, "tid": "events"}
        )
        if event.revision:
            draft.setdefault((event.turn, event.revision), []).append(event)
    for (turn, revision), made in draft.items():
        rows += [_slice(name, start_s, end_s, turn, revision) for name, start_s, end_s in _stages(made)]
    return {"traceEvents": rows}


def _stages(made: Sequence[events.Event]) -> list[tuple[str, float, float]]:
    """Return name, start and end of what a draft went through."""
    first: dict[type[events.Fact], float] = {}
    for event in made:
        first.setdefault(type(event), event.at_s)
    ends = {step.stage: step.ended_by for step in STEPS}
    work = pairwise(stage for stage in Stage if stage not in (Stage.HOLD, Stage.DEVICE))
    rows = [(stage.label, ends[before], ends[stage]) for before, stage in work]
    rows.append(("playback", events.PlaybackStarted, events.ResponseDone))
    return [(name, first[start], first[end]) for name, start, end in rows if start in first and end in first]


def _slice(name: str, start_s: float, end_s: float, turn: int, revision: int) -> dict[str, object]:
    return {
        "name": f"{name} (turn {turn}, draft {revision})",
        "ph": "X",
        "ts": start_s * 1e6,
        "dur": (end_s - start_s) * 1e6,
        "pid": 1,
        "tid": name,
    }
