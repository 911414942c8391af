"""From a session's log and sound to figures. Pure.

The headline is read off the sound: true end of the user's speech -> first audible sample of the answer. What the
session's own events say stands beside it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from inference.types import Samples
from voice_app import events
from voice_app.audio.recordings import SpokenTurn
from voice_app.bench.scenario import AUDIBLE, ScenarioTurn
from voice_app.budget import Budget
from voice_app.stages import SPANS, turn_times

LEAST_SOUND_S = 0.03
"""Shorter sounds than this are clicks."""
REPLY_GAP_S = 0.5
"""Silence that parts two sounds of the loudspeaker; pauses between clauses are shorter."""


@dataclass(frozen=True, slots=True, eq=False)
class Session:
    """What a session of the benchmark left behind. All times are seconds of the session."""

    turns: Sequence[ScenarioTurn]
    spoken: Sequence[SpokenTurn]
    log: Sequence[events.Event]
    sound: Samples
    rate_hz: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What the sound says of one turn."""

    latency_s: float | None
    """True end of speech -> first audible sample; None where it was missed, or came early."""
    is_cut_in: bool
    """Whether the loudspeaker started inside the user's speech."""


def onsets(sound: Samples, rate_hz: int) -> list[float]:
    """Return when each sound of the loudspeaker begins."""
    loud = np.flatnonzero(np.abs(sound) > AUDIBLE)
    if not len(loud):
        return []
    first = np.flatnonzero(np.diff(loud, prepend=-2 * rate_hz) > REPLY_GAP_S * rate_hz)
    ends = np.append(first[1:], len(loud)) - 1
    return [
        float(loud[start] / rate_hz)
        for start, end in zip(first, ends, strict=True)
        if loud[end] - loud[start] >= LEAST_SOUND_S * rate_hz
    ]


def answers(session: Session) -> list[Answer]:
    """Return what became of every turn."""
    starts = onsets(session.sound, session.rate_hz)
    found = []
    for number, turn in enumerate(session.spoken):
        until_s = session.spoken[number + 1].start_s if number + 1 < len(session.spoken) else np.inf
        cut_in = any(turn.start_s < start_s < turn.voiced_end_s for start_s in starts)
        after = [start_s - turn.voiced_end_s for start_s in starts if turn.voiced_end_s <= start_s < until_s]
        found.append(Answer(None if cut_in or not after else after[0], cut_in))
    return found


def percentiles(values_s: Sequence[float | None], *points: int) -> dict[str, float | None]:
    """Return percentiles in milliseconds by name; None where nothing was measured."""
    known = [value for value in values_s if value is not None]
    result = {f"p{point}": _ms(float(np.percentile(known, point))) if known else None for point in points}
    return {**result, "max": _ms(max(known)) if known else None} if 99 in points else result


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)


def figures(session: Session, budget: Budget) -> dict[str, object]:
    """Return the figures of one session; `basis` says what they are."""
    numbers = sorted({event.turn for event in session.log if event.turn})
    times = [turn_times(session.log, number) for number in numbers]
    found = answers(session)
    latencies = [answer.latency_s for answer in found]
    known = [latency for latency in latencies if latency is not None]
    stages = {
        name.removesuffix("_s"): [getattr(one, name) for one in times] for name in (*SPANS, "decision_s")
    }
    return {
        "basis": "measured",
        "turns": len(session.spoken),
        "budget_ms": _ms(budget.total_s),
        "within_budget": round(float(np.mean([one <= budget.total_s for one in known])), 3)
        if known
        else None,
        "voice_to_voice_ms": percentiles(latencies, 50, 95, 99),
        "first_audio_ms": percentiles(latencies, 50, 95, 99),
        "voice_to_voice_by_events_ms": percentiles([one.voice_to_voice_s for one in times], 50, 95, 99),
        "decision_to_sound_ms": percentiles([one.decision_to_sound_s for one in times], 50, 95),
        "stages": {name: percentiles(spans, 50, 95) for name, spans in stages.items()},
        "late_stages": dict(Counter(name.removesuffix("_s") for one in times for name in budget.over(one))),
        "cut_ins": sum(answer.is_cut_in for answer in found),
        "missed": sum(answer.latency_s is None and not answer.is_cut_in for answer in found),
        "barge_in_stop_ms": None,
        "sound_before_the_text_was_complete": sum(_sounds_early(session.log, number) for number in numbers),
        "drafts": drafts(session.log),
        "wer": word_error_rate(session),
    }


def _sounds_early(log: Sequence[events.Event], turn: int) -> bool:
    """Tell whether a reply was audible before its last token was written."""
    at_s = {type(event): event.at_s for event in log if event.turn == turn}
    sounds_s, text_s = at_s.get(events.PlaybackStarted), at_s.get(events.TextDone)
    return sounds_s is not None and text_s is not None and sounds_s < text_s


def drafts(log: Sequence[events.Event]) -> dict[str, int]:
    """Return how many drafts were made, released and wasted."""
    made = sum(isinstance(event, events.DraftCreated) for event in log)
    wasted = sum(isinstance(event, events.DraftDiscarded) for event in log)
    released = sum(isinstance(event, events.TurnCommitted) for event in log)
    return {"made": made, "released": released, "wasted": wasted}


def word_error_rate(session: Session) -> float | None:
    """Return the word error rate of what was answered, over the turns whose words are known; None where none are.

    A turn that was cut in two counts with all its parts.
    """
    import jiwer

    pairs = [
        (turn.text, heard_between(session.log, spoken.start_s, until_s))
        for turn, spoken, until_s in zip(
            session.turns, session.spoken, _next_starts(session.spoken), strict=False
        )
        if turn.text
    ]
    if not pairs:
        return None
    said, heard = ([plain(text) for text in texts] for texts in zip(*pairs, strict=True))
    return round(float(jiwer.wer(said, heard)), 4)


def plain(text: str) -> str:
    """Return text as word error rates compare it: small letters, no marks."""
    return " ".join(re.findall(r"[\w']+", text.lower()))


def _next_starts(spoken: Sequence[SpokenTurn]) -> list[float]:
    return [turn.start_s for turn in spoken[1:]] + [np.inf]


def heard_between(log: Sequence[events.Event], start_s: float, until_s: float) -> str:
    """Return the words of the released drafts of the turns that were judged over between two instants."""
    words: dict[int, str] = {}
    for commit in log:
        if isinstance(commit, events.TurnCommitted) and start_s <= commit.at_s < until_s:
            for event in log:
                same = (event.turn, event.revision) == (commit.turn, commit.revision)
                if same and isinstance(event, events.TranscriptCompleted):
                    words[commit.turn] = event.text
    return " ".join(words.values())
