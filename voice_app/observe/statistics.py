"""Figures that several rooms give of a session, without numpy: a screen has to start quickly. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from statistics import quantiles


def percentile(values: Sequence[float], per_cent: int, *, nearest: bool = False) -> float | None:
    """Return the value that so many per cent, 1 to 99, are at or below; None without values.

    It lies between two values in proportion, as numpy's does by default, or is one of them (nearest rank).
    """
    if nearest and values:
        return sorted(values)[max(0, math.ceil(per_cent * len(values) / 100) - 1)]
    if len(values) < 2:
        return values[0] if values else None
    return quantiles(values, n=100, method="inclusive")[per_cent - 1]


def emulated(tokens_s: Iterable[float | None]) -> dict[str, float | str]:
    """Return the figures of a reply on an emulated chip; nothing where its tokens have no such time.

    A rate needs two tokens.
    """
    times_s = [at_s for at_s in tokens_s if at_s is not None]
    if len(times_s) < 2 or times_s[-1] <= times_s[0]:
        return {}
    rate = (len(times_s) - 1) / (times_s[-1] - times_s[0])
    return {
        "emulated_ttft_ms": round(times_s[0] * 1000, 3),
        "emulated_tokens_per_s": round(rate, 1),
        "emulated_basis": "emulated",
    }


def word_error_rate(said_and_heard: Iterable[tuple[str, str]]) -> float | None:
    """Return the word error rate of texts, small letters and no marks compared; None where none has words."""
    import jiwer

    known = [(said, heard) for said, heard in ((_words(a), _words(b)) for a, b in said_and_heard) if said]
    if not known:
        return None
    said, heard = (list(texts) for texts in zip(*known, strict=True))
    return round(float(jiwer.wer(said, heard)), 4)


def _words(text: str) -> str:
    return " ".join(re.findall(r"[\w']+", text.lower()))
