"""What the requests of a turn would take on modelled systems: emulated steps, the turn's own counts of tokens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from inference.llm.pace import step_s
from lpu_backend.errors import LpuError
from lpu_backend.estimate.estimate import Question, estimate
from lpu_backend.estimate.shapes import published_models
from lpu_backend.interface import StepTiming
from voice_app.demos.metered import Work

LARGE, LARGE_CHIPS, CONTEXT = "llama-2-70b", 576, 1024
"""Groq's published demonstration; a context that holds any of these requests."""


@dataclass(frozen=True, slots=True)
class System:
    """A system and its seconds for a request."""

    name: str
    basis: str
    seconds: Callable[[Work], float]


def chip(timing: StepTiming, model: str) -> System:
    """Return the emulated chip with the language model's own shape: exact cycles of its compiled programs."""

    def seconds(work: Work) -> float:
        return sum(step_s(timing, work.usage, number) for number in range(work.tokens))

    return System(f"{model} on one emulated chip", "emulated", seconds)


def large() -> System | None:
    """Return a large model on a large system, at its estimate's rate; None where it can't be estimated."""
    try:
        model = published_models()[LARGE]
        found = estimate(Question(model=model, chips=LARGE_CHIPS, context=CONTEXT, prompt=1))
    except (LpuError, KeyError):
        return None

    def seconds(work: Work) -> float:
        new = work.usage.prompt_tokens - work.usage.cached_tokens
        first = replace(found, question=replace(found.question, prompt=max(1, new))).ttft_s
        return first + (work.tokens - 1) * found.tpot_s

    return System(
        f"{LARGE} on {LARGE_CHIPS} chips", "estimated: emulated cycles, declared host link", seconds
    )


def seconds(system: System, works: Sequence[Work]) -> float:
    """Return the seconds that requests take on a system, one after another."""
    return sum(system.seconds(work) for work in works if work.tokens)
