"""What the clock is asked: "what time is it in New York when it's 3 pm in London", "and in Tokyo?", "and tomorrow?"."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from voice_app.skills.clock.dates import DAY_PATTERN, day_in_words, named_day_in_words
from voice_app.skills.clock.places import is_place
from voice_app.skills.durations import SPAN, span_s
from voice_app.skills.inside import is_no_request, read_inside
from voice_app.skills.phrases import Phrases, Slot, language_data, phrases_of
from voice_app.skills.skill import Arguments, Called, Clarify
from voice_app.skills.utterance import Utterance
from voice_app.skills.word_lists import WEEKDAYS, word_set

MOST_MINUTES = 7 * 24 * 60
WHICH_PLACE = "Which place do you mean?"
_NO_PLACES = word_set(
    "nice central mountain reading la universal zulu eastern pacific jordan chad turkey georgia"
)
"""Places that are other words more often, where nothing but their name is said."""
_NOWHERE = word_set(
    "the my your his her our their a an this that me him them us you it what which there here"
)
"""First words of what is no name of a place."""
_BESIDE = ("weekday", "lead")
"""Words of a saying that are no argument."""
_AT = re.compile(
    r"(?P<hour>\d{1,2})(?:(?: : |\.| )(?P<minute>\d\d?))?(?: ?(?P<half>am|pm|o'clock.*|in the .*|at night))?"
)
_CLOCK = (
    r"\d{1,2}(?:(?: : |\.| )\d\d?)?(?: ?(?:am|pm)| o'clock(?: in the (?:morning|afternoon|evening)| at night)?"
    r"| in the (?:morning|afternoon|evening)| at night)|\d{1,2} : \d\d|noon|midnight|midday"
)


class Moment(Arguments):
    """What to tell of the clock or the calendar."""

    about: Literal["time", "date", "days_until", "time_until", "time_difference"]
    place: str = Field("", max_length=60, pattern=r"^[A-Za-z' .-]*$")
    """A city or country; empty: here."""
    day: str = Field("today", pattern=DAY_PATTERN)
    minutes: int = Field(0, ge=-MOST_MINUTES, le=MOST_MINUTES)
    """From now, of the time that is asked for."""
    at: str = Field("", pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9])?$")
    """A time of the clock: what it is elsewhere then, or how long it is until then."""
    other: str = Field("", max_length=60, pattern=r"^[A-Za-z' .-]*$")
    """Where it is `at`, or what `place` is compared with; empty: here."""

    @model_validator(mode="before")
    @classmethod
    def _of_saying(cls, values: Any) -> Any:
        """Leave out what a saying says beside its arguments."""
        if not isinstance(values, Mapping):
            return values
        return {name: value for name, value in values.items() if name not in _BESIDE}


def titled(place: str) -> str:
    """Return a place as it is written: New York, the Hague."""
    words = place.replace(" ,", "").split()
    return " ".join(word if word in ("the", "of", "de", "time") else word.capitalize() for word in words)


def _known(place: str) -> str | None:
    """Return a place that has a time; Christmas and Easter are days before they are islands."""
    return titled(place) if is_place(place) and named_day_in_words(place) is None else None


def _somewhere(place: str) -> str | None:
    """Return a place that has a time, or may be one: its name is then told to be unknown."""
    words = place.split()
    may_be = words[0] not in _NOWHERE and len(words) <= 3 and "," not in words
    return titled(place) if is_place(place) or may_be else None


def _minutes(words: str) -> int | None:
    """Return the whole minutes of a span, None where it is longer than MOST_MINUTES."""
    minutes = span_s(words) // 60
    return minutes if minutes <= MOST_MINUTES else None


def _minutes_ago(words: str) -> int | None:
    minutes = _minutes(words)
    return minutes and -minutes


def clock_in_words(words: str) -> str | None:
    """Return a time of the clock in canonical words as HH:MM: "3 pm", "half" of the day and all; None for none."""
    if words in ("noon", "midday", "midnight"):
        return "00:00" if words == "midnight" else "12:00"
    said = _AT.fullmatch(words)
    if said is None:
        return None
    hour, minute, half = int(said["hour"]), int((said["minute"] or "0").ljust(2, "0")), said["half"] or ""
    if re.search(r"pm|afternoon|evening|night", half):
        hour = hour % 12 + 12 if hour <= 12 else hour
    elif re.search(r"am|morning", half):
        hour = hour % 12 if hour <= 12 else hour
    return f"{hour:02}:{minute:02}" if hour < 24 and minute < 60 else None


_PLACE = r"[a-z][a-z'.-]*(?: ,? ?[a-z'.-]+){0,4}?"
_PLACES = ("tokyo", "new york", "india")
SLOTS = {
    "somewhere": Slot(_PLACE, _PLACES, _somewhere),
    "known_place": Slot(_PLACE, _PLACES, _known),
    "named_time": Slot(r"[a-z]+(?: [a-z]+){0,3} time", ("pacific time", "london time"), _known),
    "from_now": Slot(SPAN, ("45 minutes", "an hour and 0.5"), _minutes),
    "ago": Slot(SPAN + " ago", ("2 hours ago",), lambda words: _minutes_ago(words.removesuffix(" ago"))),
    "day": Slot(r"\S.{0,40}?", ("next friday", "december 25th", "christmas", "in 3 days"), day_in_words),
    "named_day": Slot(r"(?:the )?[a-z].{0,30}?", ("christmas", "thanksgiving", "easter"), named_day_in_words),
    "tomorrow": Slot("tomorrow", ("tomorrow",)),
    "weekday": Slot("|".join(WEEKDAYS), ("monday", "friday")),
    "relative": Slot(f"today|tomorrow|yesterday|{'|'.join(WEEKDAYS)}", ("tomorrow",)),
    "clock": Slot(_CLOCK, ("3 pm", "noon", "9 : 30"), clock_in_words),
    "words": Slot(r"\S.{0,80}?", ("my sister lives", "a friend is")),
}
_GOING_ON = phrases_of(language_data(Path(__file__).parent, "follow."), SLOTS)
_OF_TIME = re.compile(
    r"\b(?:what time (?:is it|it is)|the (?:current|local) time|how late (?:is it|it is))\b"
)


def valid(values: Mapping[str, Any]) -> Moment | None:
    """Return a call, None where its values are none."""
    try:
        return Moment.model_validate(values)
    except ValidationError:
        return None


def filled(utterance: Utterance, phrases: Phrases) -> Moment | Clarify | None:
    """Return what a longer sentence asks of the clock, None where it asks nothing of it."""
    words = utterance.request
    if call := next((call for said in read_inside(words, phrases) if (call := valid(said))), None):
        return call
    if is_no_request(words):
        return None
    if re.fullmatch(r".{0,20}\btime (?:difference|zone difference)", words):
        return Clarify(WHICH_PLACE, {"about": "time_difference"})
    place = next(_places(words), None) if _OF_TIME.search(words) else None
    return Moment(about="time", place=place) if place else None


def _places(words: str) -> Iterator[str]:
    """Yield the places that a request names, the longest names first."""
    found = words.replace(" ,", "").split()
    for count in (3, 2, 1):
        for start in range(len(found) - count + 1):
            run = " ".join(found[start : start + count])
            if run not in _NO_PLACES and is_place(run):
                yield titled(run)


def follow(utterance: Utterance, called: Called) -> Moment | None:
    """Return what goes on from something told: "and in Tokyo?", "and tomorrow?", or answers which place is meant."""
    before = called.arguments
    for said in _GOING_ON.match(utterance):
        bare = str(said.get("place", "")).lower() == utterance.request
        if bare and utterance.request in _NO_PLACES:
            continue
        if call := valid(_going_on(said, before)):
            return call
    return None


def _going_on(said: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """Return a call with what is new in it: a day is asked of the calendar, a time from now of the clock."""
    values = {**before, **said}
    if "day" in said and before.get("about") not in ("date", "days_until"):
        values = {"about": "date", "day": said["day"]}
    if "place" in said and before.get("about") in ("days_until", "time_until"):
        values = {"about": "time", "place": said["place"]}
    if "place" in said and values.get("other") == said["place"]:
        values["other"] = ""
    if said.get("about") == "time":
        values |= {"day": "today", "at": said.get("at", ""), "other": values["other"] if "at" in said else ""}
    return values
