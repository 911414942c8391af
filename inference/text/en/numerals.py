"""Numerals as English words. All functions take strings of ASCII digits, so nothing is lost to floats."""

from __future__ import annotations

from functools import lru_cache

MAX_CARDINAL_DIGITS = 15
"""Longer numbers are read digit by digit: nobody follows "quadrillion"."""

NUMBER = r"(?:\d{1,3}(?:,\d{3})++(?!\d)|\d++)(?:\.\d++)?+"
"""A number with or without thousands separators and decimals; start it where no digit stands before."""

_FRACTION_NAMES = {2: ("half", "halves"), 4: ("quarter", "quarters")}


@lru_cache(maxsize=4096)
def _words(value: int, kind: str) -> str:
    from num2words import num2words  # 50 ms to import

    # num2words groups thousands with commas, which a voice would speak as pauses.
    return str(num2words(value, to=kind)).replace(",", "")


def spell_digits(digits: str) -> str:
    """Return each digit as a word: "042" -> "zero four two". Other characters are skipped."""
    return " ".join(_words(int(digit), "cardinal") for digit in digits if digit.isdigit())


def cardinal(digits: str) -> str:
    """Return a whole number in words; leading zeros and over-long numbers are read digit by digit."""
    if len(digits) > MAX_CARDINAL_DIGITS or (len(digits) > 1 and digits[0] == "0"):
        return spell_digits(digits)
    return _words(int(digits), "cardinal")


def ordinal(digits: str) -> str:
    """Return "third" for "3"; over-long numbers are read digit by digit."""
    return _words(int(digits), "ordinal") if len(digits) <= MAX_CARDINAL_DIGITS else spell_digits(digits)


def number(text: str) -> str:
    """Return a match of `NUMBER` in words: "1,050.50" -> "one thousand and fifty point five zero"."""
    whole, _, decimals = text.replace(",", "").partition(".")
    words = cardinal(whole or "0")
    return f"{words} point {spell_digits(decimals)}" if decimals else words


def year(digits: str) -> str:
    """Return a year of up to four digits as it is said: "1999" -> "nineteen ninety-nine"."""
    return _words(int(digits), "year")


def decade(digits: str) -> str:
    """Return "nineteen nineties" for "1990" and "eighties" for "80"."""
    words = year(digits) if len(digits) == 4 else cardinal(digits)
    return words[:-1] + "ies" if words.endswith("y") else words + "s"


def fraction(above: str, below: str) -> str:
    """Return "three quarters" for 3 and 4. A fraction of one or more, or an odd one, is "ten over three"."""
    top, bottom = int(above), int(below)
    if not (0 < top < bottom <= 100):
        return f"{cardinal(above)} over {cardinal(below)}"
    one, many = _FRACTION_NAMES.get(bottom, (_words(bottom, "ordinal"), _words(bottom, "ordinal") + "s"))
    return f"{cardinal(above)} {one if top == 1 else many}"
