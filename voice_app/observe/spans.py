"""A session's events as spans, a tree a turn: what OpenTelemetry calls a trace. Pure.

No words are in them: what was said stays in the log.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from voice_app.core import events
from voice_app.core.stages import STEPS, step_bounds

Value = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Span:
    """A span of the session and its children. Times are seconds on the session clock, measured."""

    name: str
    start_s: float
    end_s: float
    children: tuple[Span, ...] = ()
    attributes: Mapping[str, Value] = field(default_factory=dict)


def turn_spans(log: Iterable[events.Event]) -> list[Span]:
    """Return a span for each turn: from its first voiced sample, or its typed text, to the end of its reply."""
    turns: dict[int, list[events.Event]] = {}
    for event in log:
        if event.turn:
            turns.setdefault(event.turn, []).append(event)
    spans, before_s = [], list[float]()
    for number, log in turns.items():
        speech_s = [event.speech_start_s for event in log if isinstance(event, events.SpeechStarted)]
        typed = any(isinstance(event, events.TextSubmitted) for event in log)
        # An interruption starts in the turn whose reply it stops.
        spans.append(_turn(number, log, speech_s if speech_s or typed else before_s[-1:]))
        before_s = speech_s
    return spans


def _turn(number: int, log: Sequence[events.Event], speech_s: Sequence[float]) -> Span:
    commits = [event for event in log if isinstance(event, events.TurnCommitted)]
    done = [event for event in log if isinstance(event, events.ResponseDone)]
    children = [
        *_user(speech_s, commits),
        *_drafts(log, commits),
        *_voice_to_voice(log, commits),
        *_playback(log),
    ]
    start_s = min([log[0].at_s, *[child.start_s for child in children]])
    end_s = max([log[-1].at_s, *[child.end_s for child in children]])
    attributes: dict[str, Value] = {"voice_app.turn": number}
    if done:
        attributes["voice_app.status"] = done[-1].status
    return Span("turn", start_s, end_s, tuple(sorted(children, key=_order)), attributes)


def _order(span: Span) -> tuple[float, float]:
    return span.start_s, -span.end_s


def _user(speech_s: Sequence[float], commits: Sequence[events.TurnCommitted]) -> Iterator[Span]:
    """Yield the user's speech: first voiced sample -> last voiced sample."""
    end_s = commits[-1].speech_end_s if commits else None
    if end_s is not None and speech_s and speech_s[0] <= end_s:
        yield Span("user speech", speech_s[0], end_s)


def _drafts(log: Sequence[events.Event], commits: Sequence[events.TurnCommitted]) -> Iterator[Span]:
    """Yield each draft: work begins -> its last event but the playback's; the language model's request inside."""
    released = {commit.revision for commit in commits}
    made: dict[int, list[events.Event]] = {}
    for event in log:
        if isinstance(event, events.DraftCreated) or event.revision in made:
            made.setdefault(event.revision, []).append(event)
    for revision, draft in made.items():
        work = [event for event in draft if isinstance(event, WORK)]
        yield Span(
            "draft",
            work[0].at_s,
            work[-1].at_s,
            tuple(_chat(work)),
            {"voice_app.revision": revision, "voice_app.released": revision in released},
        )


WORK = (
    events.DraftCreated,
    events.TranscriptCompleted,
    events.EndpointPredicted,
    events.ResponseCreated,
    events.ResponseTextDelta,
    events.ClauseReady,
    events.AudioDelta,
    events.TextDone,
    events.DraftDiscarded,
)


def _chat(work: Sequence[events.Event]) -> Iterator[Span]:
    """Yield the language model's request -> its last token, with OpenTelemetry's names for such requests."""
    asked = [event.at_s for event in work if isinstance(event, events.ResponseCreated)]
    tokens = [event for event in work if isinstance(event, events.ResponseTextDelta)]
    if not asked or not tokens:
        return
    attributes: dict[str, Value] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.usage.output_tokens": len(tokens),
    }
    for event in work:
        if isinstance(event, events.TextDone):
            attributes["gen_ai.usage.input_tokens"] = event.prompt_tokens
    yield Span("chat", asked[0], tokens[-1].at_s, (), attributes)


def _voice_to_voice(log: Sequence[events.Event], commits: Sequence[events.TurnCommitted]) -> Iterator[Span]:
    """Yield last voiced sample -> first audible sample, with the steps between them, one after the other, no gap."""
    instants = step_bounds(log, commits[-1]) if commits else []
    bounds = [instant for instant in instants if instant is not None]
    if not commits or len(bounds) < len(instants):
        return
    steps = tuple(Span(step.name, *ends) for step, ends in zip(STEPS, pairwise(bounds), strict=True))
    attributes = {"voice_app.voice_to_voice_ms": round((bounds[-1] - bounds[0]) * 1000, 3)}
    yield Span("voice to voice", bounds[0], bounds[-1], steps, attributes)


def _playback(log: Sequence[events.Event]) -> Iterator[Span]:
    """Yield first audible sample -> the reply heard to its end, or cut off."""
    started = [event.at_s for event in log if isinstance(event, events.PlaybackStarted)]
    ended = [event for event in log if isinstance(event, events.PlaybackStopped | events.PlaybackCleared)]
    if started and ended and ended[-1].at_s >= started[-1]:
        cut = isinstance(ended[-1], events.PlaybackCleared)
        yield Span("playback", started[-1], ended[-1].at_s, (), {"voice_app.cut_off": cut})
