"""Amounts in words: "5 foot 10", "2 pounds and a half", "30 °C" as a number and a unit; units by their names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from voice_app.skills.number_words import NUMBER, value_of
from voice_app.skills.phrases import Slot, language_data
from voice_app.skills.units.conversion import UNITS, plural

_DATA = language_data(Path(__file__).parent, "units.")
_ALSO: Mapping[str, str] = _DATA["also"]
_BELOW = {
    "yard": ("foot", 3), "foot": ("inch", 12), "kilometer": ("meter", 1000), "meter": ("centimeter", 100),
    "stone": ("pound", 14), "pound": ("ounce", 16), "kilogram": ("gram", 1000), "liter": ("milliliter", 1000),
    "gallon": ("quart", 4), "week": ("day", 7), "day": ("hour", 24), "hour": ("minute", 60), "minute": ("second", 60),
}  # fmt: skip
"""The unit below one, and how many make it up: what a number after an amount counts, as in five foot ten."""
_BARE = ("foot", "stone", "pound", "hour", "minute")
"""Units after which a number without a unit counts the one below."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """An amount of a unit."""

    amount: Fraction
    unit: str


def _names() -> dict[str, str]:
    """Return each name of a unit, and the unit."""
    names = {}
    for unit in UNITS:
        for said in (unit, plural(unit), *_ALSO.get(unit, "").split()):
            names[said.replace("_", " ").lower()] = unit
    return names


NAMES = _names()
_SPELLED = "|".join(re.escape(name) for name in sorted(NAMES, key=len, reverse=True))
_DEGREES = r"(?:degrees? (?:in )?|deg |° ?)?"
_UNIT = r"(?:°|[a-z][a-z']*)(?: (?:/|²|³|[a-z]+)){0,3}?"
"""Words that may be a unit; the names are looked up, since a pattern of all of them is slow to compile."""
_SIGN = r"(?:minus |negative |- ?)?"
_AMOUNT = rf"(?:(?:an? )?{_SIGN}{NUMBER}|an?|one)(?: of)?(?: an?)? {_UNIT}"
_MORE = rf"(?: and {NUMBER}(?= |$))??(?:(?: ,)?(?: and)? {NUMBER}(?: {_UNIT})??)??"
_HEIGHT = r"[4-7] (?:\d|1[01])(?! ?[:/.\d])"
"""Feet and inches as people say how tall they are: "five ten"."""
_MONEY = "|".join(re.escape(name) for name in _DATA["money"])
_PARTS = re.compile(
    rf"^(?:an? (?=\d))?(?P<amount>{_SIGN}{NUMBER}|an?|one)(?: of)?(?: an?)? {_DEGREES}(?P<unit>{_SPELLED})(?!\w)"
    rf"(?: and (?P<part>{NUMBER})(?= |$))?"
    rf"(?:(?: ,)?(?: and)? (?P<more>{NUMBER})(?: {_DEGREES}(?P<smaller>{_SPELLED}))?)?$"
)


def number_in_words(words: str) -> Fraction:
    """Return a number with its sign: "minus 40", "a"."""
    if words in ("a", "an", "one"):
        return Fraction(1)
    bare = re.sub(rf"^{_SIGN}", "", words)
    return value_of(bare) * (-1 if bare != words else 1)


def unit_in_words(words: str) -> str | None:
    """Return the unit that canonical words name, None where they name none."""
    return NAMES.get(words) or NAMES.get(re.sub(rf"^{_DEGREES}", "", words))


def quantity_in_words(words: str) -> Quantity | None:
    """Return the amount that canonical words say from the first to the last; None where they say anything else."""
    said = _PARTS.match(words)
    if said is None:
        return None
    value, unit = number_in_words(said["amount"]), NAMES[said["unit"]]
    if said["part"]:
        value += value_of(said["part"])
    if said["more"]:
        bare = _BELOW[unit][0] if unit in _BARE else ""
        return _with_smaller(value, unit, value_of(said["more"]), NAMES.get(said["smaller"] or "", bare))
    return Quantity(value, unit)


def _with_smaller(value: Fraction, unit: str, more: Fraction, smaller: str) -> Quantity | None:
    """Return an amount of two units as one of the smaller; None where that is no part of the larger."""
    whole = unit
    while unit != smaller and unit in _BELOW:
        unit, count = _BELOW[unit]
        value *= count
    return Quantity(value + more, unit) if unit == smaller != whole else None


def _height(words: str) -> Quantity:
    feet, inches = words.split()
    return Quantity(Fraction(12 * int(feet) + int(inches)), "inch")


SLOTS = {
    "quantity": Slot(_AMOUNT + _MORE, ("5 miles", "2.5 inches", "5 foot 10", "a km"), quantity_in_words),
    "unit": Slot(_UNIT, ("meters", "cm", "yards"), unit_in_words),
    "height": Slot(_HEIGHT, ("5 10", "6 2"), _height),
    "signed": Slot(rf"{_SIGN}{NUMBER}", ("20", "minus 5"), number_in_words),
    "metric": Slot(r"(?:centi|milli)?m(?:et(?:er|re)s?)?|cms?|mm", ("cm", "meters"), unit_in_words),
    "rest": Slot(r"(?!\d|and \d)\S.{0,60}?", ("outside", "on the tin")),
    "words": Slot(r"\S.{0,60}?", ("the tin", "it says")),
    "money": Slot(
        rf"(?:[$€£¥] ?{NUMBER}|(?:{NUMBER}|an?|some|my) (?:{_MONEY}))", ("20 euros", "$ 5", "a dollar")
    ),
    "pounds": Slot(rf"(?:{NUMBER}|a) pounds?", ("20 pounds",)),
    "money_or_unit": Slot(rf"(?:{_MONEY}|pounds?)", ("dollars", "pounds")),
    "currency": Slot(rf"(?:{_MONEY})", ("euros", "yen")),
}
