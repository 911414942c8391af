"""Latency against premature endpoints: what other endpointing delays would have done to recorded turns.

Pure. Every pause of the user was recorded with the wait that was predicted for it, the moment its draft's sound was
ready, and the moment the user went on. `replay_waits` scales all waits by one factor and goes through the pauses again.
The drafts stay as they were: what another wait would have changed in them (a busier processor, a longer adaptive
delay) is not in it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from voice_app.core import events
from voice_app.core.ports import FRAME_S
from voice_app.observe.statistics import percentile

FACTORS = (0.25, 0.35, 0.5, 0.7, 0.85, 1.0, 1.2, 1.5, 2.0, 3.0)
"""Waits are scaled by these; 1 is what was recorded."""
DEVICE_S = 0.01
"""Sound ready -> audible, where a pause has no recorded value: a block of the loudspeaker."""


@dataclass(frozen=True, slots=True)
class Pause:
    """A pause of the user. Times are seconds since its last voiced sample, as the detector heard it."""

    end_s: float
    """That sample, on the session clock."""
    wait_s: float | None = None
    """How long a silence was to end the turn; None where the user went on before that was known."""
    because: str = ""
    predicted_s: float = 0.0
    """When that was known."""
    asked_s: float | None = None
    """When the language model was asked."""
    ready_s: float | None = None
    """When the first piece of the draft's sound was ready."""
    decided_s: float | None = None
    """When the turn was endpointed."""
    resumed_s: float | None = None
    """When the user went on; None at the end of the turn."""
    device_s: float = DEVICE_S
    """Sound ready and the turn endpointed -> first audible sample."""

    def audible_s(self, factor: float) -> float | None:
        """Return when the reply is heard with waits of so many times the recorded length; None: not at all."""
        if self.wait_s is None or self.ready_s is None:
            return None
        frames = math.ceil(max(factor * self.wait_s, self.predicted_s) / FRAME_S - 1e-6)
        decision_s = frames * FRAME_S
        if self.decided_s is not None and self.asked_s is not None and self.asked_s >= self.decided_s:
            return decision_s + self.ready_s - self.decided_s + self.device_s  # it was not drafted
        return max(self.ready_s, decision_s) + self.device_s


@dataclass(frozen=True, slots=True)
class Point:
    """What waits of so many times the recorded length would have done."""

    factor: float
    p50_ms: float | None
    p95_ms: float | None
    cut_ins: int
    """Turns that would have ended too early: the reply would have been heard inside the user's speech."""
    turns: int


def pauses(log: Iterable[events.Event], user_end_s: float = math.inf) -> tuple[Pause, ...]:
    """Return the pauses of one turn of the user, from the events between its start and the next one's.

    What starts after `user_end_s`, the last voiced sample of the turn, is not the user going on.
    """
    found: list[Pause] = []
    draft: tuple[int, int] | None = None
    for event in log:
        match event:
            case events.SpeechStopped(speech_end_s=end_s):
                found.append(Pause(end_s))
                draft = None
            case events.SpeechStarted(speech_start_s=start_s) if found and start_s < user_end_s:
                found[-1] = replace(found[-1], resumed_s=start_s - found[-1].end_s)
            case events.DraftCreated(turn=turn, revision=revision) if draft is None:
                draft = (turn, revision)
        if found and found[-1].resumed_s is None and draft == (event.turn, event.revision):
            found[-1] = _with_event(found[-1], event)
    return tuple(found)


def _with_event(pause: Pause, event: events.Event) -> Pause:
    """Return a pause with what an event of its draft says about it."""
    at_s = event.at_s - pause.end_s
    match event:
        case events.EndpointPredicted(silence_s=wait_s, because=because):
            return replace(pause, wait_s=wait_s, because=because, predicted_s=at_s)
        case events.ResponseCreated():
            return replace(pause, asked_s=at_s)
        case events.AudioDelta() if pause.ready_s is None:
            return replace(pause, ready_s=at_s)
        case events.TurnCommitted():
            return replace(pause, decided_s=at_s)
        case events.PlaybackStarted() if pause.ready_s is not None and pause.decided_s is not None:
            return replace(pause, device_s=max(0.0, at_s - max(pause.ready_s, pause.decided_s)))
    return pause


def replay_waits(turns: Sequence[tuple[float | None, Sequence[Pause]]], factor: float) -> Point:
    """Return the figures of turns, each its measured latency in seconds and its pauses, with other waits.

    A turn's latency is the measured one, moved by as much as the reply would have been heard earlier or later.
    """
    latencies: list[float] = []
    cut_ins = 0
    for measured_s, made in turns:
        if any(_is_premature(pause, factor) for pause in made):
            cut_ins += 1
            continue
        last = made[-1] if made else None
        now_s = last.audible_s(factor) if last else None
        if now_s is None or last is None:
            continue
        before_s = last.audible_s(1.0)
        anchored = measured_s is not None and before_s is not None
        latencies.append(now_s + (measured_s - before_s if anchored else 0.0))  # type: ignore[operator]
    p50_s, p95_s = percentile(latencies, 50), percentile(latencies, 95)
    return Point(factor, _ms(p50_s), _ms(p95_s), cut_ins, len(turns))


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 1)


def _is_premature(pause: Pause, factor: float) -> bool:
    """Return whether the reply would have been heard before the user went on."""
    audible_s = pause.audible_s(factor)
    return pause.resumed_s is not None and audible_s is not None and audible_s < pause.resumed_s
