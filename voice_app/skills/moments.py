"""Times of the clock in words: "quarter past 7", "9 tonight", "tomorrow morning at 7.30", "on Friday at noon"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from voice_app.skills.clock.dates import day_in_words
from voice_app.skills.word_lists import MONTHS, WEEKDAYS, word_set

AT_PATTERN = "([01][0-9]|2[0-3]):[0-5][0-9]"
"""A time as an argument: 24 hours, always five characters."""
LONGEST_MOMENT = 12
"""Words of a moment: "at quarter to 8 in the evening on the 3rd of december"."""
_LONGEST_DAY = 6
_LINKS = word_set("at on for by around about exactly sharp o'clock , the")
_BEFORE_BARE = word_set("at for by until till to before around about")
"""Words after which a number alone is an hour."""
_SIDES = {"past": 1, "after": 1, "to": -1, "before": -1, "till": -1, "til": -1, "of": -1}
_PARTS_OF_HOUR = {"quarter": 15, "0.25": 15, "half": 30, "0.5": 30}
_WHOLE = {"noon": 12, "midday": 12, "midnight": 0}
_HALVES = {
    ("am",): "am", ("pm",): "pm", ("a", "m"): "am", ("p", "m"): "pm",
    ("in", "the", "morning"): "morning", ("morning",): "morning",
    ("in", "the", "afternoon"): "pm", ("afternoon",): "pm",
    ("in", "the", "evening"): "evening", ("evening",): "evening",
    ("at", "night"): "night", ("in", "the", "night"): "night", ("night",): "night",
    ("tonight",): "tonight", ("this", "morning"): "this am", ("this", "afternoon"): "this pm",
    ("this", "evening"): "tonight",
}  # fmt: skip
_WORDS = (
    "at on for by around about exactly sharp o'clock , the past after to before till til of quarter half minutes oh a "
    "am p pm noon midday midnight in this morning afternoon evening night tonight today tomorrow day next coming days "
    f"week weeks christmas new year's eve {' '.join(WEEKDAYS)} {' '.join(MONTHS)}"
)
_WORD = rf"(?:\d[\d.]*(?:st|nd|rd|th)?|:|{'|'.join(_WORDS.split())})(?![a-z0-9])"
MOMENT = rf"{_WORD}(?: {_WORD}){{0,{LONGEST_MOMENT - 1}}}?"
"""What may be a moment in canonical words; `moment_in_words` tells whether it is."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A time of the clock, a day, or both."""

    at: str = ""
    """As AT_PATTERN has it; empty where only a day is said."""
    day: str = ""
    """As `dates.DAY_PATTERN` has it; empty: the next time that a clock shows `at`."""
    either: bool = False
    """Whether nothing says which half of the day: `at` is then the earlier half's."""


@dataclass(frozen=True, slots=True)
class _Said:
    """What of a moment has been read by now."""

    hour: int = -1
    minute: int = 0
    half: str = ""
    day: str = ""
    is_bare: bool = False
    """Whether the time is a number and nothing else."""
    is_of_24: bool = False
    """Whether the hour says by itself which half of the day it is in."""


def moment_in_words(words: str) -> Moment | None:
    """Return the moment that canonical words say from the first to the last; None where they say anything else."""
    said = _said(words.split())
    return _moment(said) if said else None


def find_moment(words: Sequence[str]) -> tuple[int, int, Moment] | None:
    """Return the first moment among canonical words, the longest from there: its first word, the one after it."""
    for start in range(len(words)):
        for end in range(min(len(words), start + LONGEST_MOMENT), start, -1):
            if words[end - 1] in _LINKS - {"o'clock", "sharp", "exactly"}:
                continue
            said = _said(words[start:end])
            bare = said is not None and said.is_bare and not (said.half or said.day)
            if said is None or (
                bare and not _BEFORE_BARE & {words[start], *words[max(0, start - 1) : start]}
            ):
                continue
            if moment := _moment(said):
                return start, end, moment
    return None


def _said(words: Sequence[str]) -> _Said | None:
    said, at = _Said(), 0
    while at < len(words):
        step = _half(words, at, said) or _day(words, at, said) or _time(words, at, said)
        if step:
            said, at = step
        elif words[at] in _LINKS:
            at += 1
        else:
            return None
    return said if said.hour >= 0 or said.day else None


