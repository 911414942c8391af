"""Dates, times of day and telephone-like digit groups as words. American order: 5/1/2024 is May first."""

from __future__ import annotations

import re

from inference.text.en.numerals import cardinal, decade, ordinal, spell_digits, year

MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_MONTH_OF = {name.lower()[:3]: name for name in MONTHS}
_MONTH = (
    r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?"
    r"|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)\b\.?"
)
_DAY = r"(?:0?[1-9]|[12]\d|3[01])"
_NO_MORE_DIGITS = r"(?![\w:/%$€£]|[.,]\d)"

_MONTH_DAY = re.compile(
    rf"\b(?P<month>{_MONTH}) (?P<day>{_DAY})(?:st|nd|rd|th)?"
    rf"(?: ?[-–] ?(?P<last>{_DAY})(?:st|nd|rd|th)?)?(?:,? (?P<year>[12]\d{{3}}))?{_NO_MORE_DIGITS}"
)
_DAY_MONTH = re.compile(
    rf"(?:\b[Tt]he )?(?<![\w.,:/-])(?P<day>{_DAY})(?:st|nd|rd|th)?(?: of)? (?P<month>{_MONTH})"
    rf"(?:,? (?P<year>[12]\d{{3}}){_NO_MORE_DIGITS})?"
)
_MONTH_YEAR = re.compile(rf"\b(?P<month>{_MONTH}),? (?P<year>[12]\d{{3}}){_NO_MORE_DIGITS}")
_ISO = re.compile(
    rf"(?<![\w-])(?P<year>[12]\d{{3}})-(?P<month>0[1-9]|1[0-2])-(?P<day>{_DAY})(?:T(?=\d)|(?![\w-]))"
)
_SLASHED = re.compile(r"(?<![\w/.,])(\d{1,2})/(\d{1,2})/(\d{4}|\d{2})(?![\w/])")

_TIME = re.compile(
    r"(?<![\w:.,])(?P<hour>[01]?\d|2[0-4])(?::(?P<minute>[0-5]\d))?(?::(?P<second>[0-5]\d)(?:\.\d+)?)?"
    r"(?:\s?(?P<half>[AaPp])(?:\.\s?[Mm]\.?|[Mm]\b))?(?![\w:])"
)
_RATIO = re.compile(r"(?<![\w:.,])(\d{1,4}):(\d{1,4})(?![\w:])")
_TIME_RANGE = re.compile(
    r"(?:(?<=\d)|(?<=\d[AaPp][Mm])|(?<= [AaPp][Mm])|(?<=[AaPp]\.[Mm]\.))"
    r"\s?[-–—]\s?(?=\d{1,2}(?::\d\d|\s?[AaPp]\.?[Mm]\b)|noon\b|midnight\b)"
)

_PHONE = re.compile(
    r"(?<![\w.,-])(?:\+?\d{1,3}[ .-])?(?:\(\d{3}\) ?|\d{3}[ .-])\d{3}[ .-]\d{4}(?![\w-])"
    r"|(?<![\w.,-])\d{3}-\d{4}(?![\w-])"
    r"|(?<![\w.,-])\d{1,6}(?:-\d{1,6}){2,8}(?![\w-])"
    r"|(?<![\w.,])\+?\d{1,4}(?: \d{2,4}){3,6}(?![\w.,])"
    r"|(?<!\w)\+\d{7,15}(?!\w)"
)
_DIALLED = re.compile(r"(?<=\b[Cc]all |\b[Dd]ial )\d{3,6}(?![\w.,]\d|\w| [a-z])")
_DECADE = re.compile(r"(?<![\w.,])'?(?P<long>1[1-9]\d0|20\d0)'?s\b|(?<!\w)'(?P<quoted>\d0)s\b")
_SHORT_DECADE = re.compile(r"\b((?:the|early|mid|late|her|his|their|my)[ -])(\d0)'?s\b", re.IGNORECASE)


def _month(match: re.Match[str]) -> str:
    return _MONTH_OF[match["month"].lower()[:3]]


def _with_year(words: str, digits: str | None) -> str:
    return f"{words}, {year(digits)}" if digits else words


