"""From verdicts to figures, with their intervals. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from voice_app.bench.answers.verdicts import LOOK_ALIKES, Verdict
from voice_app.observe.statistics import percentile

Z_95 = 1.96
"""Standard deviations of a 95 % interval."""
ORDER = ("questions", "sayings", LOOK_ALIKES, "conversations", "adversarial")
HONEST = "honest"
"""The share of all turns, of whatever set, that claim no deed that was not done."""


def wilson(right: int, total: int) -> tuple[float, float]:
    """Return the 95 % interval of a share, after Wilson (1927): sound for few items and for shares near 0 and 1."""
    if not total:
        return 0.0, 1.0
    share, square = right / total, Z_95**2
    middle = share + square / (2 * total)
    half = Z_95 * math.sqrt(share * (1 - share) / total + square / (4 * total**2))
    below = 1 + square / total
    return max(0.0, (middle - half) / below), min(1.0, (middle + half) / below)


def score(verdicts: Sequence[Verdict], is_right: Callable[[Verdict], bool] | None = None) -> dict[str, Any]:
    """Return how many are right, the share, and its interval."""
    right = sum(map(is_right, verdicts)) if is_right else sum(one.right for one in verdicts)
    low, high = wilson(right, len(verdicts))
    share = round(right / len(verdicts), 4) if verdicts else None
    return {"right": right, "of": len(verdicts), "share": share, "low": round(low, 4), "high": round(high, 4)}


def figures(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Return the figures of one model: of each set and its kinds, of false claims, and of latency."""
    report: dict[str, Any] = {"sets": {}}
    for name in ORDER:
        of = [one for one in verdicts if one.set == name]
        if not of:
            continue
        kinds = dict.fromkeys(one.kind for one in of)
        report["sets"][name] = score(of) | {
            "kinds": {kind: score([one for one in of if one.kind == kind]) for kind in kinds},
            "first_ms": spans(one.first_ms for one in of),
            "whole_ms": spans(one.whole_ms for one in of),
        }
        if name == "conversations":
            report["sets"][name]["whole"] = _whole(of)
    judged = [one for one in verdicts if one.set not in ("sayings", LOOK_ALIKES)]
    report[HONEST] = score(judged, lambda one: not one.claim)
    return report


def _whole(turns: Sequence[Verdict]) -> dict[str, Any]:
    """Return how many conversations have no wrong turn."""
    wrong = {one.id.partition("/")[0] for one in turns if not one.right}
    ids = {one.id.partition("/")[0] for one in turns}
    low, high = wilson(len(ids - wrong), len(ids))
    return {"right": len(ids - wrong), "of": len(ids), "low": round(low, 4), "high": round(high, 4)}


def spans(values: Iterable[float | None]) -> dict[str, float | None]:
    """Return the median and the 95th percentile of times in milliseconds."""
    known = [value for value in values if value is not None]
    return {f"p{point}": _rounded(percentile(known, point)) for point in (50, 95)}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


def by_model(verdicts: Iterable[Verdict]) -> dict[str, dict[str, Any]]:
    """Return the figures of every model, each half by itself."""
    found: dict[str, dict[str, list[Verdict]]] = {}
    for one in verdicts:
        found.setdefault(one.model, {}).setdefault(one.half, []).append(one)
    return {model: {half: figures(of) for half, of in halves.items()} for model, halves in found.items()}


def below(models: Mapping[str, Mapping[str, Any]], least: Mapping[str, float]) -> list[str]:
    """Return which figures are below what was asked for, a line each; a set that was not judged is none."""
    missed = []
    for model, halves in models.items():
        for half, report in halves.items():
            for name, share in least.items():
                found = report.get(name) if name == HONEST else report["sets"].get(name)
                if found and found["of"] and found["share"] < share:
                    missed.append(
                        f"{model}, {half}: {name} {found['share']:.1%}, at least {share:.1%} wanted"
                    )
    return missed
