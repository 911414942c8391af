"""What is said to timers: "set a timer for five minutes for the eggs", "how much time is left?", "cancel it"."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field

from voice_app.core import clock
from voice_app.core.errors import ToolError
from voice_app.skills.clock.world_clock import Now
from voice_app.skills.number_words import NUMBER, canonical, request, value_of
from voice_app.skills.timer.timers import (
    LONGEST_S,
    Timer,
    Timers,
    left_s,
    listed,
    seconds_until,
    spoken_span,
    whole_seconds,
)
from voice_app.skills.tool import Arguments, Outcome, Tool

_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}
MOST_S = 10**7
"""What can be asked for, if only to be refused."""
_SPAN = (
    rf"(?:(?:{NUMBER}|an|a|one)(?: of)?(?: an| a)? ?(?:seconds?|secs?|minutes?|mins?|hours?|hrs?|days?)"
    rf"(?:(?: ,)?(?: and)? (?:{NUMBER}|a|one) (?:seconds?|secs?|minutes?|mins?)| and 0\.\d+)*|hour and 0\.\d+)"
)
_PART = re.compile(rf"({NUMBER}|an|a|one)(?![a-z])(?: of)?(?: an| a)? ?([smhd])[a-z]*|and (0\.\d+)|^(hour)")
_IN_DAY = r"in the (?:morning|afternoon|evening)"
_AT = rf"(?P<at>\d{{1,2}}(?: : \d\d)?(?: (?:am|pm|o'clock(?: {_IN_DAY})?|{_IN_DAY}))?|noon|midnight)"
_LABEL = r"(?P<label>[a-z0-9' ]{1,60}?)"
_KIND = r"(?P<kind>timer|alarm|reminder|countdown)"
_FOR = "(?:for|to|called|named|labeled)"
_BEGIN = r"^(?:(?:can|could|would|will) you (?:please )?|please |i need you to )?"
_SET = r"(?:set(?: up)?|start|make|create|put(?: on)?|give me|begin|add|i need|i want|i'd like|run)(?: me)?"
_DONE = r"(?: (?:please|now|from now|for me|thanks|thank you|starting now|on))*$"
_STARTS = tuple(
    re.compile(_BEGIN + pattern + _DONE)
    for pattern in (
        rf"(?:{_SET} )?(?:an? |another |the |my )?(?P<span>{_SPAN}) {_KIND}(?: {_FOR} {_LABEL})?",
        rf"(?:{_SET} )?(?:an? |another |the |my )?{_KIND} (?:for|of|to|in|at|with) (?P<span>{_SPAN})(?: from now)?"
        rf"(?:(?: ,)? {_FOR} {_LABEL})?",
        rf"(?:{_SET} )(?:an? |another |the |my )?{_LABEL} {_KIND} (?:for|of|to|in) (?P<span>{_SPAN})",
        rf"(?:{_SET} )(?:an? |another |the |my )?{_KIND} {_FOR} {_LABEL} (?:for|of|in) (?P<span>{_SPAN})",
        rf"(?P<kind>remind) me in (?P<span>{_SPAN})(?:(?: ,)? (?:to|about|that|of) {_LABEL})?",
        rf"in (?P<span>{_SPAN})(?: ,)? (?P<kind>remind) me(?: (?:to|about|that) {_LABEL})?",
        rf"(?P<kind>remind) me (?:to|about|that) {_LABEL} in (?P<span>{_SPAN})",
        rf"(?P<kind>wake) me(?: up)? in (?P<span>{_SPAN})",
        rf"(?P<kind>wake) me(?: up)? at {_AT}",
        rf"(?:{_SET} )?(?:an? |another |the |my )?{_KIND} (?:for|at|to) {_AT}(?:(?: ,)? (?:for|to|called) {_LABEL})?",
        rf"(?P<kind>remind) me at {_AT}(?: (?:to|about|that) {_LABEL})?",
        rf"(?P<kind>remind) me (?:to|about|that) {_LABEL} at {_AT}",
        rf"{_SET} (?:an? |another )?(?P<kind>timer|alarm|countdown)",
    )
)
_LISTS = tuple(
    re.compile(_BEGIN + pattern + r"(?: please| now)*$")
    for pattern in (
        r"(?:how much (?:time|longer)|how long|how many minutes|how many seconds)(?: is| are| do i have| does| has)*"
        r"(?: there)?(?: left| remaining| still)*"
        rf"(?: (?:on|for|of|in|until) (?:the |my |that )?{_LABEL}?(?: (?:timers?|alarms?))?)?"
        r"(?: (?:have )?left| goes off| remaining| is done| rings?)*",
        r"(?:what|which|how many) timers?(?: (?:are|do i have|have i|is|there|running|set|active|on|got|right))*",
        r"(?:list|show|read|tell me|check|show me)(?: all)?(?: my| the| on my)? (?:timers?|alarms?)",
        r"(?:when|how soon) (?:does|will|is) (?:the |my )?(?:timer|alarm) (?:go off|ring|end|done|up|over)",
        r"(?:is|are) (?:there )?(?:any|a|my|the) timers? (?:running|set|on|done|over)",
        r"do i have (?:any|a) timers?(?: (?:running|set|on))*",
    )
)
_CANCELS = re.compile(
    _BEGIN
    + r"(?:cancel|stop|delete|clear|remove|turn off|shut off|end|kill|drop|reset)(?P<all> all| every| both)?"
    rf"(?: of)?(?: the| my| that| this| those)?(?: {_LABEL})?(?: (?P<kind>timers?|alarms?|reminders?|countdown))"
    r"(?: for (?:the |my )?(?P<of>[a-z0-9' ]{1,60}?))?(?: please| now)*$"
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


def span_s(words: str) -> int:
    """Return the seconds of a span in canonical words: "an hour and 0.5" is 5400."""
    total, unit_s = 0, 60
    for amount, unit, part, hour in _PART.findall(words):
        if unit:
            unit_s = _UNITS_S[unit]
        elif hour:
            amount, unit_s = "1", 3600
        value = value_of(part or (amount if amount[0].isdecimal() else "1"))
        total += whole_seconds(value, unit_s)
    return total


def by_rule(text: str) -> TimerCall | None:
    """Return what a request wants of the timers, None where it is no such request."""
    words = request(text)
    for form in _STARTS:
        if match := form.match(words):
            return _start(match)
    if match := _CANCELS.match(words):
        label = (
            "all"
            if match["all"] or (match["kind"] or "").endswith("s")
            else match["of"] or match["label"] or ""
        )
        return TimerCall(action="cancel", label=_label(label))
    for form in _LISTS:
        if match := form.match(words):
            return _list(words, match)
    return None


def _list(words: str, match: re.Match[str]) -> TimerCall | None:
    about_time = re.match(r".*\b(?:time|long|longer|minutes|seconds)\b", words)
    if about_time and not re.search(r"\b(?:timers?|alarms?)\b|\bleft$|\bleft on\b", words):
        return None
    label = _label(match.groupdict().get("label") or "")
    return TimerCall(action="list", label="" if label in ("timer", "timers", "alarm") else label)


def _start(match: re.Match[str]) -> TimerCall | None:
    said = match.groupdict()
    kinds: dict[str, Literal["timer", "alarm", "reminder"]] = {"remind": "reminder", "wake": "alarm"}
    kind = kinds.get(said["kind"]) or ("timer" if said["kind"] == "countdown" else said["kind"])
    seconds = span_s(said["span"]) if said.get("span") else 0
    at = _at(said["at"]) if said.get("at") else ""
    label = _label(said.get("label") or "")
    try:
        return TimerCall(action="start", kind=kind, seconds=min(seconds, MOST_S), at=at, label=label)
    except ValueError:
        return None


def _at(words: str) -> str:
    """Return a time of the clock as an argument: "7 am" is 7:00 am."""
    if words in ("noon", "midnight"):
        return "12:00 " + ("pm" if words == "noon" else "am")
    shown = re.match(r"(\d{1,2})(?: : (\d\d))?", words)
    assert shown
    late = re.search(r"pm|afternoon|evening", words)
    half = " pm" if late else " am" if re.search(r"am|morning", words) else ""
    return f"{int(shown[1])}:{shown[2] or '00'}{half}"


def _label(words: str) -> str:
    """Return what a timer is for, as the assistant says it: "the eggs", "call your mother"."""
    kept = _WHOLE.sub("", words).split()
    return " ".join(_YOURS.get(word, word) for word in kept)[:60].strip()


def is_meant(text: str) -> bool:
    """Tell whether a request is for a timer, in words that no rule reads; a reminder says how long, too."""
    words = canonical(text)
    return bool(_MEANT.search(words) or (_REMIND.search(words) and re.search(_SPAN, words)))


def _choices(text: str) -> dict[str, list[str]]:
    """Return the spans of a request in seconds, and its words: a model tells which of them the timer is for."""
    words = request(text)
    spans = [match[0] for match in re.finditer(_SPAN, words)]
    kind = (
        "reminder" if "remind me" in words else "alarm" if re.search(r"\balarm|\bwake me", words) else "timer"
    )
    labels = [word for word in re.sub(_SPAN, " ", words).split() if word.isalpha() and word not in _NO_LABELS]
    return {
        "action": ["cancel" if re.search(r"\b(?:cancel|stop)\b", words) else "start"],
        "kind": [kind],
        "seconds": [str(min(span_s(span), MOST_S)) for span in spans] or ["0"],
        "at": [""],
        "label": list(dict.fromkeys(["", *labels])),
    }


def run(asked: TimerCall, timers: Timers, now: Now) -> Outcome:
    """Do what is asked; a timer starts or ends as the outcome's effect. Raises ToolError."""
    match asked.action:
        case "start":
            return _started(asked, timers, now)
        case "cancel":
            return _cancelled(asked.label, timers)
        case _:
            return _left(asked.label, timers)


