"""Words that go on from a call of the timers: "make it ten", "no, Tuesday", "cancel it", "ten" to "For how long?"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from voice_app.skills.durations import SPAN_WORDS, span_s, spoken_span
from voice_app.skills.moments import moment_in_words
from voice_app.skills.phrases import Phrases
from voice_app.skills.skill import Called, Refuse
from voice_app.skills.timer.call import TimerCall, which_of
from voice_app.skills.timer.choosing import ALL
from voice_app.skills.utterance import Utterance
from voice_app.skills.word_lists import word_set, words_of

Found = dict[str, Any]
_SETS = ("start", "change", "extend")
"""Actions that a correction may be about."""
_MENDS = word_set(
    "no nope wait sorry oops actually meant mean said make rather instead not better change set should"
)
"""Words of which a correction has one: a length alone may be anything."""
_COUNTED = ("first", "second", "third", "fourth", "fifth")


@dataclass(frozen=True, slots=True)
class Follower:
    """Reads words that go on from a call."""

    going_on: Phrases
    answers: Phrases

    def read(self, utterance: Utterance, called: Called) -> TimerCall | Refuse | None:
        """Return the call that words are after `called`; None where they are none."""
        if called.clarifies:
            answer = self._answered(utterance, called)
            if answer is not None:
                return answer
        is_mended = bool(_MENDS & set(words_of(utterance.text)))
        for found in self.going_on.match(utterance):
            if found.get("corrects") and not is_mended:
                continue
            if (call := _gone_on(dict(found), called)) is not None:
                return call
        return None

    def _answered(self, utterance: Utterance, called: Called) -> TimerCall | Refuse | None:
        known = dict(called.arguments)
        asks_length = known.get("action") == "start"
        for found in self.answers.match(utterance):
            match found.pop("of"):
                case "nothing":
                    return Refuse("All right, I'll leave it.")
                case "length" if asks_length:
                    call = _call(known | _timed(found, known))
                case "one" if not asks_length:
                    call = _chosen(found, known, called.output)
                case _:
                    call = None
            if call:
                return call
        return None


def _call(arguments: Found) -> TimerCall | None:
    try:
        return TimerCall.model_validate(arguments)
    except ValidationError:
        return None


def _chosen(found: Found, known: Found, asked: str) -> TimerCall | None:
    """Return the call of the timer that an answer names, in words of the question or by its place."""
    if count := found.get("number"):
        place = _COUNTED[int(count) - 1] if 0 < int(count) <= len(_COUNTED) else ""
        return _call(known | {"which": place}) if place else None
    label, which = which_of(found["label"])
    if label == ALL:
        return _call(known | {"label": ALL})
    words = asked.lower().replace(",", " ").replace("?", " ").replace(":", " : ").split()
    is_named = set(label.split()) <= set(words)
    if SPAN_WORDS.fullmatch(label):
        is_named = not asked or spoken_span(span_s(label)) in asked
    if not (label or which) or (asked and not is_named):
        return None
    return _call(known | {"label": label or known.get("label", ""), "which": which})


def _gone_on(found: Found, called: Called) -> TimerCall | None:
    known = called.arguments
    corrects, goes_on = found.pop("corrects", False), found.pop("goes_on", False)
    if found.pop("soon", False) and called.ago:
        return None
    is_less = found.pop("less", False)
    if corrects and (called.ago or known.get("action") not in _SETS):
        return None
    found.pop("old", None)
    if goes_on:
        found.setdefault("kind", known.get("kind", "timer"))
        if "seconds" not in found and "at" not in found and "count" not in found:
            found["seconds"] = known.get("seconds", 0)
    elif found.get("label"):
        found.pop("which", None)
    found |= _timed(found, known if found["action"] != "extend" else {"seconds": known.get("seconds", 0)})
    if is_less:
        found["seconds"] *= -1
    if corrects and known["action"] == "extend" and found.get("seconds"):
        found |= {"action": "extend", "seconds": found["seconds"] - known["seconds"]}
    elif found["action"] == "change" and found.get("day") and not found.get("at"):
        found |= {"at": known.get("at", ""), "either": known.get("either", False)}
    return _call(found)


def _timed(found: Found, known: Mapping[str, Any]) -> Found:
    """Return how long or at what time, as one call says it and the one before it leaves open.

    A number alone is of the unit that was said before, minutes where none was, or an hour of the clock.
    """
    timed: Found = {name: found[name] for name in ("seconds", "at", "day") if name in found}
    if "count" in found:
        count = int(found.pop("count"))
        is_hour = known.get("kind") == "alarm" or known.get("day")
        if known.get("at") or (is_hour and not known.get("seconds")):
            timed["at"] = _hour(count, known)
        else:
            timed["seconds"] = count * _unit_s(int(known.get("seconds", 0)))
    if timed.get("at"):
        moment = moment_in_words(timed["at"])
        timed["day"] = (moment.day if moment else "") or timed.get("day", "") or known.get("day", "")
        timed["seconds"] = 0
    return timed


def _unit_s(seconds: int) -> int:
    if not seconds:
        return 60
    return 3600 if seconds % 3600 == 0 else 60 if seconds % 60 == 0 else 1


def _hour(count: int, known: Mapping[str, Any]) -> str:
    """Return an hour as words, in the half of the day that was said before."""
    at = str(known.get("at", ""))
    if not at or known.get("either") or not 1 <= count <= 12:
        return str(count)
    return f"{count} {'pm' if int(at[:2]) >= 12 else 'am'}"
