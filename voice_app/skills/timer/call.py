"""A call of the timers: its arguments, and how words become them."""

from __future__ import annotations

import re
from typing import Any, Literal

from pydantic import Field, model_validator

from voice_app.skills.clock.dates import DAY_PATTERN
from voice_app.skills.durations import LONGEST_S, SPAN
from voice_app.skills.moments import AT_PATTERN, moment_in_words
from voice_app.skills.number_words import canonical
from voice_app.skills.skill import Arguments

MOST_AT_ONCE = 9
"""Timers that one call starts."""
PLACES = {
    "first": "first", "1st": "first", "second": "second", "2nd": "second", "third": "third", "3rd": "third",
    "fourth": "fourth", "4th": "fourth", "fifth": "fifth", "5th": "fifth", "last": "last", "latest": "last",
    "newest": "last", "newer": "last", "oldest": "first", "older": "first", "next": "next", "shortest": "next",
    "shorter": "next", "longest": "longest", "longer": "longest", "other": "other", "former": "first",
    "latter": "last", "earliest": "next",
}  # fmt: skip
"""Words that say which of several."""
_IT = frozenset(("it", "that", "this"))
_MEANS_ALL = frozenset(("all", "both", "every", "everything", "them"))
_LESS = frozenset(("the", "my", "that", "this", "a", "an", "your", "of", "most", "recent", "number", "no"))
"""Words that say nothing of which one."""


class TimerCall(Arguments):
    """What to do with timers."""

    action: Literal[
        "start",
        "list",
        "cancel",
        "pause",
        "resume",
        "extend",
        "change",
        "restart",
        "rename",
        "snooze",
        "undo",
    ]
    kind: Literal["timer", "alarm", "reminder", "any"] = "timer"
    seconds: int = Field(0, ge=-LONGEST_S, le=LONGEST_S)
    """How long; with extend: by how much, less than 0 to make it shorter."""
    at: str = Field("", pattern=f"^({AT_PATTERN})?$")
    """A time of the clock instead of seconds, 24 hours: 07:00, 19:30. Words are read, too: 7 am, quarter past 7."""
    either: bool = False
    """Whether `at` may be meant in the other half of the day as well: then the next to come rings."""
    day: str = Field("", pattern=DAY_PATTERN.replace(")$", ")?$"))
    """The day of `at`; empty: the next time that a clock shows it."""
    label: str = Field("", max_length=60, pattern=r"^[a-z0-9': ]{0,60}$")
    """What it is for; of one that runs: its name or how long it was set for; or all."""
    which: Literal[
        "", "it", "first", "second", "third", "fourth", "fifth", "last", "next", "longest", "other"
    ] = ""
    """Which of several that run, in the order in which they were started; it: the one that was talked of last."""
    times: int = Field(1, ge=1, le=MOST_AT_ONCE)
    """How many to start."""
    name: str = Field("", max_length=60, pattern=r"^[a-z0-9' ]{0,60}$")
    """A new name."""

    @model_validator(mode="before")
    @classmethod
    def _read_words(cls, values: Any) -> Any:
        """Read the words of a time into `at`, `day` and `either`, and those of a name into `label` and `which`."""
        if not isinstance(values, dict):
            return values
        at, label = values.get("at"), values.get("label")
        if isinstance(at, str) and at and not re.fullmatch(AT_PATTERN, at):
            words = canonical(at)
            moment = moment_in_words(words)
            if words.isdecimal() and values.get("kind", "timer") == "timer":  # a timer for 10
                values = {**values, "at": "", "seconds": int(words) * 60}
            elif moment and moment.at:
                day = moment.day or values.get("day", "")
                values = {**values, "at": moment.at, "either": moment.either, "day": day}
        if isinstance(label, str) and label and values.get("action") != "start" and not values.get("which"):
            chosen = which_of(label)
            values = {**values, "label": chosen[0], "which": chosen[1]}
        return values


def which_of(words: str) -> tuple[str, str]:
    """Return the name and the place that words say of a timer: "the first 1 hour" is "1 hour", "first"."""
    kept = [word for word in words.split() if word not in _LESS or re.fullmatch(SPAN, words)]
    if len(kept) > 1 and kept[-1] in ("1", "ones"):  # the first one
        kept = kept[:-1]
    if not kept or kept == ["it"]:
        return "", "last" if "recent" in words else "it" if words in _IT else ""
    if set(kept) <= _MEANS_ALL:
        return "all", ""
    if kept[0] in PLACES:
        return " ".join(kept[1:]), PLACES[kept[0]]
    return " ".join(kept), ""


_YOURS = {"my": "your", "me": "you", "i": "you", "i'm": "you're", "myself": "yourself", "mine": "yours"}
_KEPT = frozenset("abcdefghijklmnopqrstuvwxyz0123456789' ")


def label_of(words: str) -> str:
    """Return what a timer is for, as the assistant says it: "call your mother"."""
    kept = "".join(letter for letter in words if letter in _KEPT).split()
    return " ".join(_YOURS.get(word, word) for word in kept)[:60].strip()
