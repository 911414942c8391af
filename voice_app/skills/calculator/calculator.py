"""The calculator: sums in words, "fifteen percent of eighty", as expressions; their values in words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from inference.types import Message
from voice_app.core.errors import ToolError
from voice_app.skills.calculator.arithmetic import LONGEST_EXPRESSION, evaluate
from voice_app.skills.number_words import NUMBER, ORDINALS, spoken
from voice_app.skills.skill import Arguments, Open, Outcome, skill
from voice_app.skills.utterance import Utterance

SHORT_SUM = 60
"""Characters of a sum that is said again before its result, so that the user hears what was understood."""
_ASKING = re.compile(
    r"^(?:(?:tell me|calculate|compute|work out|figure out|solve|evaluate|do) "
    r"|i (?:need|want|would like|'d like) (?:to know |to calculate ))*"
    r"(?:how much (?:is|are|would be|do you get (?:if|when) you)|what(?:'s| is| are| does| do| would be)"
    r"|calculate|compute)? ?(?:you get (?:if|when) you |the (?:result|answer|value) (?:of|to) |i get if i )?"
)
_ENDING = re.compile(
    r" (?:equals?(?: to)?(?: what)?|is what|is equal to|make|makes|please|=|equal|be|come to|for me|if you add them"
    r"|together|altogether|in total|right now)$"
)
_N = rf"(?:minus )?{NUMBER}"
_FORMS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), expression)
    for pattern, expression in (
        (rf"(?:add|sum) ({_N}) (?:and|to|with|plus) ({_N})", r"\1 + \2"),
        (rf"(?:subtract|take away|take) ({_N}) (?:away )?from ({_N})", r"\2 - \1"),
        (rf"multiply ({_N}) (?:by|and|with|times) ({_N})", r"\1 * \2"),
        (rf"divide ({_N}) by ({_N})", r"\1 / \2"),
        (rf"(?:the )?sum of ({_N}(?: ,? ?(?:and )?{_N})+)", r"total \1"),
        (rf"(?:the )?product of ({_N}) and ({_N})", r"\1 * \2"),
        (rf"(?:the )?difference (?:between|of) ({_N}) and ({_N})", r"\1 - \2"),
        (rf"(?:the )?quotient of ({_N}) and ({_N})", r"\1 / \2"),
        (rf"(?:the )?(?:average|mean) of ({_N}(?: ,? ?(?:and )?{_N})+)", r"average \1"),
        (rf"(?:the )?remainder (?:of|when) ({_N}) (?:is )?divided by ({_N})", r"\1 mod \2"),
        (rf"(?:what |which )?percent(?:age)? of ({_N}) is ({_N})", r"\2 / \1 as percent"),
        (rf"({_N}) (?:is|as) (?:what|a|which) (?:percent(?:age)?|%) of ({_N})", r"\1 / \2 as percent"),
        (rf"(?:a |the )?({_N}) % tip (?:on|for|of) (?:a )?({_N})(?: bill)?", r"\1 % * \2"),
        (rf"({_N}) % off (?:of )?({_N})", r"\2 - \1 %"),
        (rf"({_N}) (?:increased|plus) (?:by )?({_N}) %", r"\1 + \2 %"),
        (rf"({_N}) (?:decreased|reduced|less|minus) (?:by )?({_N}) %", r"\1 - \2 %"),
    )
)
_WORDS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), symbol)
    for pattern, symbol in (
        (r"\b(?:raised )?to the power(?: of)?\b", "^"),
        (r"\b(?:raised )?to the (\d+)(?:st|nd|rd|th)(?: power)?\b", r"^ \1"),
        (r"\b(?:the )?(?:cube|cubic) root of\b", "cbrt"),
        (r"\b(?:the )?(?:square )?root of\b|√", "sqrt"),
        (r"\bsquared\b|²", "^ 2"),
        (r"\bcubed\b|³", "^ 3"),
        (r"\bpercent(?:age)? of\b|% of\b", "% *"),
        (r"\bpercent\b", "%"),
        (r"\b(?:the )?factorial of (\d+)\b", r"\1 !"),
        (r"\bfactorial\b", "!"),
        (r"\b(?:multiplied by|times|x)\b|×", "*"),
        (r"\b(?:divided by|over)\b|÷", "/"),
        (r"\bplus\b", "+"),
        (r"\b(?:minus|negative|take away|less)\b", "-"),
        (r"\b(?:modulo|modulus|mod)\b", "mod"),
        (r"\b(?:double|twice)(?: of)?\b", "2 *"),
        (r"\b(?:triple|three times)\b", "3 *"),
        (rf"({NUMBER}) of (?:a )?(?={NUMBER})", r"\1 * "),
        (r"\bpi\b", "pi"),
    )
)
_MONEY = re.compile(r"[$€£] | (?:dollars?|bucks|euros?|pounds sterling)\b")
_RUN = re.compile(rf"(?<!\S)(?:(?:{NUMBER}|[-+*/^%!()]|sqrt|cbrt|mod|pi)(?= |$) ?)+")
_SUM = re.compile(rf"^(?:{NUMBER}|[-+*/^%!()]|sqrt|cbrt|mod|pi| )+$")
_OPERATOR = re.compile(r"[-+*/^!%]|sqrt|cbrt|mod")
_LONE = re.compile(r"^(?:\S+ ?%|(?:[-+]|minus|negative) ?\S+)$")
_NO_SUM = re.compile(rf"{_LONE.pattern}|^\d+ ?/ ?\d+$")
"""A lone percentage or signed number; 9/11 and 24/7 have other meanings."""
_MEANT = re.compile(
    rf"{NUMBER} (?:\w+ )?(?:plus|minus|multiplied by|divided by|\+|\*|×|÷) (?:\w+ )?{NUMBER}"
    rf"|{NUMBER} times {NUMBER}|{NUMBER} (?:%|percent) (?:tip|of|off|on)\b|(?:square|cube) root of (?:\w+ )?{NUMBER}"
    rf"|(?:0\.\d+|\d+/\d+) of {NUMBER}"
    rf"|(?:sum|product|average|difference|quotient) (?:of|between) (?:\w+ )?{NUMBER}"
    rf"|{NUMBER} (?:squared|cubed|to the power)|\b(?:add|subtract|multiply|divide) {NUMBER}"
)
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


class Sum(Arguments):
    """What to calculate."""

    expression: str = Field(
        min_length=1, max_length=LONGEST_EXPRESSION, pattern=r"^[-0-9.+*/^%!() a-z]{1,200}$"
    )
    """Digits, + - * / ^ % ! ( ), mod, sqrt, cbrt, pi."""
    unit: Literal["", "percent", "dollars"] = ""
    """What the result is counted in."""


def by_rule(words: str) -> Sum | None:
    """Return the sum that a request asks for and nothing else; None where there is more to it."""
    if not re.search(r"\d", words):
        return None
    money = "dollars" if _MONEY.search(words) else ""
    words = _ASKING.sub("", _tidied(words), count=1).strip()
    while (shorter := _ENDING.sub("", words)) != words:
        words = shorter
    words = words.strip(" ,")
    if _NO_SUM.match(words):
        return None
    form = next((form for form in _FORMS if form[0].fullmatch(words)), None)
    return _as_sum(form[0].sub(form[1], words) if form else words, money)


def _tidied(words: str) -> str:
    """Return a request without money, percent and ordinal powers as signs."""
    words = re.sub(r"\bpercent(?:age)?\b(?! of \S+ is| is)", "%", _MONEY.sub(" ", words))
    words = re.sub(r"(?<!\w)a (?=(?:third|quarter|half)\b)", "", words)
    for value, ordinal in enumerate(ORDINALS[1:10], 2):
        words = re.sub(rf"\bto the {ordinal}\b(?: power)?", f"^ {value}", words)
    return re.sub(r"\s+", " ", words).strip()


def _as_sum(words: str, money: str) -> Sum | None:
    """Return words as a sum, None where they are more than that."""
    percent = words.endswith(" as percent")
    words = _symbols(_listed(words.removesuffix(" as percent")))
    if not (_SUM.match(words) and _OPERATOR.search(words)):
        return None
    try:
        evaluate(words)
    except ToolError as error:  # a sum without a value is still a sum; what is no sum is not
        if "make out" in str(error):
            return None
    return Sum(expression=words, unit="percent" if percent else "dollars" if money else "")


def _symbols(words: str) -> str:
    for pattern, symbol in _WORDS:
        words = pattern.sub(symbol, words)
    return re.sub(r"\s+", " ", words).strip()


def _inner(words: str) -> list[Sum]:
    """Return the sums that stand among the other words of a request, the longest first."""
    money = "dollars" if _MONEY.search(words) else ""
    words = _tidied(words)
    runs = [match.expand(expression) for form, expression in _FORMS for match in form.finditer(words)]
    runs += [match[0].strip() for match in _RUN.finditer(_symbols(words))]
    sums = [_as_sum(run, money) for run in runs if not _LONE.match(run)]
    return sorted((found for found in sums if found), key=lambda found: -len(found.expression))


def _choices(words: str) -> dict[str, list[str]]:
    """Return the longest sum of a request: what else its numbers are for is no matter of the calculator."""
    sums = _inner(words)[:1]
    return {"expression": [found.expression for found in sums], "unit": [found.unit for found in sums]}


def _listed(words: str) -> str:
    """Write "total 3 , 4 and 5" and "average …" as sums."""
    kind, _, rest = words.partition(" ")
    if kind not in ("total", "average"):
        return words
    numbers = re.findall(_N, rest)
    added = " + ".join(numbers)
    return added if kind == "total" else f"( {added} ) / {len(numbers)}"


def read(utterance: Utterance, earlier: Sequence[Message]) -> Sum | Open | None:
    """Return the sum that a request is; Open where one stands among other words."""
    words = utterance.request
    return by_rule(words) or (Open(_choices(words)) if _MEANT.search(words) else None)


@skill(
    "calculator",
    about="Sums: plus, minus, times, divided by, percent, powers, roots.",
    read=read,
)
def calculate(call: Sum) -> Outcome:
    """Say a sum's value, and the sum again where it is short."""
    result = evaluate(call.expression)
    value, unit = result.value, call.unit
    if unit == "percent":
        value *= 100
    said = spoken(value, exact=result.exact, digits=2 if unit == "dollars" else 4)
    if unit == "dollars" and value.denominator > 100 and not said.startswith("about"):
        said = spoken(value, exact=False, digits=2)
    ending = f" {unit[:-1] if unit == 'dollars' and value == 1 else unit}" if unit else ""
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