def _started(asked: TimerCall, timers: Timers, now: Now) -> Outcome:
    timers.check()
    seconds, until = asked.seconds, ""
    if asked.at:
        seconds = seconds_until(asked.at, now())
        shown, _, half = asked.at.partition(" ")
        until = (
            f" for {shown}{' ' + half.upper() if half else ''}, in {spoken_span(max(60, seconds // 60 * 60))}"
        )
    if seconds <= 0:
        raise ToolError("For how long? Say, for example: set a timer for five minutes.")
    if seconds > LONGEST_S:
        raise ToolError("A timer runs for a day at most.")
    label, kind = asked.label, asked.kind

    def start() -> None:
        timers.start(seconds_until(asked.at, now()) if asked.at else seconds, label, kind)

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
    if re.fullmatch(_SPAN, label):
        return [timer for timer in running if timer.seconds == span_s(label)]
    wanted = set(label.split()) - {"the", "your", "a", "for"}
    return [
        timer
        for timer in running
        if {_bare(word) for word in wanted} <= {_bare(word) for word in timer.name().split()}
    ]


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


def timer_tool(timers: Timers, now: Now = clock.wall) -> Tool:
    """Return the tool that sets, tells and cancels timers."""
    return Tool(
        "timer",
        "Sets, lists and cancels timers, alarms and reminders; they ring while the session lasts.",
        TimerCall,
        by_rule,
        is_meant,
        lambda asked: run(asked, timers, now),
        examples=(
            (
                "My tea needs 4 minutes, could you start a timer?",
                '{"action":"start","kind":"timer","seconds":240,"at":"","label":"tea"}',
            ),
            (
                "I have to leave in 2 hours so remind me then",
                '{"action":"start","kind":"reminder","seconds":7200,"at":"","label":"leave"}',
            ),
        ),
        choices=_choices,
        unclear="I didn't get that timer. Say, for example: set a timer for five minutes.",
    )