def _half(words: Sequence[str], at: int, said: _Said) -> tuple[_Said, int] | None:
    for count in (3, 2, 1):
        half = _HALVES.get(tuple(words[at : at + count]))
        if half and not said.half:
            return replace(said, half=half), at + count
    return None


def _day(words: Sequence[str], at: int, said: _Said) -> tuple[_Said, int] | None:
    if said.day or words[at].isdecimal():  # "7 december" would be a time's hour as well
        return None
    for count in range(min(_LONGEST_DAY, len(words) - at), 0, -1):
        day = day_in_words(" ".join(words[at : at + count]))
        if day and not day.startswith(("last", "yesterday", "-")):
            return replace(said, day=day.removeprefix("next ")), at + count
    return None


def _time(words: Sequence[str], at: int, said: _Said) -> tuple[_Said, int] | None:
    if said.hour >= 0:
        return None
    part = _PARTS_OF_HOUR.get(words[at]) or _whole(words[at], 1, 59)
    after = at + 1 + (words[at + 1 : at + 2] in (["minutes"], ["minute"]))
    side = _SIDES.get(words[after]) if after < len(words) else None
    if part and side and (hour := _hour(words, after + 1)) is not None:
        minutes, is_of_24 = 60 * hour + side * part, words[after + 1] in _WHOLE
        return replace(said, hour=minutes // 60 % 24, minute=minutes % 60, is_of_24=is_of_24), after + 2
    if words[at] in ("0.5", "half") and (hour := _hour(words, at + 1)) is not None:  # "half 6" is 6:30
        return replace(said, hour=hour, minute=30), at + 2
    return _digits(words, at, said)


def _digits(words: Sequence[str], at: int, said: _Said) -> tuple[_Said, int] | None:
    """Read "7", "7 : 30", "7.3" as 7.30 is written, "7 30", "7 oh 5", "730"."""
    hour = _hour(words, at)
    following = [*words[at + 1 : at + 3], "", ""]
    if hour is None:
        left, dot, right = words[at].partition(".")
        if not dot and words[at].isdecimal() and len(words[at]) == 3:
            left, right = words[at][:-2], words[at][-2:]
        hours, minute = (
            _whole(left, int(bool(dot)), 23),
            _whole(right.ljust(2, "0"), 0, 59) if right else None,
        )
        if hours is None or minute is None or len(right) > 2:
            return None
        return replace(said, hour=hours, minute=minute), at + 1
    if words[at] in _WHOLE or following[0] in _WHOLE:
        noted = next(word for word in (words[at], following[0]) if word in _WHOLE)
        return replace(said, hour=_WHOLE[noted], is_of_24=True), at + 1 + (words[at] != noted)
    if following[0] in (":", "oh", "o", "h") and (minute := _whole(following[1], 0, 59)) is not None:
        return replace(said, hour=hour, minute=minute), at + 3
    if (minute := _whole(following[0], 10, 59)) is not None:
        return replace(said, hour=hour, minute=minute), at + 2
    return replace(said, hour=hour, is_bare=following[0] != "o'clock"), at + 1


def _hour(words: Sequence[str], at: int) -> int | None:
    if at >= len(words):
        return None
    hour = _WHOLE.get(words[at], _whole(words[at], 0, 24))
    return None if hour is None else hour % 24


def _whole(word: str, least: int, most: int) -> int | None:
    return int(word) if word.isdecimal() and len(word) < 3 and least <= int(word) <= most else None


def _moment(said: _Said) -> Moment | None:
    if said.hour < 0:
        return Moment(day=said.day)
    hour, half, day = said.hour, said.half, said.day
    if half.startswith("this") or (half == "tonight" and hour % 12 >= 6):
        day = day or "today"
    is_of_12 = 1 <= hour <= 12 and not said.is_of_24
    if is_of_12 and half:
        hour = _of_half(hour, half)
    return Moment(f"{hour:02}:{said.minute:02}", day, either=is_of_12 and not half)


def _of_half(hour: int, half: str) -> int:
    """Return the hour of 24 that an hour of 12 is in a part of the day; 12 at night is midnight, 2 at night 02:00."""
    if half.endswith(("am", "morning")):
        return hour % 12
    if half in ("night", "tonight", "evening") and (hour == 12 or (hour < 5 and half != "evening")):
        return hour % 12
    return hour % 12 + 12
