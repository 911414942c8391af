"""Units: "how many ounces are in two and a half pounds"; pint knows what they are, in fractions."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from inference.types import Message
from voice_app.core.errors import ToolError
from voice_app.skills.number_words import NUMBER, spoken, value_of
from voice_app.skills.phrases import language_data
from voice_app.skills.skill import Arguments, Open, Outcome, skill
from voice_app.skills.utterance import Utterance

if TYPE_CHECKING:
    from pint import UnitRegistry

UnitName = Literal[
    "millimeter", "centimeter", "meter", "kilometer", "inch", "foot", "yard", "mile", "nautical_mile", "light_year",
    "milligram", "gram", "kilogram", "metric_ton", "ounce", "pound", "stone", "ton",
    "milliliter", "centiliter", "deciliter", "liter", "teaspoon", "tablespoon", "fluid_ounce", "cup", "pint", "quart",
    "gallon", "cubic_meter", "cubic_centimeter", "cubic_foot",
    "celsius", "fahrenheit", "kelvin",
    "millisecond", "second", "minute", "hour", "day", "week", "month", "year", "decade", "century",
    "square_meter", "square_kilometer", "square_foot", "square_mile", "hectare", "acre",
    "kilometer_per_hour", "mile_per_hour", "meter_per_second", "knot",
    "joule", "kilojoule", "calorie", "kilocalorie", "watt_hour", "kilowatt_hour", "watt", "kilowatt", "horsepower",
    "pascal", "bar", "psi", "atmosphere", "degree", "radian",
    "bit", "byte", "kilobyte", "megabyte", "gigabyte", "terabyte",
]  # fmt: skip
"""The units that can be asked for; US ones where a name means several."""
_PINT = {"decade": "ten_years", "celsius": "degC", "fahrenheit": "degF", "atmosphere": "standard_atmosphere"}
_POWERS = (
    ("_per_", "/"),
    ("watt_hour", "watt*hour"),
    (r"^cubic_(.*)", r"\1**3"),
    (r"^square_(.*)", r"\1**2"),
)
_NAMED = language_data(Path(__file__).parent, "units.")
_ALSO: Mapping[str, str] = _NAMED["also"]
_PLURALS: Mapping[str, str] = _NAMED["plurals"]
_CALENDAR = ("month", "year", "decade", "century")
"""Have no fixed number of days; what is told of them is about right."""
_SIGNIFICANT = 4
"""Digits of a result that is no short decimal."""


def _plural(name: str) -> str:
    words = name.split("_")
    if "per" in words:
        return f"{words[0]}s {' '.join(words[1:])}"
    return _PLURALS.get(name) or " ".join([*words[:-1], _PLURALS.get(words[-1], words[-1] + "s")])


def _names() -> dict[str, str]:
    """Return each name of a unit, and the unit."""
    names = {}
    for name in UnitName.__args__:  # type: ignore[attr-defined]
        for said in (name, _plural(name), *_ALSO.get(name, "").split()):
            names[said.replace("_", " ").lower()] = name
    return names


_NAMES = _names()
_UNIT = (
    r"(?:degrees? |° ?)?("
    + "|".join(re.escape(name) for name in sorted(_NAMES, key=len, reverse=True))
    + r")(?!\w)"
)
_AMOUNT = rf"((?:minus |negative |- ?)?{NUMBER}|an?|one)(?: an?)? {_UNIT}(?: and ({NUMBER})(?= |$))?"
_MORE = rf"(?:(?: and)? ({NUMBER})(?: {_UNIT})?)?"
_HOW_MANY = re.compile(
    rf"\bhow (?:many|much) {_UNIT}(?: (?:are|is|do|does|would|will|make|makes|equals?|fit|fits|go|goes|there|you|get|"
    rf"have|it|be|can|i))* ?(?:(?:to|in|into|from|of|for|up|equal to) )*(?:the )?{_AMOUNT}{_MORE}"
    r"(?: have| has| be| make)?$"
)
_IN_UNITS = re.compile(
    rf"(?:^|\b(?:is|are|what's|convert|change|turn|translate|how (?:much|many|far|long|tall|heavy|hot|cold|fast) is"
    rf"|how much are|of) ){_AMOUNT}{_MORE} (?:in|to|into|as|equals how many|is how many|equal to how many)(?: the)? "
    rf"{_UNIT}(?: please| for me| equal| again)?$"
)
_COUNTED = re.compile(rf"((?:minus |negative )?{NUMBER})(?: an?)? {_UNIT}")
_UNITS_ALONE = re.compile(rf"(?<!\w){_UNIT}")


AMOUNT_PATTERN = r"^-?([0-9]{1,15}(\.[0-9]{1,9})?|[0-9]{1,9}/[1-9][0-9]{0,8})$"


class Conversion(Arguments):
    """What to convert."""

    amount: str = Field(pattern=AMOUNT_PATTERN)
    """A number: 12, -40, 2.5, 1/3."""
    source: UnitName
    target: UnitName


@dataclass(frozen=True, slots=True)
class _Part:
    amount: Fraction
    unit: str


def by_rule(words: str) -> Conversion | None:
    """Return what a request converts, None where it says something else as well."""
    if match := _HOW_MANY.search(words):
        target, *parts = match.groups()
    elif match := _IN_UNITS.search(words):
        *parts, target = match.groups()
    else:
        return None
    return _conversion(*parts, target=_NAMES[target])


def _conversion(
    amount: str, unit: str, part: str | None, more: str | None, smaller: str | None, *, target: str
) -> Conversion | None:
    """Return a conversion of an amount such as 5 feet 10, or 6 pounds and a half."""
    value, source = _number(amount), _NAMES[unit]
    if part:
        value += value_of(part)
    if more:
        inner = _NAMES[smaller] if smaller else _BELOW.get(source, "")
        if not inner:
            return None
        try:
            value = converted(value, source, inner) + value_of(more)
        except ToolError:
            return None
        source = inner
    if source == target or (source in _CALENDAR and value == 1):
        return None  # what a year has is known better than it is calculated
    source, target = _of_one_kind(source, target)
    amount = str(value)
    if not re.match(AMOUNT_PATTERN, amount):
        return None
    return Conversion(amount=amount, source=source, target=target)


_BELOW = {"foot": "inch", "pound": "ounce", "stone": "pound", "hour": "minute", "minute": "second"}
"""What a number without a unit counts after one: five foot ten."""
_VOLUMES = (
    "milliliter", "centiliter", "deciliter", "liter", "teaspoon", "tablespoon", "cup", "pint", "quart", "gallon",
)  # fmt: skip


def _of_one_kind(source: str, target: str) -> tuple[str, str]:
    """Take an ounce for a fluid one beside a volume, and a degree for one of temperature beside such."""
    pair = (source, target)
    other = {"celsius": "fahrenheit", "fahrenheit": "celsius", "kelvin": "celsius"}
    if any(unit in _VOLUMES for unit in pair):
        return tuple("fluid_ounce" if unit == "ounce" else unit for unit in pair)  # type: ignore[return-value]
    if target in other and source == "degree":
        return other[target], target
    return pair


def _number(said: str) -> Fraction:
    if said in ("a", "an", "one"):
        return Fraction(1)
    sign = -1 if said[0] in "-mn" else 1
    return sign * value_of(said.removeprefix("minus ").removeprefix("negative ").lstrip("- "))


def _meant(words: str) -> bool:
    """Return whether a number and two units stand in a question for one of them."""
    if _HOW_MANY.search(words) or _IN_UNITS.search(words):
        return False
    asks = re.search(r"\bhow (?:many|much)\b|\bconvert\b|\bin(?:to)? (?:the )?\w+$", words)
    units = {_NAMES[name] for name in _UNITS_ALONE.findall(words) if len(name) > 2}
    return bool(asks and len(units) > 1 and re.search(rf"{NUMBER}", words))


def read(utterance: Utterance, earlier: Sequence[Message]) -> Conversion | Open | None:
    """Return the conversion that a request is; Open where its units stand among other words."""
    words = utterance.request
    return by_rule(words) or (Open(_choices(words)) if _meant(words) else None)


def _choices(words: str) -> dict[str, list[str]]:
    """Return the numbers of a request with the units they count, and the units that none does."""
    counted = {match[2]: str(_number(match[1])) for match in _COUNTED.finditer(words)}
    sources = {_NAMES[name]: amount for name, amount in counted.items()}
    others = dict.fromkeys(_NAMES[name] for name in _UNITS_ALONE.findall(words))
    targets = [unit for unit in others if unit not in sources]
    if len(sources) == len(targets) == 1:
        source, target = _of_one_kind(*sources, *targets)
        sources, targets = {source: next(iter(sources.values()))}, [target]
    return {"amount": list(sources.values()), "source": list(sources), "target": targets}


LOADING_S = 0.3
"""What it takes to load pint (measured: 0.26 s)."""


@functools.cache
def _registry() -> UnitRegistry[Any]:
    """Load pint with fractions for numbers."""
    import pint

    registry: UnitRegistry[Any] = pint.UnitRegistry(non_int_type=Fraction, cache_folder=None)
    registry.define("ten_years = 10 * year")  # pint's decade is one of frequency, on a logarithmic scale
    return registry


def _in_pint(name: str) -> str:
    """Return a unit as pint writes it: mile/hour, meter**3."""
    name = _PINT.get(name, name)
    for pattern, written in _POWERS:
        name = re.sub(pattern, written, name)
    return name


def converted(value: Fraction, source: str, target: str) -> Fraction:
    """Return an amount in another unit. Raises ToolError where the units measure different things."""
    import pint

    units = _registry()
    try:
        quantity = units.Quantity(value, units.Unit(_in_pint(source)))
        return Fraction(quantity.to(_in_pint(target)).magnitude)
    except pint.DimensionalityError:
        raise ToolError(
            f"{_plural(source).capitalize()} can't be turned into {_plural(target)}: they measure different things."
        ) from None


@skill(
    "units",
    about="Converts units: lengths, weights, volumes, temperatures, times, speeds, areas, energy, data.",
    read=read,
    takes_s=lambda: 0.0 if _registry.cache_info().currsize else LOADING_S,
)
def convert(call: Conversion) -> Outcome:
    """Say an amount in another unit."""
    value = Fraction(call.amount)
    result = converted(value, call.source, call.target)
    about = {call.source, call.target} & set(_CALENDAR) or "radian" in (call.source, call.target)
    said = spoken(_short(result), exact=not about)
    if _short(result) != result and not said.startswith("about"):
        said = "about " + said
    verb = "is" if abs(value) == 1 or call.source in ("celsius", "fahrenheit", "kelvin") else "are"
    start = f"{spoken(value)} {_named(value, call.source)}".removeprefix("about ")
    return Outcome(f"{start[0].upper()}{start[1:]} {verb} {said} {_named(_short(result), call.target)}.")


def _short(value: Fraction) -> Fraction:
    """Return a value to a few significant digits, whole numbers whole."""
    if value.denominator == 1 or value == 0:
        return value
    places = 1
    while abs(value) * 10**places < 10 ** (_SIGNIFICANT - 1) and places < 20:
        places += 1
    places = min(places, 2) if abs(value) >= 1 else places
    return Fraction(round(value * 10**places), 10**places)


def _named(value: Fraction, unit: str) -> str:
    name = _plural(unit)
    if abs(value) == 1:
        name = name.replace("degrees", "degree") if "degrees" in name else unit.replace("_", " ")
    return name
