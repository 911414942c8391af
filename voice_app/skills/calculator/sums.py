"""Sums in words, "fifteen percent of eighty", as expressions; and the parts of the sayings that make them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from voice_app.core.errors import ToolError
from voice_app.skills.calculator.arithmetic import evaluate
from voice_app.skills.number_words import NUMBER, ORDINALS
from voice_app.skills.phrases import Slot, language_data

_DATA = language_data(Path(__file__).parent, "symbols.")
_SYMBOLS: Mapping[str, str] = _DATA["symbols"] | {
    f"to the {ordinal}{power}": f"^ {value}"
    for value, ordinal in enumerate(ORDINALS[1:], 2)
    for power in ("", " power")
}
_MONEY = {word: unit for unit, words in _DATA["money"].items() for word in words}


def _any_of(words: Mapping[str, str]) -> str:
    longest_first = sorted(words, key=len, reverse=True)
    return rf"(?<!\S)(?:{'|'.join(map(re.escape, longest_first))})(?!\S)"


_SYMBOL, _COIN = re.compile(_any_of(_SYMBOLS)), re.compile(_any_of(_MONEY))
_SIGNED = rf"(?:minus |negative |- ?)?{NUMBER}"
_COUNTED = (
    rf"(?:[$€£] ?)?{_SIGNED}(?: (?:{'|'.join(word for word in _MONEY if word.isascii() and len(word) > 2)}))?"
)
_POWER = re.compile(r"(?<!\S)(?:raised )?to the (\d+)(?:st|nd|rd|th)(?: power)?(?!\S)")
_PART_OF = re.compile(rf"({NUMBER}) of (?:a |the )?(?={NUMBER})")
_A_PART = re.compile(r"(?<!\S)a (?=(?:third|quarter|half|0\.\d+|\d+/\d+)(?!\S))")
_SUM = re.compile(rf"^(?:{NUMBER}|[-+*/^%!()]|sqrt|cbrt|mod|pi| )+$")
_OPERATOR = re.compile(r"[-+*/^!%]|sqrt|cbrt|mod")
_WORDS = {
    word for words in (*_SYMBOLS, *_MONEY, "of a the and to half third quarter") for word in words.split()
}
_TOKEN = rf"(?:{NUMBER}(?:st|nd|rd|th)?|[-+*/^%!()]|{'|'.join(map(re.escape, sorted(_WORDS, key=len, reverse=True)))})"
"""What a sum is made of: other words end it."""
_TOKENS = rf"{_TOKEN}(?: {_TOKEN})*?"
_LONE = re.compile(r"^(?:\S+ ?(?:%|percent)|(?:[-+]|minus|negative|plus) ?\S+|\d+ ?/ ?\d+)$")
"""A lone percentage or signed number is no sum; 9/11 and 24/7 have other meanings."""


def money_in(words: str) -> str:
    """Return what a sum is counted in, empty where nothing says so."""
    found = _COIN.search(words)
    return _MONEY[found[0]] if found else ""


def as_symbols(words: str) -> str:
    """Return canonical words of a sum with its signs instead of their names, without what it is counted in."""
    words = _A_PART.sub("", _COIN.sub(" ", words))
    words = _POWER.sub(r"^ \1", re.sub(r"\s+", " ", words))
    words = _SYMBOL.sub(lambda found: _SYMBOLS[found[0]], _PART_OF.sub(r"\1 * ", words))
    words = re.sub(rf"\bsq ({NUMBER})", r"\1 ^ 2", re.sub(rf"\bcu ({NUMBER})", r"\1 ^ 3", words))
    return re.sub(r"\s+", " ", words).strip(" ,")


def expression_in_words(words: str) -> str | None:
    """Return the expression that canonical words are, None where they are more than a sum, or none."""
    expression = as_symbols(words)
    if _LONE.match(words) or not (_SUM.match(expression) and _OPERATOR.search(expression)):
        return None
    try:
        evaluate(expression)
    except ToolError as error:  # a sum without a value is still a sum; what is no sum is not
        if "make out" in str(error):
            return None
    return expression


def _sum(words: str) -> dict[str, str] | None:
    expression = expression_in_words(words)
    return expression and {"expression": expression, "unit": money_in(words)}  # type: ignore[return-value]


def _onward(words: str) -> str | None:
    """Return what goes on from a result, as "* 2" and "+ 10 %"."""
    onward = as_symbols(words)
    is_sum = re.match(r"[-+*/^!]|mod", onward) and expression_in_words(f"( 1 ) {onward}")
    return onward if is_sum else None


def _operand(words: str) -> dict[str, str]:
    return {"expression": as_symbols(words), "unit": money_in(words)}


def _numbers(words: str) -> dict[str, object]:
    return {"numbers": re.findall(_SIGNED, _COIN.sub("", words)), "unit": money_in(words)}


SLOTS = {
    "words": Slot(r"\S.{0,60}?", ("the bag is full", "the shirt")),
    "sum": Slot(_TOKENS, ("12 * 7", "15 percent of 80", "2 to the power of 10"), _sum),
    "onward": Slot(_TOKENS, ("times 2", "plus 10", "divided by 3"), _onward),
    "plain": Slot(_SIGNED, ("3", "4"), _operand),
    "n": Slot(_COUNTED, ("3", "2.5", "45 dollars"), _operand),
    "percentage": Slot(rf"{NUMBER} ?(?:%|percent)", ("15 %", "20 percent"), lambda words: _operand(words)),
    "list": Slot(
        rf"{_COUNTED}(?:(?: ,)?(?: and| plus)? {_COUNTED})+", ("3 , 9 and 12", "10 20 and 60"), _numbers
    ),
}
