"""Units: "how many ounces are in two and a half pounds", "convert 60 mph to km/h", "and in meters?"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from inference.types import Message
from voice_app.core.errors import ToolError
from voice_app.skills.inside import read_inside
from voice_app.skills.number_words import spoken
from voice_app.skills.phrases import language_data, phrases_of
from voice_app.skills.skill import Arguments, Called, Outcome, skill
from voice_app.skills.units.conversion import (
    CALENDAR,
    KIND_OF,
    TEMPERATURES,
    VOLUMES,
    UnitName,
    converted,
    loading_s,
    named,
    short,
)
from voice_app.skills.units.quantities import SLOTS, Quantity
from voice_app.skills.utterance import Utterance

AMOUNT_PATTERN = r"^-?([0-9]{1,15}(\.[0-9]{1,9})?|[0-9]{1,9}/[1-9][0-9]{0,8})$"
NO_CURRENCIES = "I can't convert currencies: I have no exchange rates."
_GOING_ON = phrases_of(language_data(Path(__file__).parent, "follow."), SLOTS)
_SAID_BESIDE = ("lead", "rest", "stuff")
"""Free words of a saying. Where there are any, only units of one kind make it a conversion."""


class Conversion(Arguments):
    """What to convert."""

    amount: str = Field(pattern=AMOUNT_PATTERN)
    """A number: 12, -40, 2.5, 1/3."""
    source: Literal[UnitName, "currency"]
    target: Literal[UnitName, "currency"]

    @model_validator(mode="before")
    @classmethod
    def _of_saying(cls, values: Any) -> Any:
        """Take what a saying says, an amount with its unit and words beside it; raises ValueError for no conversion."""
        return _settled(values) if isinstance(values, Mapping) else values


def _settled(said: Mapping[str, Any]) -> dict[str, Any]:
    values = dict(said)
    free = [str(values.pop(name)) for name in _SAID_BESIDE if name in values]
    for name in ("said", "other", "more"):
        values.pop(name, None)
    if quantity := values.pop("quantity", None):
        values |= {"amount": quantity.amount, "source": quantity.unit}
    values["amount"] = str(values.get("amount", ""))
    source, target = _of_one_kind(values.get("source", ""), values.get("target", ""))
    known = source in KIND_OF and target in KIND_OF
    if known and free and KIND_OF[source] != KIND_OF[target]:
        raise ValueError("what stands among other words measures different things")
    if (
        known
        and "quantity" in said
        and (source == target or (source in CALENDAR and values["amount"] == "1"))
    ):
        raise ValueError("what a year has is known better than it is calculated")
    return values | {"source": source, "target": target}


def _of_one_kind(source: str, target: str) -> tuple[str, str]:
    """Take an ounce for a fluid one beside a volume, and a degree for one of temperature beside such."""
    if source in VOLUMES or target in VOLUMES:
        source, target = ("fluid_ounce" if unit == "ounce" else unit for unit in (source, target))
    if target in TEMPERATURES and source == "degree":
        source = "celsius" if target == "fahrenheit" else "fahrenheit" if target == "celsius" else "celsius"
    return source, target


def _valid(values: Mapping[str, Any]) -> Conversion | None:
    try:
        return Conversion.model_validate(values)
    except ValidationError:
        return None


def fill(utterance: Utterance, earlier: Sequence[Message]) -> Conversion | None:
    """Return the conversion that stands in a longer sentence, None where there is none."""
    readings = read_inside(utterance.request, convert.phrases)
    return next((call for said in readings if (call := _valid(said)) is not None), None)


def follow(utterance: Utterance, called: Called) -> Conversion | None:
    """Return the conversion that goes on from one: "and in meters?", "and 20?", "the other way round"."""
    if called.arguments.get("source") == "currency":
        return None
    for said in _GOING_ON.match(utterance):
        if (values := _going_on(said, called.arguments)) and (call := _valid(values)):
            return call
    return None


def _going_on(said: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return a call with what is new in it; None where the units then measure different things."""
    if said.get("back"):
        return {**before, "source": before["target"], "target": before["source"]}
    quantity = said.get("quantity") or Quantity(
        Fraction(said.get("amount", before["amount"])), before["source"]
    )
    source, target = _of_one_kind(quantity.unit, said.get("target", before["target"]))
    if source == target == before["target"] and "quantity" in said:
        target = before["source"]
    same = KIND_OF[source] == KIND_OF[target] and source != target
    return {"amount": str(quantity.amount), "source": source, "target": target} if same else None


@skill(
    "units",
    about="Converts units: lengths, weights, volumes, temperatures, times, speeds, areas, energy, data.",
    slots=SLOTS,
    fill=fill,
    follow=follow,
    takes_s=loading_s,
)
def convert(call: Conversion) -> Outcome:
    """Say an amount in another unit, and nothing else: who asks knows what was asked."""
    if "currency" in (call.source, call.target):
        raise ToolError(NO_CURRENCIES)
    value = Fraction(call.amount)
    result = converted(value, call.source, call.target)
    about = {call.source, call.target} & set(CALENDAR) or "radian" in (call.source, call.target)
    said = spoken(short(result), exact=not about)
    if short(result) != result and not said.startswith("about"):
        said = "about " + said
    return Outcome(f"{said[0].upper()}{said[1:]} {named(short(result), call.target)}.")
