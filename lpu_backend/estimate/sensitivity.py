"""How far predictions move when a constant that is not known goes to either end of its interval."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lpu_backend.chip.spec import Constant, unknown
from lpu_backend.errors import LpuError
from lpu_backend.estimate.costs import Costs, compiled_shape, default_folder
from lpu_backend.estimate.estimate import Question, division, stage_times
from lpu_backend.estimate.hand import bert_steps, cycles, resnet50_steps
from lpu_backend.estimate.shapes import find_model
from lpu_backend.system.topology import system_of
from lpu_backend.system.wire import WIRE, WireSpec

CASES = {"70B": ("llama-2-70b", 576, 4096), "8B": ("llama-3-8b", 72, 4096)}
WAYS = 8
ENERGIES = ("_pj", "_w")
"""Constants of energy move no cycle."""


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """A constant's interval, and the change of cycles at either end; None where nothing can be scheduled."""

    name: str
    value: float
    low: float
    high: float
    unit: str
    confidence: str
    changes: dict[str, tuple[float | None, float | None]]


def sensitivities(
    folder: Path | None = None, progress: Callable[[int, int], None] | None = None
) -> Iterator[Sensitivity]:
    """Yield what each uncertain constant of chip and links moves: a token of 70B and 8B, ResNet-50, BERT-base."""
    base = _figures(WIRE, folder)
    constants = [(True, one) for one in unknown(WIRE.chip) if not one.name.endswith(ENERGIES)]
    constants += [(False, one) for one in unknown(WIRE)]
    for number, (of_chip, constant) in enumerate(constants):
        if progress:
            progress(number, len(constants))
        ends = [_figures(_with(constant, of_chip, end), folder) for end in _interval(constant)]
        changes = {
            name: (_change(ends[0][name], was), _change(ends[1][name], was)) for name, was in base.items()
        }
        about = constant.provenance
        low, high = _interval(constant)
        yield Sensitivity(constant.name, constant.value, low, high, about.unit, about.confidence, changes)


def _interval(constant: Constant) -> tuple[float, float]:
    about = constant.provenance
    assert about.low is not None
    assert about.high is not None
    return about.low, about.high


def _with(constant: Constant, of_chip: bool, value: float) -> WireSpec:
    moved: dict[str, Any] = {constant.name: type(constant.value)(value)}
    if of_chip:
        return replace(WIRE, chip=replace(WIRE.chip, **moved))
    return replace(WIRE, **moved)


def _change(cycles_now: int | None, cycles_then: int | None) -> float | None:
    return cycles_now / cycles_then - 1 if cycles_now and cycles_then else None


def _figures(wire: WireSpec, folder: Path | None) -> dict[str, int | None]:
    """Return the cycles of the cases; None where the constant leaves no schedule."""
    found: dict[str, int | None] = {}
    for name, (model, chips, context) in CASES.items():
        try:
            found[name] = token_cycles(model, chips, context, wire, folder)
        except LpuError:
            found[name] = None
    found["ResNet-50"] = cycles(resnet50_steps(), "int8", wire.chip)
    found["BERT-base"] = cycles(bert_steps(find_model("bert-base"), 128), "int8", wire.chip)
    return found


def token_cycles(name: str, chips: int, context: int, wire: WireSpec, folder: Path | None) -> int:
    """Return the cycles a token in groups of 8 chips. Raises LpuError."""
    model = find_model(name)
    question = Question(model=model, chips=chips, context=context, prompt=16)
    shape, _ = compiled_shape(model, "int8")
    costs = Costs(shape, system_of(chips, wire), folder or default_folder())
    return sum(stage.cycles for stage in stage_times(costs, division(question, costs, WAYS), 1, context))
