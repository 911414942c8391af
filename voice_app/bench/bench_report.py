"""From measured turns to the figures of a benchmark, as they stand in its JSON. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, fields

import numpy as np

from voice_app.bench.measured import MeasuredTurn, word_error_rate
from voice_app.bench.tradeoff import FACTORS, Pause, replay
from voice_app.core.budget import Budget
from voice_app.core.stages import SPANS, TurnTimes

CUT_IN_LIMIT = 0.02
"""Share of the turns in which the assistant may speak into the user's speech."""


def percentiles(values_s: Sequence[float | None], *points: int) -> dict[str, float | None]:
    """Return percentiles in milliseconds by name; None where nothing was measured."""
    known = [value for value in values_s if value is not None]
    result = {f"p{point}": _ms(float(np.percentile(known, point))) if known else None for point in points}
    return {**result, "max": _ms(max(known)) if known else None} if 99 in points else result


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)


def _ms_or_none(seconds: float | None) -> float | None:
    return None if seconds is None else _ms(seconds)


def figures(turns: Sequence[MeasuredTurn], budget: Budget) -> dict[str, object]:
    """Return the figures of the turns; `basis` says what they are."""
    times = [one for turn in turns for one in turn.times]
    latencies = [turn.answer.latency_s for turn in turns]
    stops = [turn.answer.barge_in_stop_s for turn in turns]
    known = [latency for latency in latencies if latency is not None]
    stages = {_name(span): [getattr(one, span) for one in times] for span in (*SPANS, "decision_s")}
    return {
        "basis": "measured",
        "turns": len(turns),
        "budget_ms": _ms(budget.total_s),
        "within_budget": round(float(np.mean([one <= budget.total_s for one in known])), 3)
        if known
        else None,
        "voice_to_voice_ms": percentiles(latencies, 50, 95, 99),
        "first_audio_ms": percentiles([turn.answer.first_audio_s for turn in turns], 50, 95, 99),
        "voice_to_voice_by_events_ms": percentiles([one.voice_to_voice_s for one in times], 50, 95, 99),
        "decision_to_sound_ms": percentiles([one.decision_to_sound_s for one in times], 50, 95),
        "stages": {name: percentiles(spans, 50, 95) for name, spans in stages.items()},
        "late_stages": dict(Counter(_name(span) for one in times for span in budget.over(one))),
        "allotments_ms": {_name(field.name): _ms(getattr(budget, field.name)) for field in fields(budget)},
        "actions": _actions(turns),
        "cut_ins": sum(turn.answer.is_cut_in for turn in turns),
        "missed": sum(turn.answer.latency_s is None and not turn.answer.is_cut_in for turn in turns),
        "barge_ins": sum(stop is not None for stop in stops),
        "barge_in_stop_ms": percentiles(stops, 50, 95),
        "sound_before_the_text_was_complete": sum(turn.sounds_early for turn in turns),
        "drafts": {
            name: sum(getattr(turn.drafts, name) for turn in turns) for name in ("made", "released", "wasted")
        },
        "wer": word_error_rate(turns),
        "tradeoff": [asdict(replay([(t.answer.latency_s, t.pauses) for t in turns], f)) for f in FACTORS],
        "each": [_row(turn) for turn in turns],
    }


def _name(span: str) -> str:
    return span.removesuffix("_s")


def _actions(turns: Sequence[MeasuredTurn]) -> list[dict[str, object]]:
    """Return what was done to be in time: in how many turns, and the cause of the last."""
    counted = Counter(name for turn in turns for name in {one.action for one in turn.actions})
    causes = {one.action: one.cause for turn in turns for one in turn.actions}
    return [
        {"action": name, "turns": count, "cause": causes[name]} for name, count in sorted(counted.items())
    ]


def _row(turn: MeasuredTurn) -> dict[str, object]:
    """Return one turn for the JSON."""
    return {
        "name": turn.name,
        "heard": turn.heard,
        "voice_to_voice_ms": _ms_or_none(turn.answer.latency_s),
        "is_cut_in": turn.answer.is_cut_in,
        "barge_in_stop_ms": _ms_or_none(turn.answer.barge_in_stop_s),
        "stages_ms": _stages(turn.times[-1]) if turn.times else {},
        "actions": [one.action for one in turn.actions],
        "pauses": [_pause(pause) for pause in turn.pauses],
    }


def _stages(times: TurnTimes) -> dict[str, float]:
    spans = {_name(span): getattr(times, span) for span in (*SPANS, "decision_s")}
    return {name: _ms(seconds) for name, seconds in spans.items() if seconds is not None}


def _pause(pause: Pause) -> dict[str, object]:
    return {
        "wait_ms": _ms_or_none(pause.wait_s),
        "because": pause.because,
        "ready_ms": _ms_or_none(pause.ready_s),
        "resumed_ms": _ms_or_none(pause.resumed_s),
    }


def is_good(report: dict[str, object]) -> bool:
    """Tell whether the 95th percentile keeps within the budget, no turn was missed, and cut-ins are rare."""
    latency, budget_ms, turns = report["voice_to_voice_ms"], report["budget_ms"], report["turns"]
    assert isinstance(latency, dict)
    assert isinstance(budget_ms, float)
    assert isinstance(turns, int)
    late = latency["p95"] is None or latency["p95"] > budget_ms
    return not late and report["missed"] == 0 and int(str(report["cut_ins"])) <= CUT_IN_LIMIT * turns
