"""Number words as digits: "twenty-five and a half" is 25.5, as speech to text and people write numbers."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from fractions import Fraction

LONGEST_REQUEST = 400
"""Characters of a turn that are looked at: nobody says a longer request to a tool."""
NUMBER = r"\d+(?:\.\d+)?(?:/\d+)?"
"""A number as `canonical` writes it: 12, 2.5, 1/3."""

_UP_TO_NINETEEN = (
    "zero one two three four five six seven eight nine ten eleven twelve "
    "thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
)
_SMALL = {word: value for value, word in enumerate(_UP_TO_NINETEEN.split())}
ORDINALS = (
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh",
    "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth", "eighteenth", "nineteenth",
    "twentieth",
)  # fmt: skip
_TENS_FROM_TWENTY = "twenty thirty forty fifty sixty seventy eighty ninety"
_TENS = {word: 10 * value for value, word in enumerate(_TENS_FROM_TWENTY.split(), 2)}
_SCALES = {"dozen": 12, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_PARTS = {"half": 2, "quarter": 4, **{word: part for part, word in enumerate(ORDINALS[2:10], 3)}}
_PLURAL_PARTS = {"halves": 2, **{word + "s": part for word, part in _PARTS.items() if word != "half"}}
_DENOMINATORS = ("2", "3", "4", "5", "6", "8", "16")
"""Of parts of one that are written with a slash; 12/25 is a day."""
_PLAIN = str.maketrans({"ß": "ss", "ø": "o", "ł": "l", "æ": "ae", "œ": "oe", "đ": "d", "ı": "i"})
_GLYPHS = {"½": "1/2", "¼": "1/4", "¾": "3/4", "⅓": "1/3", "⅔": "2/3"}
_TOKEN = re.compile(r"\d+(?:\.\d+)?(?:st|nd|rd|th)?|\.\d+|[a-z]+(?:'[a-z]+)?|[+\-*/^%(),=×÷²³√!:$€£¥°]")
_DIGITS = re.compile(r"\d+(?:\.\d+)?|\.\d+")


def canonical(text: str) -> str:
    """Return a request in lower case, its numbers as digits, its tokens parted by single spaces.

    "What's one hundred and five divided by 2 1/2?" is "what's 105 divided by 2.5". Commas between words stay as
    tokens, other punctuation does not. A text that is longer than LONGEST_REQUEST is none: the result is "".
    """
    if len(text) > LONGEST_REQUEST:
        return ""
    tokens, words, at = _tokens(text), [], 0
    while at < len(tokens):
        found = _number_at(tokens, at)
        if found:
            value, at = found
            words.append(_written(value))
        else:
            words.append(tokens[at])
            at += 1
    return " ".join(words)


def small_number(word: str) -> int | None:
    """Return a number from one up: in words to nineteen, in digits to 99; None for other words."""
    return _SMALL.get(word.lower()) or (int(word) if re.fullmatch(r"[0-9]{1,2}", word) else None) or None


def value_of(number: str) -> Fraction:
    """Return the value of a number as `canonical` writes it."""
    return Fraction(number)


def spoken(value: Fraction, *, exact: bool = True, digits: int = 4) -> str:
    """Return a number to be read aloud: whole numbers and short decimals as they are, others as "about 0.3333".

    `digits` are those after the point of an inexact number from 1 on, or significant ones below 1.
    """
    sign, size = ("minus " if value < 0 else ""), abs(value)
    if size >= 10**15 or 0 < size < Fraction(1, 10**6):
        power = _exponent(size)
        mantissa = size / Fraction(10) ** power
        about = "" if exact and (mantissa * 1000).denominator == 1 else "about "
        factor = "" if mantissa == 1 else f"{_decimal(mantissa, 3)} times "
        return f"{about}{sign}{factor}10 to the power of {power}"
    if exact and (size * 10**6).denominator == 1:
        return sign + _decimal(size, 6)
    places = digits if size >= 1 else digits - 1 - _exponent(size)
    rounded = _decimal(size, places)
    about = "" if exact and Fraction(rounded.replace(",", "")) == size else "about "
    return about + sign + rounded


def _decimal(value: Fraction, places: int) -> str:
    whole, part = divmod(round(value * 10**places), 10**places)
    decimals = f"{part:0{places}d}".rstrip("0") if places else ""
    return f"{whole:,}.{decimals}" if decimals else f"{whole:,}"


def _exponent(value: Fraction) -> int:
    """Return the power of ten of a positive number's first digit."""
    power = len(str(value.numerator)) - len(str(value.denominator))
    return power - (value < Fraction(10) ** power)


def _tokens(text: str) -> list[str]:
    text = _plain_letters(text.lower().replace("’", "'"))
    for glyph, digits in _GLYPHS.items():
        text = text.replace(glyph, f" {digits}")
    text = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", text)
    text = re.sub(r"\b([1-9])-([2-9])(?= of\b)", r"\1/\2", text)  # how speech to text writes two thirds
    text = re.sub(r"(?<=[a-z])-(?=[a-z])|(?<=\d)-(?=[a-z]{3})", " ", text)
    text = re.sub(r"\b([ap])\. ?m\b\.?", r"\1m", text)
    text = re.sub(r"(?<=\d) ?['′](?: ?(?=\d{1,2}\b)|(?![\w']))", " foot ", text)  # 5'10"
    return _TOKEN.findall(text)


