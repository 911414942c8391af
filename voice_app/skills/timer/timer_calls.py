"""What is asked of timers: "set a timer for five minutes for the eggs", "how much time is left?", "cancel it"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from inference.types import Message
from voice_app.core import clock
from voice_app.core.errors import ToolError
from voice_app.skills.clock.world_clock import Now
from voice_app.skills.durations import LONGEST_S as MOST_S
from voice_app.skills.durations import SPAN, listed, span_s, spoken_span
from voice_app.skills.phrases import Slot
from voice_app.skills.skill import Arguments, Open, Outcome, Skill, skill
from voice_app.skills.timer.timers import LONGEST_S, Timer, Timers, left_s, seconds_until
from voice_app.skills.utterance import Utterance

_IN_DAY = r"(?:in the (?:morning|afternoon|evening)|tonight|at night)"
_TIME = (
    r"(?:(?:quarter|0\.25|0\.5|\d{1,2}(?: minutes)?) (?:past|after|to|before) )?"
    r"(?!0\.)\d{1,2}(?: : \d\d|\.\d\d?| \d\d)?"
    rf"(?: (?:am|pm|o'clock(?: {_IN_DAY})?|{_IN_DAY}))?|noon|midnight"
)
_AT = re.compile(
    r"(?:(?P<part>\S+)(?: minutes)? (?P<side>\w+) )?(?P<hour>\d+)(?:(?: : |\.| )(?P<minute>\d\d?))?(?P<half>.*)"
)
_NO_LABEL_WORDS = (
    "a an the my me i i'm it it's is are be to for of in on at and so or but then when that this there them they now "
    "please set start put begin cancel stop timer timers alarm countdown remind wake up could can would will you do "
    "does don't not need needs take takes have has had want going let make sure over with from its after forget know"
)
_MEANT = re.compile(
    r"\b(?:set|start|put on|begin|cancel|stop)\b.{0,30}\b(?:timer|alarm|countdown)\b(?! clock)"
)
_REMIND = re.compile(r"\b(?:remind|wake) me\b")
_NO_ORDER = re.compile(
    r"^(?:why|who|when|where|what|did|does|do|is|was|have|has|how (?:do|does|did|can|should) (?:i|you|we|one)"
    r"|(?:i|he|she|we|they|it|you) (?:\w+ )?(?:set|put|started|began|stopped|cancelled))\b"
    r"|\b(?:don't|do not|didn't|did not|never|without)\b(?! (?:let|want to) )(?! forget)"
)
"""A question about timers, what was done, and what is not to be done, start none."""
_NO_LABELS = frozenset(_NO_LABEL_WORDS.split())
_YOURS = {"my": "your", "me": "you", "i": "you", "i'm": "you're", "myself": "yourself", "mine": "yours"}
_WHOLE = re.compile(r"[^a-z0-9' ]")


class TimerCall(Arguments):
    """What to do with timers."""

    action: Literal["start", "list", "cancel"]
    kind: Literal["timer", "alarm", "reminder"] = "timer"
    seconds: int = Field(0, ge=0, le=MOST_S)
    at: str = Field("", pattern=r"^(([01]?[0-9]|2[0-3]):[0-5][0-9]( am| pm)?)?$")
    """A time of the clock instead of seconds: 7:00 am, 19:30."""
    label: str = Field("", max_length=60, pattern=r"^[a-z0-9' ]{0,60}$")
    """What it is for; with cancel: which one, or all."""


def _at(words: str) -> str:
    """Return a time of the clock as an argument: "7 am" is 7:00 am."""
    if words in ("noon", "midnight"):
        return "12:00 " + ("pm" if words == "noon" else "am")
    shown = _AT.fullmatch(words)
    assert shown
    minutes = 60 * int(shown["hour"]) + int((shown["minute"] or "0").ljust(2, "0"))  # 7.30 is read as 7.3
    if part := shown["part"]:
        count = 15 if part == "quarter" else round(60 * float(part)) if "." in part else int(part)
        minutes += count if shown["side"] in ("past", "after") else -count
    late = re.search(r"pm|afternoon|evening|night", shown["half"])
    half = " pm" if late else " am" if re.search(r"am|morning", shown["half"]) else ""
    return f"{minutes // 60 or 12}:{minutes % 60:02}{half}"


def _label(words: str) -> str:
    """Return what a timer is for, as the assistant says it: "the eggs", "call your mother"."""
    kept = _WHOLE.sub("", words).split()
    return " ".join(_YOURS.get(word, word) for word in kept)[:60].strip()


def _meant(words: str) -> bool:
    """Return whether a request is for a timer, in words that no template reads; a reminder says how long, too."""
    if _NO_ORDER.search(words):
        return False
    return bool(_MEANT.search(words) or (_REMIND.search(words) and re.search(SPAN, words)))


def _choices(words: str) -> dict[str, list[str]]:
    """Return the spans of a request in seconds, and its words: a model tells which of them the timer is for.

    Where a time of the clock may be meant, both that and the seconds are open.
    """
    spans = [str(min(span_s(match[0]), MOST_S)) for match in re.finditer(SPAN, words)]
    kind = (
        "reminder" if "remind me" in words else "alarm" if re.search(r"\balarm|\bwake me", words) else "timer"
    )
    labels = [word for word in re.sub(SPAN, " ", words).split() if word.isalpha() and word not in _NO_LABELS]
    choices = {
        "action": ["cancel" if re.search(r"\b(?:cancel|stop)\b", words) else "start"],
        "kind": [kind],
        "label": list(dict.fromkeys(["", *labels])),
    }
    if spans or kind == "timer":
        choices |= {"seconds": spans or ["0"], "at": [""]}
    return choices


def read(utterance: Utterance, earlier: Sequence[Message]) -> Open | None:
    """Return that a timer is meant, what for and for how long being open."""
    return Open(_choices(utterance.request)) if _meant(utterance.request) else None


def run(call: TimerCall, timers: Timers, now: Now) -> Outcome:
    """Do what is asked; a timer starts or ends as the outcome's effect. Raises ToolError."""
    match call.action:
        case "start":
            return _started(call, timers, now)
        case "cancel":
            return _cancelled(call.label, timers)
        case _:
            return _left(call.label, timers)


