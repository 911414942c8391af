"""The skill of timers: "set a timer for five minutes for the eggs", "make it ten", "how much is left?", "cancel it"."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from inference.types import Message
from voice_app.core import clock
from voice_app.skills.clock.dates import day_in_words
from voice_app.skills.clock.world_clock import Now
from voice_app.skills.durations import LONGEST_S, SPAN, span_s
from voice_app.skills.moments import MOMENT, moment_in_words
from voice_app.skills.number_words import NUMBER
from voice_app.skills.phrases import Slot, language_data, phrases_of
from voice_app.skills.skill import Called, Clarify, Outcome, Refuse, Skill, skill
from voice_app.skills.timer.call import MOST_AT_ONCE, PLACES, TimerCall, label_of
from voice_app.skills.timer.choosing import ALL, matching, question
from voice_app.skills.timer.deeds import asked, run
from voice_app.skills.timer.follow import Follower
from voice_app.skills.timer.timers import Timers
from voice_app.skills.timer.understanding import understood
from voice_app.skills.utterance import Utterance
from voice_app.skills.word_lists import word_set

_HERE = Path(__file__).parent
_LABEL = r"[a-z' ][a-z0-9' ]{0,59}?"
_EXTRA = (
    rf"(?:(?:{NUMBER}|a) (?:more|extra|additional) (?:seconds?|minutes?|mins?|hours?)"
    r"|another (?:second|minute|hour))"
)
_NO_NAMES = word_set(
    "don't do not never why what who how when where if is are was were did does it that this i i'd i'll we he she they "
    "you told said me him her them there please and or but so because for every each minus negative"
)
"""Words that are in no timer's name."""
_DEEDS = word_set(
    "change add snooze cancel stop pause resume extend restart delete move make set start another to of shorten put "
    "take reset rename update adjust remove push"
)
_LINKS = word_set("to the a an my of in on at from by")
"""Words that no name begins with (deeds) or ends with."""
LONGEST_NAME = 5
"""Words of a timer's name."""


def _named(words: str) -> str | None:
    kept = words.split()
    if (
        not kept
        or len(kept) > LONGEST_NAME
        or _NO_NAMES & set(kept)
        or kept[0] in _DEEDS
        or kept[-1] in _LINKS
    ):
        return None
    return label_of(words.removeprefix("the ").removeprefix("my ").removeprefix("some "))


def _purpose(words: str) -> str | None:
    """Return a name that is no day: a countdown to Christmas is the clock's."""
    return None if day_in_words(words) else _named(words)


def _which(words: str) -> str | None:
    kept = words.split()
    return None if len(kept) > LONGEST_NAME or (_NO_NAMES - {"that", "this"}) & set(kept) else words


def _reason(words: str) -> str | None:
    return label_of(words) or None


def _at(words: str) -> str | None:
    moment = moment_in_words(words)
    return words if moment and moment.at else None


def _day(words: str) -> str | None:
    moment = moment_in_words(words)
    return moment.day if moment and not moment.at else None


def _more(words: str) -> int:
    plain = words.replace("another", "a")
    return min(span_s(" ".join(word for word in plain.split() if word not in _ADDED)), LONGEST_S)


def _place(words: str) -> str | None:
    return words if words in PLACES or day_in_words(words) else None


_ADDED = ("more", "extra", "additional")
SLOTS = {
    "label": Slot(_LABEL, ("eggs", "chocolate cake"), _named),
    "purpose": Slot(_LABEL, ("eggs", "chocolate cake"), _purpose),
    "name": Slot(_LABEL, ("pasta", "green tea"), _named),
    "reason": Slot(_LABEL, ("call my mother", "the oven"), _reason),
    "tag": Slot(_LABEL, ("tea",), lambda words: _named(words) if len(words.split()) <= 2 else None),
    "minutes": Slot(r"\d{1,3}", ("5",), lambda words: 60 * int(words)),
    "times": Slot(f"[2-{MOST_AT_ONCE}]", ("2",), int),
    "which": Slot(r"[a-z0-9':. ]{1,40}?", ("egg", "5 minute", "first 1 hour"), _which),
    "place": Slot("|".join(PLACES), ("first", "newest"), _place),
    "time": Slot(MOMENT, ("7 am", "6 : 30", "noon", "9 tonight", "friday at 8"), _at),
    "day": Slot(MOMENT, ("tomorrow", "friday"), _day),
    "more": Slot(rf"(?:{SPAN}|{_EXTRA})", ("5 minutes", "2 more minutes"), _more),
    "extra": Slot(_EXTRA, ("5 more minutes", "a more minute"), _more),
    "less": Slot(SPAN, ("2 minutes", "an hour"), lambda words: -min(span_s(words), LONGEST_S)),
}
_FOLLOWER = Follower(
    phrases_of(language_data(_HERE, "follow."), SLOTS), phrases_of(language_data(_HERE, "answers."), SLOTS)
)


def lacks(call: TimerCall, timers: Timers) -> Clarify | None:
    """Return a question for what is missing: how long, at what time, which of several timers; None: nothing is."""
    known = call.model_dump()
    if call.action == "start" and not call.at and call.seconds <= 0:
        return Clarify(asked(call), known)
    if call.action in ("start", "list", "snooze", "undo") or call.label == ALL:
        return None
    found = matching(call, timers)
    return Clarify(question(found), known) if len(found) > 1 else None


def timer_skill(timers: Timers, now: Now = clock.wall) -> Skill:
    """Return the skill that sets timers, tells of them and changes them."""

    def asks(call: TimerCall) -> Clarify | None:
        return lacks(call, timers)

    def fill(utterance: Utterance, earlier: Sequence[Message]) -> TimerCall | Clarify | Refuse | None:
        found = understood(utterance.request)
        if not isinstance(found, dict):
            return found
        call = TimerCall.model_validate(found)
        return asks(call) or call

    def follow(utterance: Utterance, called: Called) -> TimerCall | Clarify | Refuse | None:
        found = _FOLLOWER.read(utterance, called)
        return asks(found) or found if isinstance(found, TimerCall) else found

    @skill(
        "timer",
        about="Sets, changes, pauses, lists and cancels timers, alarms and reminders; they ring while it lasts.",
        slots=SLOTS,
        fill=fill,
        follow=follow,
        asks=asks,
    )
    def timer(call: TimerCall) -> Outcome:
        return run(call, timers, now)

    return timer
