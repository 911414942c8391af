"""Units and what an amount of one is in another; pint knows what they are, in fractions."""

from __future__ import annotations

import functools
import re
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from voice_app.core.errors import ToolError
from voice_app.skills.phrases import language_data

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pint import UnitRegistry

_Length = Literal[
    "millimeter", "centimeter", "meter", "kilometer", "inch", "foot", "yard", "mile", "nautical_mile", "light_year",
]  # fmt: skip
_Weight = Literal["milligram", "gram", "kilogram", "metric_ton", "ounce", "pound", "stone", "ton"]
_Volume = Literal[
    "milliliter", "centiliter", "deciliter", "liter", "teaspoon", "tablespoon", "fluid_ounce", "cup", "pint", "quart",
    "gallon", "cubic_meter", "cubic_centimeter", "cubic_foot", "cubic_inch",
]  # fmt: skip
_Temperature = Literal["celsius", "fahrenheit", "kelvin"]
_Time = Literal[
    "millisecond", "second", "minute", "hour", "day", "week", "month", "year", "decade", "century"
]
_Area = Literal[
    "square_meter", "square_kilometer", "square_centimeter", "square_foot", "square_inch", "square_yard",
    "square_mile", "hectare", "acre",
]  # fmt: skip
_Speed = Literal["kilometer_per_hour", "mile_per_hour", "meter_per_second", "foot_per_second", "knot"]
_Energy = Literal["joule", "kilojoule", "calorie", "kilocalorie", "watt_hour", "kilowatt_hour"]
_Power = Literal["watt", "kilowatt", "megawatt", "horsepower"]
_Pressure = Literal["pascal", "hectopascal", "kilopascal", "bar", "psi", "atmosphere"]
_Angle = Literal["degree", "radian"]
_Data = Literal["bit", "byte", "kilobyte", "megabyte", "gigabyte", "terabyte"]
UnitName = Literal[
    _Length, _Weight, _Volume, _Temperature, _Time, _Area, _Speed, _Energy, _Power, _Pressure, _Angle, _Data
]
"""The units that can be asked for; US ones where a name means several."""
_KINDS = (
    _Length, _Weight, _Volume, _Temperature, _Time, _Area, _Speed, _Energy, _Power, _Pressure, _Angle, _Data,
)  # fmt: skip
KIND_OF: Mapping[str, int] = {unit: number for number, kind in enumerate(_KINDS) for unit in get_args(kind)}
"""Units of one kind can be turned into each other. Known without pint, which takes a while to load."""
UNITS = tuple(KIND_OF)
VOLUMES, TEMPERATURES = get_args(_Volume), get_args(_Temperature)
CALENDAR = ("month", "year", "decade", "century")
"""Have no fixed number of days; what is told of them is about right."""
LOADING_S = 0.3
"""What it takes to load pint (measured: 0.26 s)."""
_PINT = {"decade": "ten_years", "celsius": "degC", "fahrenheit": "degF", "atmosphere": "standard_atmosphere"}
_POWERS = (
    ("_per_", "/"),
    ("watt_hour", "watt*hour"),
    (r"^cubic_(.*)", r"\1**3"),
    (r"^square_(.*)", r"\1**2"),
)
_SIGNIFICANT = 4
"""Digits of a result that is no short decimal."""
_PLURALS: Mapping[str, str] = language_data(Path(__file__).parent, "units.")["plurals"]


def prepare() -> None:
    """Load pint beforehand, so that no conversion waits for it."""
    _registry()


@functools.cache
def _registry() -> UnitRegistry[Any]:
    """Load pint with fractions for numbers."""
    import pint

    registry: UnitRegistry[Any] = pint.UnitRegistry(non_int_type=Fraction, cache_folder=None)
    registry.define("ten_years = 10 * year")  # pint's decade is one of frequency, on a logarithmic scale
    return registry


def loading_s() -> float:
    """Return the seconds that the next conversion has to wait for pint."""
    return 0.0 if _registry.cache_info().currsize else LOADING_S


def converted(value: Fraction, source: str, target: str) -> Fraction:
    """Return an amount in another unit. Raises ToolError where the units measure different things."""
    if KIND_OF[source] != KIND_OF[target]:
        raise ToolError(
            f"{plural(source).capitalize()} can't be turned into {plural(target)}: they measure different things."
        )
    units = _registry()
    return Fraction(units.Quantity(value, units.Unit(_in_pint(source))).to(_in_pint(target)).magnitude)


def _in_pint(name: str) -> str:
    """Return a unit as pint writes it: mile/hour, meter**3."""
    name = _PINT.get(name, name)
    for pattern, written in _POWERS:
        name = re.sub(pattern, written, name)
    return name


def plural(name: str) -> str:
    """Return how several of a unit are called."""
    words = name.split("_")
    if "per" in words:
        return f"{_PLURALS.get(words[0], words[0] + 's')} {' '.join(words[1:])}"
    return _PLURALS.get(name) or " ".join([*words[:-1], _PLURALS.get(words[-1], words[-1] + "s")])


def named(value: Fraction, unit: str) -> str:
    """Return a unit as it is called after a value."""
    name = plural(unit)
    if abs(value) == 1:
        name = name.replace("degrees", "degree") if "degrees" in name else unit.replace("_", " ")
    return name


def short(value: Fraction) -> Fraction:
    """Return a value to a few significant digits, whole numbers whole."""
    if value.denominator == 1 or value == 0:
        return value
    places = 1
    while abs(value) * 10**places < 10 ** (_SIGNIFICANT - 1) and places < 20:
        places += 1
    places = min(places, 2) if abs(value) >= 1 else places
    return Fraction(round(value * 10**places), 10**places)
