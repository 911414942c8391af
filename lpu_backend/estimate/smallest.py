"""The smallest system of chips that does what is asked of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from lpu_backend.errors import EstimateError, LpuError
from lpu_backend.estimate.capacity import capacity
from lpu_backend.estimate.estimate import Estimate, Question, check, estimate
from lpu_backend.system.wire import WIRE, WireSpec

NODES = (1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 18, 24, 36, 54, 72, 108, 144, 216, 288, 432, 576, 864, 1305)
"""Sizes that are tried, in nodes of 8: every one up to a rack, then a rack and a half, two racks, and so on."""


def systems_that_fit(
    question: Question, wire: WireSpec = WIRE, folder: Path | None = None
) -> Iterator[Estimate]:
    """Yield estimates for ever larger systems, beginning with the smallest that holds the model.

    Raises EstimateError for a question that no system answers.
    """
    check(question)
    for chips in (1, 2, 4, *(nodes * wire.node_chips for nodes in NODES)):
        asked = replace(question, chips=chips)
        if not capacity(asked.model, asked.precision, chips, asked.context, wire.chip).fits:
            continue
        try:
            found = estimate(asked, wire, folder)
        except LpuError:  # by bytes it fits, in whole parts of layers it does not
            continue
        yield found


def smallest_system(
    question: Question, meets: Callable[[Estimate], bool], most: int = 3, folder: Path | None = None
) -> tuple[Estimate, bool]:
    """Return the first system that meets what is asked, and True; else the quickest of the first `most`, and False.

    More chips than the model takes shorten no token: a layer is divided inside a node.
    """
    tried: list[Estimate] = []
    for found in systems_that_fit(question, folder=folder):
        if meets(found):
            return found, True
        tried.append(found)
        if len(tried) == most:
            break
    if not tried:
        raise EstimateError(f"no system of up to {WIRE.max_chips:,} chips holds {question.model.name}")
    return min(tried, key=lambda found: (found.tpot_s, found.question.chips)), False
