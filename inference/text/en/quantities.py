"""Amounts as words: money, percentages, ranges, fractions, numbers with units, years, plain counts."""

from __future__ import annotations

import re
from collections.abc import Callable

from inference.text.en.numerals import NUMBER, cardinal, fraction, number, ordinal, spell_digits, year
from inference.text.en.units import CURRENCIES, RATE_WORDS, SCALES, UNITS, Currency

_UNIT = "(?:" + "|".join(re.escape(unit) for unit in sorted(UNITS, key=len, reverse=True)) + ")"
_CODE_MONEY = "|".join(sign for sign in CURRENCIES if sign.isalpha())
_CURRENCY = rf"(?:(?<!\w)(?:US ?|AU?|CA?|HK|NZ|S|NT|MX|R|J)?\$|[€£¥₹₩₽₺₴₪]|(?<!\w)(?:{_CODE_MONEY})(?=\s?\d))"
_INCHES_FOLLOW = r"(?=\s*(?:$|[.,;:!?)]|(?:x|by|tall|wide|long|high|deep|thick|across|of (?:rain|snow))\b))"
_RANGE = rf"(?:\s?%?[-–—]\s?(?P<again>{_CURRENCY}\s?)?(?P<second>{NUMBER}))?"
_SUFFIX = (
    r"(?:(?P<ordinal>st|nd|rd|th)\b|(?P<percent>\s?%)"
    r"|(?P<long_scale>[ -]?(?:thousand|million|billion|trillion)\b)|(?P<scale>(?:k|K|M|B|bn|mn|tn|trn|m|x)(?=\W|$)"
    r"| (?:bn|mn|tn|trn)\b))?"
)
_MEASURE = (
    rf"(?:(?P<joint>[ -]?)(?:(?P<inches>in\b\.?{_INCHES_FOLLOW})"
    rf"|(?P<unit>{_UNIT})(?P<power>\^?[23])?(?![\w'])(?:\.(?=,?\s[a-z]))?))?"
)
_RATE = (
    rf"(?:\s?/\s?(?P<per>(?:mo|yr|wk|pp|d)\b|{_UNIT}|second|minute|hour|day|week|month|year|person|night)"
    r"(?P<per_power>\^?[23])?(?!\w))?"
)
_AMOUNT = re.compile(
    rf"(?P<sign>(?<![\w)])[-+−])?(?P<before>{_CURRENCY}\s?)?(?<!\w)(?P<first>{NUMBER}|\.\d++)"
    rf"{_RANGE}{_SUFFIX}(?P<after>\s?(?:[€£¥¢₹₩₽₺₴₪]|\$(?!\s?\w)|(?:{_CODE_MONEY})\b))?{_MEASURE}{_RATE}"
)
_FRACTION = re.compile(
    r"(?<![\w/.,$€£])(?:(\d{1,4}) )?(\d{1,4})/(\d{1,4})(?![\w/]|[.,]\d)"
    rf"(?: (?P<unit>{_UNIT})(?![\w'/]))?"
)
_SAID_AS_NUMBERS = {("24", "7"), ("9", "11"), ("50", "50")}
_FEET_INCHES = re.compile(r"(?<!\w)(\d{1,3})['′] ?(\d{1,2})(?:\"|″|'')")
_IP = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w]|\.\d)")
_VERSION = re.compile(
    r"(?<![\w.,])(?P<v>[vV])?(?P<many>\d++(?:\.\d++){2,8})(?!\w|\.\d)"
    r"|(?<!\w)[vV](?P<few>\d++(?:\.\d++)?)(?!\w)"
    r"|(?P<named>\b(?:[Vv]ersion|[Rr]elease|[Bb]uild|Python|Firefox|Ubuntu|Java|Node|iOS|Android|Debian"
    r"|PHP|Ruby|Go|Rust) )(?P<pair>\d+\.\d+)(?![\w]|\.\d)"
)
_SPACED_MINUS = re.compile(r"(?<=[\d)]) [-−] (?=[\d($])")
_SPACED_RANGE = re.compile(r"(?<=\d) – (?=[$€£]?\d)")
_DIVIDED = re.compile(r"(?<=\d) / (?=\d)")
_TIMES = re.compile(r"(?<=\d) ?[×x*·] ?(?=\d)")
_CODE = re.compile(r"(?<=[^\W\d_])(\d++(?:\.\d++)*+)")
_LETTER_DASH_DIGIT = re.compile(r"(?<=[a-z])-(?=\d)")
_CAPITAL_DASH_DIGIT = re.compile(r"(?<=[A-Z])-(?=\d)")

