"""A session's events as spans, a tree a turn: what OpenTelemetry calls a trace. Pure.

No words are in them: what was said stays in the log.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from voice_app.core import events
from voice_app.core.stages import content_s

Value = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of the session, and what it is made of. Times are seconds on the session clock, measured."""

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
    for number, told in turns.items():
        speech_s = [event.speech_start_s for event in told if isinstance(event, events.SpeechStarted)]
        typed = any(isinstance(event, events.TextSubmitted) for event in told)
        # An interruption starts in the turn whose reply it stops.
        spans.append(_turn(number, told, speech_s if speech_s or typed else before_s[-1:]))
        before_s = speech_s
    return spans


def _turn(number: int, told: Sequence[events.Event], speech_s: Sequence[float]) -> Span:
    commits = [event for event in told if isinstance(event, events.TurnCommitted)]
    done = [event for event in told if isinstance(event, events.ResponseDone)]
    children = [
        *_user(speech_s, commits),
        *_drafts(told, commits),
        *_voice_to_voice(told, commits),
        *_playback(told),
    ]
    start_s = min([told[0].at_s, *[child.start_s for child in children]])
    end_s = max([told[-1].at_s, *[child.end_s for child in children]])
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


def _drafts(told: Sequence[events.Event], commits: Sequence[events.TurnCommitted]) -> Iterator[Span]:
    """Yield each draft: work begins -> its last event but the playback's; the language model's request inside."""
    released = {commit.revision for commit in commits}
    made: dict[int, list[events.Event]] = {}
    for event in told:
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


def _voice_to_voice(told: Sequence[events.Event], commits: Sequence[events.TurnCommitted]) -> Iterator[Span]:
    """Yield last voiced sample -> first audible sample, with the stages between them: one behind the other, no gap."""
    commit = commits[-1] if commits else None
    if commit is None or commit.speech_end_s is None:
        return
    first = dict[type[events.Fact], float]()
    for event in told:
        if event.revision == commit.revision:
            first.setdefault(type(event), event.at_s)
    if events.PlaybackStarted not in first or not all(mark in first for _, mark in STAGES):
        return
    instants: list[float] = [commit.speech_end_s, *(first[mark] for _, mark in STAGES)]
    ready_s, audible_s = max(instants[-1], commit.at_s), content_s(told, commit.revision)
    assert audible_s is not None
    names = [*(name for name, _ in STAGES), "hold", "device"]
    bounds = [*instants, ready_s, audible_s]
    stages = tuple(
        Span(name, start_s, end_s) for name, start_s, end_s in zip(names, bounds, bounds[1:], strict=False)
    )
    yield Span(
        "voice to voice",
        commit.speech_end_s,
        audible_s,
        stages,
        {"voice_app.voice_to_voice_ms": round((audible_s - commit.speech_end_s) * 1000, 3)},
    )


STAGES: tuple[tuple[str, type[events.Fact]], ...] = (
    ("endpoint", events.DraftCreated),
    ("stt", events.TranscriptCompleted),
    ("turn detection", events.EndpointPredicted),
    ("request", events.ResponseCreated),
    ("llm first token", events.ResponseTextDelta),
    ("llm first clause", events.ClauseReady),
    ("tts first sound", events.AudioDelta),
)
"""The stages of a reply and the event that ends each; "request" is the wait where drafting does not pay."""


def _playback(told: Sequence[events.Event]) -> Iterator[Span]:
    """Yield first audible sample -> the reply heard to its end, or cut off."""
    started = [event.at_s for event in told if isinstance(event, events.PlaybackStarted)]
    ended = [event for event in told if isinstance(event, events.PlaybackStopped | events.PlaybackCleared)]
    if started and ended and ended[-1].at_s >= started[-1]:
        cut = isinstance(ended[-1], events.PlaybackCleared)
        yield Span("playback", started[-1], ended[-1].at_s, (), {"voice_app.cut_off": cut})
