"""Where the time of a turn went: a pure fold over its events. All times are this machine's, measured."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields

from voice_app import events


@dataclass(frozen=True, slots=True)
class TurnTimes:
    """The spans between the last voiced sample and the first audible one, in seconds; together they are all of it.

    A span whose end never came is None.
    """

    endpoint_s: float | None
    """Last voiced sample -> the turn is judged over."""
    stt_s: float | None
    """Judged over -> the words are known. 0 for typed text."""
    llm_first_token_s: float | None
    """Words known -> first token."""
    llm_first_clause_s: float | None
    """First token -> first clause given to the voice."""
    tts_first_sound_s: float | None
    """First clause -> first piece of sound."""
    device_s: float | None
    """First piece of sound -> first audible sample."""

    @property
    def decision_to_sound_s(self) -> float | None:
        """Turn judged over -> first audible sample."""
        spans = [getattr(self, field.name) for field in fields(self)[1:]]
        return None if None in spans else sum(spans)

    @property
    def voice_to_voice_s(self) -> float | None:
        """Last voiced sample of the user -> first audible sample of the reply; None for typed text."""
        rest = self.decision_to_sound_s
        return None if rest is None or self.endpoint_s is None else self.endpoint_s + rest


MARKS: tuple[type[events.Fact], ...] = (
    events.TurnCommitted,
    events.TranscriptCompleted,
    events.ResponseTextDelta,
    events.ClauseReady,
    events.AudioDelta,
    events.PlaybackStarted,
)
"""The instants that end the spans, in order; the first of each kind in a turn counts."""


def turn_times(log: Iterable[events.Event], turn: int) -> TurnTimes:
    """Return the times of one turn.

    A turn that was taken up again counts from its last commit. Raises ValueError when instants are out of order.
    """
    at: dict[type[events.Fact], float] = {}
    speech_end_s: float | None = None
    for event in log:
        if event.turn != turn:
            continue
        if isinstance(event, events.TurnCommitted):
            at, speech_end_s = {}, event.speech_end_s
        if isinstance(event, MARKS):
            at.setdefault(type(event), event.at_s)
    if speech_end_s is None and events.TurnCommitted in at:
        at.setdefault(events.TranscriptCompleted, at[events.TurnCommitted])
    instants = [speech_end_s, *(at.get(mark) for mark in MARKS)]
    known = [instant for instant in instants if instant is not None]
    if known != sorted(known):
        raise ValueError(f"turn {turn}: the instants of the log are out of order: {instants}")
    return TurnTimes(*(_span(a, b) for a, b in zip(instants, instants[1:], strict=False)))


def _span(start_s: float | None, end_s: float | None) -> float | None:
    return None if start_s is None or end_s is None else end_s - start_s
