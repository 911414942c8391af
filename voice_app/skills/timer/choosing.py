"""Which of the timers a call means: by kind, by name, by length, by its time, by its place in the row."""

from __future__ import annotations

from collections.abc import Sequence

from voice_app.core.errors import ToolError
from voice_app.skills.durations import SPAN_WORDS, listed, span_s, spoken_span
from voice_app.skills.moments import moment_in_words
from voice_app.skills.timer.call import TimerCall
from voice_app.skills.timer.timers import Timer, Timers, exact_left_s, left_s

ALL = "all"
_PLACES = {"first": 0, "second": 1, "third": 2, "fourth": 3, "fifth": 4, "last": -1}
_NO_NAMES = frozenset(("the", "your", "my", "a", "for"))


def the_one(call: TimerCall, timers: Timers) -> Timer:
    """Return the timer that a call means. Raises ToolError where it is none, and a question where it is several."""
    chosen = those(call, timers)
    if len(chosen) > 1:
        raise ToolError(question(chosen))
    return chosen[0]


def those(
    call: TimerCall, timers: Timers, *, among: Sequence[Timer] | None = None, ask: bool = True
) -> list[Timer]:
    """Return the timers that a call means. Raises ToolError where there is none.

    Several are asked about, in a ToolError, unless all are meant or `ask` is false. `among`: none but these.
    """
    found = matching(call, timers, among)
    if not found and call.kind == "timer" and not ask:
        found = matching(call.model_copy(update={"kind": "any"}), timers, among)
    if not found:
        named = "such timer" if call.label not in ("", ALL) or call.which not in ("", "it") else call.kind
        raise ToolError(f"No {'timer' if named == 'any' else named} is running.")
    if len(found) > 1 and ask and call.label != ALL:
        raise ToolError(question(found))
    return found


def matching(call: TimerCall, timers: Timers, among: Sequence[Timer] | None = None) -> list[Timer]:
    """Return the timers that a call may mean, none where it means none. `among`: none but these."""
    everything = timers.running() if among is None else list(among)
    found = [timer for timer in everything if call.kind in ("any", timer.kind)]
    if call.label and call.label != ALL:
        found = _named(call.label, found)
    return _placed(call.which, found, timers) if found and call.which else found


def question(chosen: Sequence[Timer]) -> str:
    """Return the question which of several timers is meant; those of the same name are told apart by what is left."""
    names = [timer.name() for timer in chosen]
    told = [
        f"{name}, {spoken_span(left_s(timer))} left," if names.count(name) > 1 else name
        for name, timer in zip(names, chosen, strict=True)
    ]
    return f"Which one: {listed(told).replace(' and the', ' or the').rstrip(',')}?"


def _named(label: str, found: Sequence[Timer]) -> list[Timer]:
    if SPAN_WORDS.fullmatch(label):
        return [timer for timer in found if not timer.at and timer.seconds == span_s(label)]
    moment = moment_in_words(label)
    if moment and moment.at:
        ats = {moment.at, f"{(int(moment.at[:2]) + 12) % 24:02}{moment.at[2:]}" if moment.either else ""}
        return [timer for timer in found if timer.at in ats - {""}]
    wanted = {_bare(word) for word in label.split() if word not in _NO_NAMES}
    return [timer for timer in found if wanted <= {_bare(word) for word in timer.name().split()}]


def _bare(word: str) -> str:
    return word.strip(":").rstrip("s")


def _placed(which: str, found: list[Timer], timers: Timers) -> list[Timer]:
    if which in _PLACES:
        at = _PLACES[which]
        return found[at:][:1] if at < 0 else found[at : at + 1]
    if which == "it":
        return [timers.recent] if timers.recent in found and timers.recent else found
    if which == "other":
        return [timer for timer in found if timer is not timers.recent]
    by_left = sorted(found, key=exact_left_s)
    return by_left[:1] if which == "next" else by_left[-1:]