_POWERS = {"2": "square ", "3": "cubic "}
_RATE_POWERS = {"2": " squared", "3": " cubed"}
_SIGNS = {"-": "minus ", "−": "minus ", "+": "plus "}
_ARTICLE_BEFORE = re.compile(r"\b[Aa]n? $")

_YEARS = re.compile(r"(?:1\d|20)\d\d(?:-(?:(?:1\d|20)\d\d|\d\d))?")
_YEAR_BEFORE = re.compile(
    r"\b(?:in|since|from|until|till|by|before|after|around|circa|during|year|early|late|mid|class of|to)[ -]$"
    r"|\bbetween $|\($",
    re.IGNORECASE,
)
_COUNTED = re.compile(
    r"[ -](?:(?!(?:was|is|has|as|its|this|thus|yes|does|us|census|bus|gas|plus|towards|versus)\b)[a-z]+s"
    r"|people|men|women|children|feet|sheep|fish|of|or more|percent)\b"
)
_COUNT_BEFORE = re.compile(
    r"\b(?:about|over|under|nearly|almost|than|least|most|only|exactly|equals|minus|plus|times|approximately"
    r"|of|costs?|weighs?|number|or|up to)\s$|[=+*×÷<>/]\s?$",
    re.IGNORECASE,
)


def _is_year(match: re.Match[str]) -> bool:
    """Return whether digits are a year or a range of years, not a count, by the words around them."""
    first, second = match["first"], match["second"]
    if first == "2000" or not _YEARS.fullmatch(f"{first}-{second}" if second else first):
        return False
    if _COUNTED.match(match.string, match.end()):
        return False
    before = match.string[max(0, match.start() - 16) : match.start()]
    if _COUNT_BEFORE.search(before):
        return False
    return bool(second) or int(first) >= 1900 or bool(_YEAR_BEFORE.search(before))


def _is_plain(match: re.Match[str]) -> bool:
    marks = ("sign", "before", "again", "percent", "long_scale", "scale", "after", "unit", "inches", "per")
    return not any(match[mark] for mark in marks)


def _is_adjective(match: re.Match[str]) -> bool:
    """Return whether the unit stays singular, as in "a 5 km run" and "a $5 bill"."""
    return _ARTICLE_BEFORE.search(match.string, max(0, match.start() - 3), match.start()) is not None


def _currency(match: re.Match[str]) -> Currency | None:
    sign = match["before"] or match["again"] or match["after"]
    if not sign:
        return None
    currency = CURRENCIES[sign.replace(" ", "")]
    return currency._replace(many=currency.one) if _is_adjective(match) else currency


def _money(amount: str, currency: Currency, scale: str) -> str:
    """Say "12.50" of a currency; with a scale it is "three point five million dollars"."""
    whole, _, decimals = amount.replace(",", "").partition(".")
    if scale or len(decimals) > 2 or not currency.cent:
        name = currency.one if amount == "1" and not scale else currency.many
        return f"{number(amount)}{scale} {name}"
    cents = int(decimals.ljust(2, "0")) if decimals else 0
    cent_words = f"{cardinal(str(cents))} {currency.cent if cents == 1 else currency.cents}"
    if int(whole or "0") == 0 and cents and len(whole) <= 1:
        return cent_words
    words = f"{number(whole)} {currency.one if whole == '1' else currency.many}"
    return f"{words} and {cent_words}" if cents else words


def _unit(match: re.Match[str], last: str) -> str:
    """Say the unit after the number, with its power and rate: "square meters", "kilometers per hour"."""
    single = last == "1" or match["joint"] == "-" or _is_adjective(match)
    words = ""
    if match["inches"]:
        words = " inch" if single else " inches"
    elif match["unit"]:
        one, many = UNITS[match["unit"]]
        words = f" {_POWERS.get((match['power'] or '')[-1:], '')}{one if single else many}"
    if match["per"]:
        per = RATE_WORDS.get(match["per"]) or UNITS.get(match["per"], (match["per"], ""))[0]
        words += f" per {per}{_RATE_POWERS.get((match['per_power'] or '')[-1:], '')}"
    return words