def _day(digits: str) -> str:
    return ordinal(digits.lstrip("0"))


def _say_month_day(match: re.Match[str]) -> str:
    words = f"{_month(match)} {_day(match['day'])}"
    if match["last"]:
        words += f" to {_day(match['last'])}"
    return _with_year(words, match["year"])


def _say_day_month(match: re.Match[str]) -> str:
    article = "The" if match[0].startswith("The ") else "the"
    return _with_year(f"{article} {_day(match['day'])} of {_month(match)}", match["year"])


def _say_iso(match: re.Match[str]) -> str:
    words = f"{MONTHS[int(match['month']) - 1]} {_day(match['day'])}, {year(match['year'])}"
    return words + (", " if match[0].endswith("T") else "")


def _say_slashed(match: re.Match[str]) -> str:
    month, day, digits = match.groups()
    if int(month) > 12:
        month, day = day, month
    if not (1 <= int(month) <= 12 and 1 <= int(day) <= 31):
        return " ".join(spell_digits(group) for group in match.groups())
    if len(digits) == 2:
        digits = "20" + digits
    return f"{MONTHS[int(month) - 1]} {_day(day)}, {year(digits)}"


def read_dates(text: str) -> str:
    """Return `text` with dates in words: "2024-05-01" -> "May first, twenty twenty-four"."""
    text = _ISO.sub(_say_iso, text)
    text = _SLASHED.sub(_say_slashed, text)
    text = _MONTH_DAY.sub(_say_month_day, text)
    text = _DAY_MONTH.sub(_say_day_month, text)
    text = _MONTH_YEAR.sub(lambda match: f"{_month(match)} {year(match['year'])}", text)
    text = _DECADE.sub(lambda match: decade(match["long"] or match["quoted"]), text)
    return _SHORT_DECADE.sub(lambda match: match[1] + decade(match[2]), text)


def _clock(hour: str, minute: str | None, half: str | None) -> str:
    digits = str(int(hour))
    if half or minute is None:
        words = cardinal(digits)
        return words if minute in (None, "00") else f"{words} {_minutes(minute)}"
    if minute != "00":
        return f"{cardinal(digits)} {_minutes(minute)}"
    if int(hour) in (0, 24):
        return "midnight"
    return f"{cardinal(digits)} o'clock" if int(hour) <= 12 else f"{cardinal(digits)} hundred"


def _minutes(minute: str | None) -> str:
    digits = minute or ""
    return f"oh {cardinal(digits[1])}" if digits[:1] == "0" else cardinal(digits)


def _say_time(match: re.Match[str]) -> str:
    if match["minute"] is None and match["half"] is None or match["second"] and match["minute"] is None:
        return match[0]
    words = _clock(match["hour"], match["minute"], match["half"])
    if match["second"]:
        words += f" and {cardinal(str(int(match['second'])))} seconds"
    if match["half"] is None:
        return words
    # espeak-ng reads "a m" as an article and "AM" at times as a word, but the letters of "a-m".
    words += " a-m" if match["half"] in "aA" else " p m"
    rest = match.string[match.end() :]
    ends_sentence = match[0].endswith(".") and re.match(r"\s*$|\s+[A-Z]", rest)
    return words + "." if ends_sentence else words


def read_times(text: str) -> str:
    """Return `text` with times of day and ratios in words: "14:05" -> "fourteen oh five"."""
    text = _TIME_RANGE.sub(" to ", text)
    text = _TIME.sub(_say_time, text)
    return _RATIO.sub(lambda match: f"{cardinal(match[1])} to {cardinal(match[2])}", text)


def _say_phone(match: re.Match[str]) -> str:
    groups = ", ".join(spell_digits(group) for group in re.findall(r"\d+", match[0]))
    return f"plus {groups}" if match[0].startswith("+") else groups


def read_phones(text: str) -> str:
    """Return `text` with telephone numbers and other grouped codes read digit by digit. Dates come first."""
    text = _PHONE.sub(_say_phone, text)
    return _DIALLED.sub(lambda match: spell_digits(match[0]), text)
