"""The calculator: sums as people say them; what goes on from the last one; their values in words."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from inference.types import Message
from voice_app.core.errors import ToolError
from voice_app.skills.calculator.arithmetic import LONGEST_EXPRESSION, evaluate
from voice_app.skills.calculator.sums import SLOTS, money_in
from voice_app.skills.inside import read_inside
from voice_app.skills.number_words import NUMBER, spoken
from voice_app.skills.phrases import language_data, phrases_of
from voice_app.skills.skill import Arguments, Called, Outcome, skill
from voice_app.skills.utterance import Utterance

SHORT_SUM = 60
"""Characters of a sum that is said again before its result, so that the user hears what was understood."""
_READ = {
    "*": "times",
    "/": "divided by",
    "+": "plus",
    "-": "minus",
    "^": "to the power of",
    "%": "percent",
    "!": "factorial",
    "mod": "modulo",
    "sqrt": "the square root of",
    "cbrt": "the cube root of",
}
_GOING_ON = phrases_of(language_data(Path(__file__).parent, "follow."), SLOTS)
_PERCENTAGE = re.compile(rf"{NUMBER} %")
_WHOLE = re.compile(rf"(?:(?<=% \* ){NUMBER}$|^{NUMBER}(?= - {NUMBER} %$))")
"""What a percentage is one of, where the sum says no more."""


class Sum(Arguments):
    """What to calculate."""

    expression: str = Field(
        min_length=1, max_length=LONGEST_EXPRESSION, pattern=r"^[-0-9.+*/^%!() a-z]{1,200}$"
    )
    """Digits, + - * / ^ % ! ( ), mod, sqrt, cbrt, pi."""
    unit: Literal["", "percent", "dollars", "euros", "pounds"] = ""
    """What the result is counted in."""

    @model_validator(mode="before")
    @classmethod
    def _of_saying(cls, values: Any) -> Any:
        """Take what a saying says: a form and the numbers to put into it."""
        return _composed(values) if isinstance(values, Mapping) else values


def _composed(said: Mapping[str, Any]) -> dict[str, Any]:
    """Return an expression and its unit; the values of a saying are dicts of both, or of numbers."""
    parts = {name: value for name, value in said.items() if isinstance(value, Mapping)}
    plain = {name: said[name] for name in ("expression", "unit") if name in said}
    unit = plain.get("unit") or next((part["unit"] for part in parts.values() if part["unit"]), "")
    unit = unit or money_in(str(said.get("lead", "")))
    if "form" in said:
        plain["expression"] = _in_form(said["form"], parts)
    elif "sum" in parts:
        plain["expression"] = parts["sum"]["expression"]
    return plain | {"unit": unit}


def _in_form(form: str, parts: Mapping[str, Mapping[str, Any]]) -> str:
    if form not in ("sum", "average"):
        return form.format(**{name: part["expression"] for name, part in parts.items()})
    numbers = parts["list"]["numbers"]
    added = " + ".join(numbers).replace("minus ", "-").replace("negative ", "-")
    return added if form == "sum" else f"( {added} ) / {len(numbers)}"


def _valid(values: Mapping[str, Any]) -> Sum | None:
    try:
        return Sum.model_validate(values)
    except ValidationError:
        return None


def fill(utterance: Utterance, earlier: Sequence[Message]) -> Sum | None:
    """Return the sum that stands in a longer sentence, None where there is none."""
    readings = read_inside(utterance.request, calculate.phrases)
    call = next((call for said in readings if (call := _valid(said)) is not None), None)
    return call and call.model_copy(update={"unit": call.unit or money_in(utterance.request)})


def follow(utterance: Utterance, called: Called) -> Sum | None:
    """Return the sum that goes on from one: "times two", "and divided by three?", "and 20 percent?"."""
    before = str(called.arguments.get("expression", ""))
    unit = called.arguments.get("unit", "")
    for said in _GOING_ON.match(utterance):
        values = {"unit": "" if unit == "percent" else unit, **_going_on(said, before)}
        if call := _valid(values):
            return call
    return None


def _going_on(said: Mapping[str, Any], before: str) -> dict[str, Any]:
    """Return a sum with the result of the one before in it, or with one number of that replaced; empty for none."""
    if new := said.get("new"):
        pattern, part = (_PERCENTAGE, said.get("p")) if new == "percentage" else (_WHOLE, said.get("a"))
        if part is None or len(pattern.findall(before)) != 1:
            return {}
        return {"expression": pattern.sub(part["expression"], before), "unit": part["unit"]}
    result = _result(before)
    if result is None:
        return {}
    if "onward" in said:
        return {"expression": f"{result} {said['onward']}"}
    return {**said, "it": {"expression": result, "unit": ""}}


def _result(before: str) -> str | None:
    """Return a sum's value as part of another one: as a number where that is short and exact, else the sum itself."""
    try:
        result = evaluate(before)
    except ToolError:
        return None
    number = spoken(result.value, exact=result.exact, digits=6).replace(",", "").replace("minus ", "-")
    if result.exact and re.fullmatch(rf"-?{NUMBER}", number):
        return f"( {number} )" if number.startswith("-") else number
    return f"( {before} )"


@skill(
    "calculator",
    about="Sums: plus, minus, times, divided by, percent, powers, roots.",
    slots=SLOTS,
    fill=fill,
    follow=follow,
)
def calculate(call: Sum) -> Outcome:
    """Say a sum's value, and the sum again where it is short."""
    result = evaluate(call.expression)
    value, unit = result.value, call.unit
    is_money = unit not in ("", "percent")
    if unit == "percent":
        value *= 100
    said = spoken(value, exact=result.exact, digits=2 if is_money else 4)
    if is_money and value.denominator > 100 and not said.startswith("about"):
        said = spoken(value, exact=False, digits=2)
    ending = f" {unit[:-1] if is_money and value == 1 else unit}" if unit else ""
    question = _read(call.expression)
    if len(question) <= SHORT_SUM and "(" not in question:
        return Outcome(f"{question[0].upper()}{question[1:]} is {said}{ending}.")
    return Outcome(f"That is {said}{ending}.")


def _read(expression: str) -> str:
    """Return an expression in words, as a person would say it."""
    words = re.sub(r"([-+*/^%!()]|sqrt|cbrt|mod)", r" \1 ", expression).split()
    read = [_READ.get(word, word) for word in words]
    text = " ".join(read).replace("percent times", "percent of").replace("to the power of 2", "squared")
    return re.sub(r"^minus (?=\d)", "minus ", text)