def _plain(match: re.Match[str]) -> str:
    first, second = match["first"], match["second"]
    say: Callable[[str], str] = number
    if match["ordinal"]:
        say = _ordinal
    elif _is_plain(match) and _is_year(match):
        say = year
    if second is None:
        return say(first)
    if say is year:
        # The second year of "1999-05" and "1914-18" has the century of the first.
        return f"{year(first)} to {year(first[: 4 - len(second)] + second)}"
    return f"{number(first)} to {say(second)}"


def _ordinal(text: str) -> str:
    """Return the ordinal of a match of `NUMBER`; decimals have none and stay cardinal."""
    return number(text) if "." in text else ordinal(text.replace(",", ""))


def _say_amount(match: re.Match[str]) -> str:
    first, second = match["first"], match["second"]
    scale = (match["long_scale"] or "").replace("-", " ")
    if match["scale"] == "K" and not match["before"]:
        scale = " K"
    elif match["scale"]:
        if match["scale"] == "m" and not match["before"]:
            return f"{_plain(match)} {UNITS['m'][first != '1']}{_unit(match, first)}"
        scale = f" {SCALES[match['scale'].strip()]}"
    if match["after"] and "¢" in match["after"]:
        words = f"{_plain(match)} {'cent' if first == '1' else 'cents'}"
    elif (currency := _currency(match)) and second:
        start = _money(first, currency, scale) if "." in first and not scale else number(first)
        words = f"{start} to {_money(second, currency, scale)}"
    elif currency:
        words = _money(first, currency, scale)
    else:
        words = _plain(match) + scale + (" percent" if match["percent"] else "")
    return _SIGNS.get(match["sign"] or "", "") + words + _unit(match, second or first) + _trailing(match)


def _trailing(match: re.Match[str]) -> str:
    """Say letters right after the number as a word of their own: "3D" -> "three D"."""
    following = match.string[match.end() : match.end() + 1]
    return " " if following.isalpha() else ""


def _say_fraction(match: re.Match[str]) -> str:
    whole, above, below = match.groups()[:3]
    several = bool(whole) or int(above) >= int(below)
    unit = f" {UNITS[match['unit']][several]}" if match["unit"] else ""
    fixed = (above, below) in _SAID_AS_NUMBERS
    words = f"{cardinal(above)} {cardinal(below)}" if fixed else fraction(above, below)
    if not whole:
        return words + unit
    if fixed or int(above) >= int(below):
        return f"{cardinal(whole)} {words}{unit}"
    return f"{cardinal(whole)} and {words.replace('one half', 'a half')}{unit}"


def _say_version(match: re.Match[str]) -> str:
    groups = (match["many"] or match["few"] or match["pair"]).split(".")
    words = " point ".join(cardinal(group) for group in groups)
    if match["named"]:
        return match["named"] + words
    return f"version {words}" if match["few"] or match["v"] else words


def _say_code(match: re.Match[str]) -> str:
    """Digits glued to letters: "A4" -> "A-four". The hyphen keeps espeak-ng from reading an article."""
    groups = match[1].split(".")
    words = [cardinal(group) if len(group) <= 2 else spell_digits(group) for group in groups]
    following = match.string[match.end() : match.end() + 1]
    return "-" + " point ".join(words) + ("-" if following.isalpha() else "")


def read_quantities(text: str) -> str:
    """Return `text` with every run of digits in words. The result holds no digit."""
    text = _IP.sub(lambda match: " dot ".join(spell_digits(part) for part in match[0].split(".")), text)
    text = _VERSION.sub(_say_version, text)
    text = _FEET_INCHES.sub(
        lambda m: f"{cardinal(m[1])} feet {cardinal(m[2])} {'inch' if m[2] == '1' else 'inches'}", text
    )
    text = _FRACTION.sub(_say_fraction, text)
    text = _SPACED_MINUS.sub(" minus ", text)
    text = _SPACED_RANGE.sub("–", text)
    text = _DIVIDED.sub(" divided by ", text)
    text = _TIMES.sub(" times ", text)
    text = _CAPITAL_DASH_DIGIT.sub("", text)
    text = _CODE.sub(_say_code, text)
    text = _LETTER_DASH_DIGIT.sub(" ", text)
    text = _AMOUNT.sub(_say_amount, text)
    return re.sub(r"\d+", lambda match: f" {cardinal(match[0])} ", text)