def _plain_letters(text: str) -> str:
    """Return a text without accents: são is sao."""
    parts = unicodedata.normalize("NFD", text.translate(_PLAIN))
    return "".join(letter for letter in parts if not unicodedata.combining(letter))


def _written(value: Fraction) -> str:
    """Write a value as a decimal where that is short, else as a fraction."""
    if value.denominator == 1:
        return str(value.numerator)
    scaled = value * 10**9
    if scaled.denominator == 1:
        whole, part = divmod(scaled.numerator, 10**9)
        return f"{whole}.{part:09d}".rstrip("0")
    return f"{value.numerator}/{value.denominator}"


def _number_at(tokens: Sequence[str], at: int) -> tuple[Fraction, int] | None:
    """Return the number that begins at a token, and the place after it."""
    part = _part_at(tokens, at)
    if part:
        return part
    found = _whole_at(tokens, at)
    if found is None:
        return None
    value, at = found
    value, at = _decimals(tokens, value, at)
    more = _part_at(tokens, at + 1) if tokens[at : at + 1] == ["and"] else _slashed_at(tokens, at)
    if more and value.denominator == 1 and more[0] < 1:
        return value + more[0], more[1]
    return value, at


def _part_at(tokens: Sequence[str], at: int) -> tuple[Fraction, int] | None:
    """Return a part of one: half, a quarter, two thirds, 3/4; also half a dozen."""
    words = [*tokens[at : at + 3], "", "", ""]
    if words[0] == "half":
        if words[1] in ("a", "an") and words[2] in _SCALES:
            return Fraction(_SCALES[words[2]], 2), at + 3
        return Fraction(1, 2), at + 1
    if words[0] in ("a", "one", "1") and words[1] in _PARTS:
        return Fraction(1, _PARTS[words[1]]), at + 2
    if words[:3] == ["quarter", "of", "an"]:
        return Fraction(1, 4), at + 1
    count = _SMALL.get(words[0], int(words[0]) if words[0].isdecimal() and len(words[0]) < 3 else 0)
    if count > 1 and words[1] in _PLURAL_PARTS:
        return Fraction(count, _PLURAL_PARTS[words[1]]), at + 2
    return _slashed_at(tokens, at)


def _slashed_at(tokens: Sequence[str], at: int) -> tuple[Fraction, int] | None:
    words = [*tokens[at : at + 3], "", "", ""]
    if words[1] == "/" and words[0].isdecimal():
        proper = words[2] in _DENOMINATORS and int(words[0][:9]) < int(words[2])
        return (Fraction(int(words[0]), int(words[2])), at + 3) if proper else None
    return None


def _whole_at(tokens: Sequence[str], at: int) -> tuple[Fraction, int] | None:
    """Return a number without decimals in words: two hundred and five thousand; or digits with a scale: 5 million."""
    start, total, current, last_scale = at, Fraction(0), Fraction(0), 10**15
    while at < len(tokens):
        word = tokens[at]
        if at == start and word == "point" and tokens[at + 1 : at + 2] and tokens[at + 1] in _SMALL:
            return Fraction(0), at
        grown = _grown(word, current, first=at == start)
        if grown is not None:
            current = grown
        elif word in _SCALES and current and _SCALES[word] < last_scale:
            total, current, last_scale = total + current * _SCALES[word], Fraction(0), _SCALES[word]
        elif (
            at == start
            and word in ("a", "an")
            and tokens[at + 1 : at + 2] != []
            and _is_scale(tokens[at + 1])
        ):
            current = Fraction(1)
        elif not (word == "and" and at > start and _joins(tokens, at)):
            break
        at += 1
    return (total + current, at) if at > start else None


def _grown(word: str, current: Fraction, *, first: bool) -> Fraction | None:
    """Return the hundreds, tens and ones so far with one more word, or None where it does not belong to them."""
    if _DIGITS.fullmatch(word):
        return Fraction(word) if first else None
    whole = current.denominator == 1
    if word == "hundred":
        return current * 100 if 0 < current < 100 and whole else None
    if word in _TENS:
        return current + _TENS[word] if whole and current % 100 == 0 else None
    if word in _SMALL:
        value = _SMALL[word]
        free = current % 100 == 0 or (value in range(1, 10) and current % 10 == 0 and current % 100 >= 20)
        return current + value if whole and free and (value or first) else None
    return None


def _is_scale(word: str) -> bool:
    return word == "hundred" or word in _SCALES


def _joins(tokens: Sequence[str], at: int) -> bool:
    """Return whether an "and" stands inside a number: after hundred or thousand, before tens or ones."""
    following = tokens[at + 1] if at + 1 < len(tokens) else ""
    return (
        _is_scale(tokens[at - 1])
        and tokens[at - 1] != "dozen"
        and (following in _SMALL or following in _TENS)
    )


def _decimals(tokens: Sequence[str], value: Fraction, at: int) -> tuple[Fraction, int]:
    """Take in "point one four"."""
    if tokens[at : at + 1] != ["point"]:
        return value, at
    end, digits = at + 1, ""
    while end < len(tokens) and (tokens[end] in _SMALL or tokens[end] in _TENS or tokens[end].isdecimal()):
        digits += str(_SMALL.get(tokens[end], _TENS.get(tokens[end], tokens[end])))
        end += 1
    if not digits or value.denominator != 1:
        return value, at
    value += Fraction(int(digits), 10 ** len(digits))
    if end < len(tokens) and tokens[end] in _SCALES:
        return value * _SCALES[tokens[end]], end + 1
    return value, end
