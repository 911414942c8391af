"""Where the time of a turn went: a pure fold over its events. All times are this machine's, measured."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields

from voice_app.core import events


@dataclass(frozen=True, slots=True)
class TurnTimes:
    """The spans between the last voiced sample and the first audible one, in seconds; together they are all of it.

    A reply is drafted while it is not yet sure that the turn is over: work and waiting overlap, and `hold_s` is what
    of the wait the work did not cover. A span whose end never came is None.
    """

    endpoint_s: float | None
    """Last voiced sample -> work on the reply begins: at the pause that is answered, or at the turn's end."""
    stt_s: float | None
    """Work begins -> the words are known. 0 for typed text."""
    llm_first_token_s: float | None
    """Words known -> first token, without the wait that `hold_s` has."""
    llm_first_clause_s: float | None
    """First token -> first clause given to the voice."""
    tts_first_sound_s: float | None
    """First clause -> first piece of sound."""
    hold_s: float | None
    """Waiting for the turn's end: where drafting does not pay, endpoint predicted -> reply asked for; and first piece
    of sound -> the turn is judged over, 0 where it was before."""
    device_s: float | None
    """First piece of sound and the turn judged over -> its first audible sample; an opener is over by then."""
    decision_s: float | None = None
    """Last voiced sample -> the turn is judged over; beside the sum, not in it."""

    @property
    def voice_to_voice_s(self) -> float | None:
        """Last voiced sample of the user -> first audible sample of the reply, not an opener; None for typed text."""
        spans = [getattr(self, name) for name in SPANS]
        return None if None in spans else sum(spans)

    @property
    def decision_to_sound_s(self) -> float | None:
        """Turn judged over -> first audible sample; None for typed text."""
        whole = self.voice_to_voice_s
        return None if whole is None or self.decision_s is None else whole - self.decision_s


SPANS = tuple(field.name for field in fields(TurnTimes) if field.name != "decision_s")
"""The spans that add up to `voice_to_voice_s`, in order."""
MARKS: tuple[type[events.Fact], ...] = (
    events.DraftCreated,
    events.TranscriptCompleted,
    events.EndpointPredicted,
    events.ResponseCreated,
    events.ResponseTextDelta,
    events.ClauseReady,
    events.AudioDelta,
    events.PlaybackStarted,
)
"""The instants that end the spans, in order; the first of each kind in a draft counts."""


def turn_times(log: Iterable[events.Event], turn: int) -> TurnTimes:
    """Return the times of one turn: of its draft that was released last.

    Raises ValueError when instants are out of order.
    """
    told = [event for event in log if event.turn == turn]
    commits = [event for event in told if isinstance(event, events.TurnCommitted)]
    if not commits:
        return TurnTimes(*[None] * len(SPANS))
    commit = commits[-1]
    at: dict[type[events.Fact], float] = {}
    for event in told:
        if isinstance(event, MARKS) and event.revision == commit.revision:
            at.setdefault(type(event), event.at_s)
    if commit.speech_end_s is None and events.DraftCreated in at:
        at.setdefault(events.TranscriptCompleted, at[events.DraftCreated])
    if events.TranscriptCompleted in at:
        at.setdefault(events.EndpointPredicted, at[events.TranscriptCompleted])
    end_s = commit.speech_end_s
    drafted, words, predicted, asked, token, clause, sound, audible = instants = [
        at.get(mark) for mark in MARKS
    ]
    ready = None if sound is None else max(sound, commit.at_s)
    audible = content_s(told, commit.revision)
    known = [instant for instant in (end_s, *instants[:-1], ready, audible) if instant is not None]
    if known != sorted(known) or (end_s is not None and commit.at_s < end_s):
        raise ValueError(f"turn {turn}: the instants of the log are out of order: {[end_s, *instants]}")
    holds = (_span(predicted, asked), _span(sound, ready))
    first_token = (_span(words, predicted), _span(asked, token))
    return TurnTimes(
        endpoint_s=_span(end_s, drafted),
        stt_s=_span(drafted, words),
        llm_first_token_s=_sum(first_token),
        llm_first_clause_s=_span(token, clause),
        tts_first_sound_s=_span(clause, sound),
        hold_s=_sum(holds),
        device_s=_span(ready, audible),
        decision_s=_span(end_s, commit.at_s),
    )


def content_s(told: Iterable[events.Event], revision: int) -> float | None:
    """Return when a draft's own sound is first audible: with the playback, or once it is there behind the opener."""
    draft = [event for event in told if event.revision == revision]
    started = next((event.at_s for event in draft if isinstance(event, events.PlaybackStarted)), None)
    opener = next((event.audio_s for event in draft if isinstance(event, events.OpenerSpoken)), 0.0)
    sound = next((event.at_s for event in draft if isinstance(event, events.AudioDelta)), None)
    if started is None or not opener:
        return started
    return None if sound is None else max(started + opener, sound)


def emulated(tokens_s: Iterable[float | None]) -> dict[str, float | str]:
    """Return the figures of a reply on an emulated chip; nothing where its tokens have no such time.

    A rate needs two tokens.
    """
    times_s = [at_s for at_s in tokens_s if at_s is not None]
    if len(times_s) < 2 or times_s[-1] <= times_s[0]:
        return {}
    rate = (len(times_s) - 1) / (times_s[-1] - times_s[0])
    return {
        "emulated_ttft_ms": round(times_s[0] * 1000, 3),
        "emulated_tokens_per_s": round(rate, 1),
        "emulated_basis": "emulated",
    }


def _span(start_s: float | None, end_s: float | None) -> float | None:
    return None if start_s is None or end_s is None else end_s - start_s


def _sum(spans: tuple[float | None, ...]) -> float | None:
    known = [span for span in spans if span is not None]
    return sum(known) if len(known) == len(spans) else None
