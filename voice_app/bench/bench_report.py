"""From measured turns to the figures of a benchmark, as they stand in its JSON. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from voice_app.bench.measured import MeasuredTurn
from voice_app.bench.tradeoff import FACTORS, Pause, replay_waits
from voice_app.core.stages import Budget, Stage, TurnTimes
from voice_app.observe.statistics import percentile, word_error_rate

DECISION = "decision"
"""The name of `TurnTimes.decision_s` beside those of the stages."""
PREMATURE_LIMIT = 0.02
"""Share of the turns that may be premature endpoints: the assistant speaks before the user has finished."""


@dataclass(frozen=True, slots=True)
class Targets:
    """The budget of a turn, and the limit of the 95th percentile, on which the benchmark fails."""

    budget_ms: int = 300
    p95_limit_ms: int = 500

    @property
    def budget(self) -> Budget:
        """Return the budget with its allotments."""
        return Budget(self.budget_ms / 1000)


def percentiles(values_s: Sequence[float | None], *points: int) -> dict[str, float | None]:
    """Return percentiles in milliseconds by name; None where nothing was measured."""
    known = [value for value in values_s if value is not None]
    result = {f"p{point}": _ms_or_none(percentile(known, point)) for point in points}
    return {**result, "max": _ms(max(known)) if known else None} if 99 in points else result


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)


def _ms_or_none(seconds: float | None) -> float | None:
    return None if seconds is None else _ms(seconds)


def turn_figures(turns: Sequence[MeasuredTurn], targets: Targets) -> dict[str, object]:
    """Return the figures of the turns; `basis` says what they are."""
    budget = targets.budget
    times = [one for turn in turns for one in turn.times]
    latencies = [turn.answer.latency_s for turn in turns]
    stops = [turn.answer.barge_in_stop_s for turn in turns]
    known = [latency for latency in latencies if latency is not None]
    stages = {str(stage): [one.spans_s.get(stage) for one in times] for stage in Stage}
    stages[DECISION] = [one.decision_s for one in times]
    return {
        "basis": "measured",
        "turns": len(turns),
        "budget_ms": _ms(budget.total_s),
        "p95_limit_ms": float(targets.p95_limit_ms),
        "within_budget": round(sum(one <= budget.total_s for one in known) / len(known), 3)
        if known
        else None,
        "voice_to_voice_ms": percentiles(latencies, 50, 95, 99),
        "first_audio_ms": percentiles([turn.answer.first_audio_s for turn in turns], 50, 95, 99),
        "voice_to_voice_by_events_ms": percentiles([one.voice_to_voice_s for one in times], 50, 95, 99),
        "decision_to_sound_ms": percentiles([one.decision_to_sound_s for one in times], 50, 95),
        "stages": {name: percentiles(spans, 50, 95) for name, spans in stages.items()},
        "late_stages": dict(Counter(str(stage) for one in times for stage in budget.over(one))),
        "allotments_ms": {str(stage): _ms(seconds) for stage, seconds in budget.allotments_s.items()},
        "actions": _actions(turns),
        "cut_ins": sum(turn.answer.is_premature for turn in turns),
        "missed": sum(turn.answer.latency_s is None and not turn.answer.is_premature for turn in turns),
        "barge_ins": sum(stop is not None for stop in stops),
        "barge_in_stop_ms": percentiles(stops, 50, 95),
        "sound_before_the_text_was_complete": sum(turn.sounds_early for turn in turns),
        "drafts": {
            "made": sum(turn.drafts.made for turn in turns),
            "released": sum(turn.drafts.released for turn in turns),
            "wasted": sum(turn.drafts.wasted for turn in turns),
        },
        "wer": word_error_rate((turn.said, turn.heard) for turn in turns if turn.said),
        "tradeoff": [
            asdict(replay_waits([(t.answer.latency_s, t.pauses) for t in turns], f)) for f in FACTORS
        ],
        "each": [_row(turn) for turn in turns],
    }


def _actions(turns: Sequence[MeasuredTurn]) -> list[dict[str, object]]:
    """Return what was done to keep the budget: in how many turns, and the cause of the last."""
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
        "is_cut_in": turn.answer.is_premature,
        "barge_in_stop_ms": _ms_or_none(turn.answer.barge_in_stop_s),
        "stages_ms": _stages(turn.times[-1]) if turn.times else {},
        "actions": [one.action for one in turn.actions],
        "pauses": [_pause(pause) for pause in turn.pauses],
    }


def _stages(times: TurnTimes) -> dict[str, float]:
    spans = {str(stage): _ms(seconds) for stage, seconds in times.spans_s.items()}
    return spans if times.decision_s is None else {**spans, DECISION: _ms(times.decision_s)}


def _pause(pause: Pause) -> dict[str, object]:
    return {
        "wait_ms": _ms_or_none(pause.wait_s),
        "because": pause.because,
        "ready_ms": _ms_or_none(pause.ready_s),
        "resumed_ms": _ms_or_none(pause.resumed_s),
    }


def p95_limit_ms(report: Mapping[str, Any]) -> float:
    """Return the limit of the 95th percentile; results that were saved before it had a name have it as the budget."""
    return float(report.get("p95_limit_ms", report["budget_ms"]))


def meets_limits(report: Mapping[str, Any]) -> bool:
    """Return whether the 95th percentile keeps its limit, no turn was missed, and premature endpoints are rare."""
    p95_ms, premature = report["voice_to_voice_ms"]["p95"], report["cut_ins"]
    late = p95_ms is None or p95_ms > p95_limit_ms(report)
    return not late and report["missed"] == 0 and premature <= PREMATURE_LIMIT * report["turns"]