def _started(call: TimerCall, timers: Timers, now: Now) -> Outcome:
    timers.check()
    seconds, until = call.seconds, ""
    if call.at:
        seconds = seconds_until(call.at, now())
        shown, _, half = call.at.partition(" ")
        until = (
            f" for {shown}{' ' + half.upper() if half else ''}, in {spoken_span(max(60, seconds // 60 * 60))}"
        )
    if seconds <= 0:
        raise ToolError("For how long? Say, for example: set a timer for five minutes.")
    if seconds > LONGEST_S:
        raise ToolError("A timer runs for a day at most.")
    label, kind = call.label, call.kind

    def start() -> None:
        timers.start(seconds_until(call.at, now()) if call.at else seconds, label, kind)

    span = spoken_span(seconds)
    if kind == "reminder":
        what = (
            f" to {label}"
            if label and not label.startswith(("the ", "your ", "you "))
            else f": {label}"
            if label
            else ""
        )
        return Outcome(
            f"I will remind you{until.replace(' for', ' at', 1) or f' in {span}'}{what}.", effect=start
        )
    name = f"{Timer(seconds, label, kind, 0.0).name()} is" if label else kind
    return Outcome(f"{name.capitalize()} set{until or f' for {span}'}.", effect=start)


def _chosen(label: str, timers: Timers) -> list[Timer]:
    """Return the timers that a label names; all of them without one."""
    running = timers.running()
    if not label or label == "all":
        return running
    if re.fullmatch(SPAN, label):
        return [timer for timer in running if timer.seconds == span_s(label)]
    wanted = set(label.split()) - {"the", "your", "a", "for"}
    return [
        timer
        for timer in running
        if {_bare(word) for word in wanted} <= {_bare(word) for word in timer.name().split()}
    ]


_LABEL = r"[a-z' ][a-z0-9' ]{0,59}?"
SLOTS = {
    "label": Slot(_LABEL, ("the eggs", "call my mother"), _label),
    "which": Slot(rf"{SPAN}|{_LABEL}", ("egg", "5 minute"), _label),
    "time": Slot(_TIME, ("7 am", "6 : 30", "noon"), _at),
}


def _bare(word: str) -> str:
    return word.rstrip("s")


def _cancelled(label: str, timers: Timers) -> Outcome:
    chosen = _chosen(label, timers)
    if not chosen:
        raise ToolError("No such timer is running." if timers.running() else "No timer is running.")
    if len(chosen) > 1 and label != "all":
        names = listed([timer.name() for timer in chosen])
        raise ToolError(f"There are {len(chosen)}: {names}. Say which one, or all timers.")

    def cancel() -> None:
        for timer in chosen:
            timers.cancel(timer)

    names = listed([timer.name() for timer in chosen])
    return Outcome(
        f"{names[0].upper()}{names[1:]} {'is' if len(chosen) == 1 else 'are'} cancelled.", effect=cancel
    )


def _left(label: str, timers: Timers) -> Outcome:
    chosen = _chosen(label, timers)
    if not chosen:
        return Outcome("No such timer is running." if timers.running() else "No timer is running.")
    lines = [f"{spoken_span(left_s(timer))} left on {timer.name()}" for timer in chosen]
    return Outcome(". ".join(lines) + ".")


def timer_skill(timers: Timers, now: Now = clock.wall) -> Skill:
    """Return the skill that sets, lists and cancels timers."""

    @skill(
        "timer",
        about="Sets, lists and cancels timers, alarms and reminders; they ring while the session lasts.",
        slots=SLOTS,
        read=read,
    )
    def timer(call: TimerCall) -> Outcome:
        return run(call, timers, now)

    return timer
