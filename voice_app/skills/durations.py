"""Spans of time in words: "an hour and a half", "2 minutes 30", "a quarter of an hour", as seconds."""

from __future__ import annotations

import re
from fractions import Fraction

from voice_app.skills.number_words import NUMBER, value_of

LONGEST_S = 10**7
"""Seconds of a span that can be asked for, if only to be refused."""
_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_SMALLER_S = {86400: 3600, 3600: 60, 60: 1}
_AMOUNT = rf"(?:(?:{NUMBER} (?:to|or|-) )?{NUMBER}|(?:a )?couple|an|a|one)"
_UNIT = r"(?:seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?|weeks?)(?![a-z])"
SPAN = (
    rf"(?:(?:{_AMOUNT}(?: of)?(?: an| a)? ?{_UNIT}|\d+ : \d\d (?:hours?|minutes?))"
    rf"(?:(?: ,)?(?: and)? (?:{NUMBER}|a|one) {_UNIT}| and 0\.\d+"
    r"|(?<=[a-z]) \d{1,2}(?![\d.])(?! ?(?::|am|pm|o'clock|[a-z]*(?:timer|alarm))))*"
    rf"|hour and (?:0\.\d+|{NUMBER} {_UNIT}))"
)
"""A span in canonical words, as `span_s` reads it."""
SPAN_WORDS = re.compile(SPAN)
_PART = re.compile(
    r"(?P<whole>\d+) : (?P<sixtieth>\d\d) (?P<of>[mh])"
    rf"|(?P<amount>{NUMBER}|couple|an|a|one)(?![a-z])(?: of)?(?: an| a)? ?(?P<unit>[smhdw])[a-z]*"
    r"|and (?P<part>0\.\d+)|^(?P<hour>hour)| (?P<more>\d{1,2})$"
)


def span_s(words: str) -> int:
    """Return the seconds of a span in canonical words: "an hour and 0.5" is 5400, "2 minutes 30" is 150.

    Of a range, "2 to 3 minutes", it is the longer span.
    """
    total, unit_s = 0, 60
    for found in _PART.finditer(words):
        if found["whole"]:
            unit_s = _UNITS_S[found["of"]]
            total += (int(found["whole"]) * 60 + int(found["sixtieth"])) * unit_s // 60
        elif found["unit"] or found["hour"]:
            unit_s = _UNITS_S[found["unit"] or "h"]
            total += whole_seconds(_amount(found["amount"] or "1"), unit_s)
        elif found["more"]:
            total += int(found["more"]) * _SMALLER_S.get(unit_s, 1)
        if found["part"]:
            total += whole_seconds(value_of(found["part"]), unit_s)
    return total


def _amount(words: str) -> Fraction:
    return Fraction(2) if words == "couple" else value_of(words if words[0].isdecimal() else "1")


def whole_seconds(amount: Fraction, unit_s: int) -> int:
    """Return an amount of a unit in whole seconds, half a second up."""
    return int(amount * unit_s + Fraction(1, 2))


def spoken_span(seconds: int) -> str:
    """Return "1 hour, 5 minutes and 3 seconds"."""
    parts = []
    for name, size in (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1)):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count} {name}{'s' * (count != 1)}")
    return listed(parts) or "0 seconds"


def listed(parts: list[str]) -> str:
    """Return "a, b and c"."""
    return " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]])) if parts else ""
