"""Requests of timers that no saying reads: what is to be done, how long or when, what for, read by code."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from voice_app.skills.durations import LONGEST_S, SPAN, span_s
from voice_app.skills.moments import Moment, find_moment
from voice_app.skills.phrases import language_data
from voice_app.skills.skill import Refuse
from voice_app.skills.timer.call import label_of, which_of

_WORDS: Mapping[str, Any] = language_data(Path(__file__).parent, "words.")
_SPAN = re.compile(rf"(?<![a-z0-9.]){SPAN}(?![a-z0-9])(?! (?:to|past|before|after) \d)")
_GAP = "|"
"""Stands in the words where a span or a time was."""
LONGEST_NAME = 3
"""Words before "timer" that name it."""
_NEEDS_LENGTH = frozenset(("extend", "less", "change"))


@dataclass(frozen=True, slots=True)
class Request:
    """What words say of timers."""

    words: tuple[str, ...]
    """Without spans and times, which have left a gap."""
    seconds: int = 0
    moment: Moment = Moment()

    def has(self, name: str | Sequence[str]) -> bool:
        """Return whether a phrase of a list is among the words."""
        return _has(self.words, _phrases(name) if isinstance(name, str) else name)


def is_order(request: str) -> bool:
    """Return whether words may ask for something: no negation, question about the past, or what somebody said."""
    never = _WORDS["never"]
    words = request.split()
    return not _has(words, _split(never["anywhere"])) and not any(
        words[: len(phrase.split())] == phrase.split() for phrase in _split(never["first"])
    )


def understood(request: str) -> dict[str, Any] | Refuse | None:
    """Return the arguments that canonical words say, None where they ask nothing of timers."""
    if not is_order(request):
        return None
    said = _read(request)
    kind = next((kind for kind, phrases in _WORDS["kinds"].items() if said.has(_split(phrases))), "")
    has_length = bool(said.seconds or said.moment.at)
    action = next(
        (
            action
            for action, phrases in _WORDS["actions"].items()
            if said.has(_split(phrases)) and (has_length or action not in _NEEDS_LENGTH)
        ),
        "",
    )
    if kind in ("alarm", "reminder") and not has_length and said.has("events") and said.has("verbs"):
        return Refuse("I can only go by the clock, not by what happens.")
    if has_length and said.has("starts") and action not in ("extend", "less", "change", "snooze"):
        action = "start"
    if action == "start" or (not action and kind and said.has("verbs")):
        return _start(said, kind)
    if not kind or not action:
        return None
    return _deed(said, action, kind)


def _start(said: Request, kind: str) -> dict[str, Any] | Refuse:
    if said.has("backwards"):
        return Refuse("A timer can't run for less than nothing.")
    if said.has("repeats"):
        return Refuse("I can't repeat that every day or week yet.")
    if {"timers", "alarms", "reminders"} & set(said.words):
        return Refuse("Please tell me them one after the other.")
    moment = said.moment
    if kind in ("", "timer") and said.seconds and moment.either:  # a number, where a span is said as well
        moment = Moment()
    times = {"at": moment.at, "either": moment.either, "day": moment.day}
    return {
        "action": "start",
        "kind": kind or ("alarm" if moment.at else "timer"),
        "seconds": 0 if moment.at else said.seconds,
        **times,
        "label": _reason(said.words) if kind == "reminder" else _name(said.words),
    }


def _deed(said: Request, action: str, kind: str) -> dict[str, Any]:
    label, which = _selected(said.words)
    seconds = -said.seconds if action == "less" else said.seconds
    if action in ("cancel", "pause", "resume", "restart", "list") and seconds and not label:
        label, seconds = f"{seconds // 60} minute" if seconds % 60 == 0 else f"{seconds} second", 0
    found = {"kind": kind, "label": label, "which": which, "seconds": seconds}
    if action == "change":
        found |= {"at": said.moment.at, "either": said.moment.either, "day": said.moment.day}
    return {**found, "action": "extend" if action == "less" else action}


def _read(request: str) -> Request:
    """Take spans and a time of the clock out of the words; what mends them counts."""
    spans, mended = list(_SPAN.finditer(request)), _mended(request)
    spans = [span for span in spans if span.start() >= mended] or spans[-1:] if mended else spans[:1]
    rest, seconds = request, 0
    if spans:
        seconds = min(span_s(spans[0][0]), LONGEST_S)
        rest = _SPAN.sub(f" {_GAP} ", request)
    words = rest.split()
    found = find_moment(words)
    moment = Moment()
    while found:
        moment = found[2] if found[2].at or not moment.at else moment
        words = [*words[: found[0]], _GAP, *words[found[1] :]]
        found = find_moment(words)
    return Request(tuple(words), seconds, moment)


def _mended(request: str) -> int:
    """Return where what was said last is mended: "5 minutes, sorry, 15 minutes"; 0 where nothing is."""
    places = [match.end() for phrase in _phrases("mends") for match in re.finditer(rf" {phrase} ", request)]
    return max(places, default=0)


def _reason(words: Sequence[str]) -> str:
    """Return what somebody is to be reminded of."""
    asked = [
        at for at, word in enumerate(words) if word.startswith(("remind", "forget", "nudge", "ping", "buzz"))
    ]
    for at in range(asked[0] + 1 if asked else 0, len(words)):
        if words[at] in _phrases("reasons"):
            kept = _until(words[at + 1 :], (_GAP,))
            if label := label_of(" ".join(kept).removeprefix("the ")):
                return label
    return ""


def _name(words: Sequence[str]) -> str:
    """Return what a timer is for: "for the eggs", "called bread", "my tea needs", "the pasta timer"."""
    unnamed, ends = frozenset(_WORDS["unnamed"].split()), _phrases("ends")
    for at, word in enumerate(words):
        after = [each for each in words[at + 1 :] if each not in ("the", "my", "a", "some")]
        if word in _phrases("names") and after and after[0] not in unnamed | {_GAP, ","}:
            return label_of(" ".join(_until(after, (_GAP, ",", *ends))[:LONGEST_NAME]))
        if word in _phrases("is_due") and at and words[at - 1] not in unnamed | {_GAP, ","}:
            return label_of(words[at - 1])
    return _selected(words)[0]


def _selected(words: Sequence[str]) -> tuple[str, str]:
    """Return the name and the place that stand before "timer", or behind "on the"."""
    unnamed = frozenset(_WORDS["unnamed"].split())
    kinds = ("timer", "timers", "alarm", "alarms", "reminder", "countdown")
    for at, word in enumerate(words):
        if word in kinds:
            name: list[str] = []
            while at and len(name) < LONGEST_NAME and words[at - 1] not in unnamed | {_GAP, ","}:
                at -= 1
                name.insert(0, words[at])
            label, which = which_of(" ".join(name))
            return label_of(label), which
    return "", ""


def _until(words: Sequence[str], ends: Sequence[str]) -> list[str]:
    at = next((at for at, word in enumerate(words) if word in ends), len(words))
    return list(words[:at])


def _phrases(name: str) -> tuple[str, ...]:
    return _split(_WORDS[name])


def _split(phrases: str) -> tuple[str, ...]:
    return tuple(phrases.split(", "))


def _has(words: Sequence[str], phrases: Sequence[str]) -> bool:
    text = f" {' '.join(words)} "
    return any(f" {phrase} " in text for phrase in phrases)
