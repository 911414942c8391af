"""From a session's log and sound to what became of each turn. Pure.

The headline is read off the sound: true end of the user's speech -> first audible sample of the answer. What the
session's own events say stands beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from inference.types import Samples
from voice_app.bench.scenario import AUDIBLE, ScenarioTurn
from voice_app.bench.tradeoff import Pause, pauses
from voice_app.core import events
from voice_app.core.stages import TurnTimes, turn_times
from voice_app.io.recordings import SpokenTurn

LEAST_SOUND_S = 0.03
"""Shorter sounds than this are clicks."""
REPLY_GAP_S = 0.5
"""Silence that parts two sounds of the loudspeaker; pauses between clauses are shorter."""


@dataclass(frozen=True, slots=True, eq=False)
class SpokenSession:
    """The log and the sound of a benchmark's session. All times are seconds of the session."""

    turns: Sequence[ScenarioTurn]
    spoken: Sequence[SpokenTurn]
    log: Sequence[events.Event]
    sound: Samples
    rate_hz: int


@dataclass(frozen=True, slots=True)
class MeasuredAnswer:
    """What the sound says of one turn."""

    latency_s: float | None
    """True end of speech -> first audible sample of the answer; None where it was missed, or came early."""
    first_audio_s: float | None
    """The same to whatever is audible first: a filler, where one was spoken."""
    is_premature: bool
    """Whether the loudspeaker started inside the user's speech: a premature endpoint."""
    barge_in_stop_s: float | None
    """First voiced sample of the turn -> last audible one of the reply that it is spoken into; None: into none."""


@dataclass(frozen=True, slots=True)
class Drafts:
    """How many drafts were made, released and wasted."""

    made: int = 0
    released: int = 0
    wasted: int = 0


@dataclass(frozen=True, slots=True)
class MeasuredTurn:
    """What became of one turn of the user."""

    name: str
    said: str | None
    """None where there is no reference transcript."""
    heard: str
    """The words that were answered; of a turn that was cut in two, those of all its parts."""
    answer: MeasuredAnswer
    times: tuple[TurnTimes, ...]
    """Of every reply that was released to it; more than one where it was cut in two."""
    sounds_early: int
    """Replies that were audible before their last token was written."""
    drafts: Drafts
    pauses: tuple[Pause, ...]
    actions: tuple[events.BudgetAction, ...] = ()
    """What was done to keep the budget, in the drafts that were released."""


def measured(session: SpokenSession) -> list[MeasuredTurn]:
    """Return what became of every turn."""
    found, made = measured_answers(session), []
    ends_s = [turn.start_s for turn in session.spoken[1:]] + [np.inf]
    starts_s = [-np.inf, *ends_s[:-1]]
    rows = zip(session.turns, session.spoken, found, starts_s, ends_s, strict=False)
    for turn, spoken, answer, start_s, end_s in rows:
        log = [event for event in session.log if start_s <= event.at_s < end_s]
        numbers = sorted({event.turn for event in log if isinstance(event, events.TurnCommitted)})
        made.append(
            MeasuredTurn(
                turn.name,
                turn.text,
                words_answered(session.log, log),
                answer,
                tuple(turn_times(session.log, number) for number in numbers),
                sum(_sounds_early(session.log, number) for number in numbers),
                drafts(log),
                pauses(log, spoken.voiced_end_s),
                actions(session.log, log),
            )
        )
    return made


def sounds(samples: Samples, rate_hz: int) -> list[tuple[float, float]]:
    """Return when each sound of the loudspeaker begins and ends, in seconds."""
    loud = np.flatnonzero(np.abs(samples) > AUDIBLE)
    if not len(loud):
        return []
    first = np.flatnonzero(np.diff(loud, prepend=-2 * rate_hz) > REPLY_GAP_S * rate_hz)
    ends = np.append(first[1:], len(loud)) - 1
    return [
        (float(loud[start] / rate_hz), float(loud[end] / rate_hz))
        for start, end in zip(first, ends, strict=True)
        if loud[end] - loud[start] >= LEAST_SOUND_S * rate_hz
    ]


def measured_answers(session: SpokenSession) -> list[MeasuredAnswer]:
    """Return what the sound says of every turn."""
    found, heard = [], sounds(session.sound, session.rate_hz)
    for number, turn in enumerate(session.spoken):
        until_s = session.spoken[number + 1].start_s if number + 1 < len(session.spoken) else np.inf
        premature = any(turn.start_s < start_s < turn.voiced_end_s for start_s, _ in heard)
        after = [
            start_s - turn.voiced_end_s for start_s, _ in heard if turn.voiced_end_s <= start_s < until_s
        ]
        fillers = [
            event.audio_s
            for event in session.log
            if isinstance(event, events.OpenerSpoken) and turn.voiced_end_s <= event.at_s < until_s
        ]
        talked_over = [end_s - turn.start_s for start_s, end_s in heard if start_s <= turn.start_s < end_s]
        first_s = None if premature or not after else after[0]
        content = (
            _after_filler(session, first_s, turn.voiced_end_s, fillers[0]) if fillers and first_s else first_s
        )
        found.append(MeasuredAnswer(content, first_s, premature, talked_over[0] if talked_over else None))
    return found


def _after_filler(session: SpokenSession, first_s: float, end_s: float, filler_s: float) -> float | None:
    """Return when sound is audible after a filler that begins `first_s` after `end_s`, in seconds after `end_s`."""
    over = round((end_s + first_s + filler_s) * session.rate_hz)
    loud = np.flatnonzero(np.abs(session.sound[over:]) > AUDIBLE)
    return first_s + filler_s + float(loud[0] / session.rate_hz) if len(loud) else None


def _sounds_early(log: Sequence[events.Event], turn: int) -> bool:
    at_s = {type(event): event.at_s for event in log if event.turn == turn}
    sounds_s, text_s = at_s.get(events.PlaybackStarted), at_s.get(events.TextDone)
    return sounds_s is not None and text_s is not None and sounds_s < text_s


def drafts(log: Sequence[events.Event]) -> Drafts:
    """Return how many drafts were made, released and wasted."""
    made = sum(isinstance(event, events.DraftCreated) for event in log)
    wasted = sum(isinstance(event, events.DraftDiscarded) for event in log)
    released = sum(isinstance(event, events.TurnCommitted) for event in log)
    return Drafts(made, released, wasted)


def actions(log: Sequence[events.Event], part: Sequence[events.Event]) -> tuple[events.BudgetAction, ...]:
    """Return what was done to keep the budget, in the drafts that were released in a part of a log."""
    released = {(event.turn, event.revision) for event in part if isinstance(event, events.TurnCommitted)}
    return tuple(
        event
        for event in log
        if isinstance(event, events.BudgetAction) and (event.turn, event.revision) in released
    )


def words_answered(log: Sequence[events.Event], part: Sequence[events.Event]) -> str:
    """Return the words of the drafts that were released in a part of a log."""
    words: dict[int, str] = {}
    for commit in part:
        if isinstance(commit, events.TurnCommitted):
            for event in log:
                same = (event.turn, event.revision) == (commit.turn, commit.revision)
                if same and isinstance(event, events.TranscriptCompleted):
                    words[commit.turn] = event.text
    return " ".join(words.values())
