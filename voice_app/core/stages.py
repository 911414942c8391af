"""The stages between the user's last voiced sample and the reply's first audible one. Pure.

The one place that names them: what they took in a turn (`turn_times`), what the budget allots to them (`Budget`), and
what they will take (`Estimates`), from which `plan` decides before a reply is drafted what keeps it within the budget.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from typing import NamedTuple, Self

from voice_app.core import events

NATURAL_TOKENS = 9
"""Tokens that end a first clause at its punctuation: median of the replies to the questions of `tests/bench`."""
SHORT_TOKENS = 6
"""The same where the first clause may end between two phrases."""
OPENER_FROM = 2.0
"""Multiple of the budget from which an opener is worth it: it takes about one itself, and must not delay the reply."""
MEMORY = 0.8
"""How much of an estimate stays when a turn's time comes in."""
TOKEN = "token"
"""The name of `Estimates.token_s` beside those of the stages."""


class Stage(StrEnum):
    """A stage, in the order of a turn; its value is its name in JSON. Together they are all of the time.

    A reply is drafted while it is not yet sure that the turn is over: work and waiting overlap, and `HOLD` is what of
    the wait the work did not cover.
    """

    label: str
    """A word for the terminal."""
    allotment_s: float | None
    """Its part of a budget of `BUDGET_S`; None: the work should cover all of it."""

    def __new__(cls, name: str, label: str, allotment_s: float | None) -> Self:
        """Make a member of its name, label and allotment."""
        stage = str.__new__(cls, name)
        stage._value_ = name
        stage.label, stage.allotment_s = label, allotment_s
        return stage

    ENDPOINT = "endpoint", "endpoint", 0.045
    """Last voiced sample -> work on the reply begins: at the pause that is answered, or at the turn's end."""
    STT = "stt", "stt", 0.060
    """Work begins -> the words are known. 0 for typed text."""
    LLM_FIRST_TOKEN = "llm_first_token", "token", 0.045
    """Words known -> first token, without the wait that `HOLD` has."""
    LLM_FIRST_CLAUSE = "llm_first_clause", "clause", 0.080
    """First token -> first clause given to the voice."""
    TTS_FIRST_SOUND = "tts_first_sound", "sound", 0.045
    """First clause -> first piece of sound."""
    HOLD = "hold", "hold", None
    """Waiting for the turn's end: where drafting does not pay, endpoint predicted -> reply asked for; and first piece
    of sound -> the turn is judged over, 0 where it was before."""
    DEVICE = "device", "device", 0.025
    """First piece of sound and the turn judged over -> its first audible sample; an opener is over by then."""


BUDGET_S = sum(stage.allotment_s or 0.0 for stage in Stage)
"""300 ms from the last voiced sample to the first audible one."""


class Step(NamedTuple):
    """A part of a stage, from where the step before it ended to the first event of a kind in the draft."""

    stage: Stage
    ended_by: type[events.Fact]
    name: str


STEPS = (
    Step(Stage.ENDPOINT, events.DraftCreated, "endpoint"),
    Step(Stage.STT, events.TranscriptCompleted, "stt"),
    Step(Stage.LLM_FIRST_TOKEN, events.EndpointPredicted, "turn detection"),
    Step(Stage.HOLD, events.ResponseCreated, "request"),
    Step(Stage.LLM_FIRST_TOKEN, events.ResponseTextDelta, "llm first token"),
    Step(Stage.LLM_FIRST_CLAUSE, events.ClauseReady, "llm first clause"),
    Step(Stage.TTS_FIRST_SOUND, events.AudioDelta, "tts first sound"),
    Step(Stage.HOLD, events.TurnCommitted, "hold"),
    Step(Stage.DEVICE, events.PlaybackStarted, "device"),
)
"""The steps of a turn in order; their names are those of the spans of a trace."""
MARKS = tuple(step.ended_by for step in STEPS)


@dataclass(frozen=True, slots=True)
class TurnTimes:
    """What the stages of a turn took on this machine, measured, in seconds."""

    spans_s: Mapping[Stage, float]
    """In order; without the stages whose end never came."""
    decision_s: float | None = None
    """Last voiced sample -> the turn is judged over; beside the sum, not in it."""

    @property
    def voice_to_voice_s(self) -> float | None:
        """Last voiced sample of the user -> first audible sample of the reply, not an opener; None for typed text."""
        return sum(self.spans_s.values()) if len(self.spans_s) == len(Stage) else None

    @property
    def decision_to_sound_s(self) -> float | None:
        """Turn judged over -> first audible sample; None for typed text."""
        whole = self.voice_to_voice_s
        return None if whole is None or self.decision_s is None else whole - self.decision_s


def turn_times(log: Iterable[events.Event], turn: int) -> TurnTimes:
    """Return the times of a turn's draft that was released last. Raises ValueError when instants are out of order."""
    told = [event for event in log if event.turn == turn]
    commits = [event for event in told if isinstance(event, events.TurnCommitted)]
    if not commits:
        return TurnTimes({})
    commit = commits[-1]
    bounds, end_s = step_bounds(told, commit), commit.speech_end_s
    known = [instant for instant in bounds if instant is not None]
    if known != sorted(known) or (end_s is not None and commit.at_s < end_s):
        raise ValueError(f"turn {turn}: the instants of the log are out of order: {bounds}")
    spans_s = dict.fromkeys(Stage, 0.0)
    for step, (start_s, stop_s) in zip(STEPS, pairwise(bounds), strict=True):
        if start_s is None or stop_s is None:
            spans_s.pop(step.stage, None)
        elif step.stage in spans_s:
            spans_s[step.stage] += stop_s - start_s
    return TurnTimes(spans_s, None if end_s is None else commit.at_s - end_s)


def step_bounds(told: Iterable[events.Event], commit: events.TurnCommitted) -> list[float | None]:
    """Return where the first of `STEPS` began and where each ended, in the draft that `commit` released.

    `told` are the events of its turn. None stands for an instant that never came, or for the start of typed text.
    """
    draft = [event for event in told if event.revision == commit.revision]
    at: dict[type[events.Fact], float] = {}
    for event in draft:
        at.setdefault(type(event), event.at_s)
    if commit.speech_end_s is None and events.DraftCreated in at:
        at.setdefault(events.TranscriptCompleted, at[events.DraftCreated])
    if events.TranscriptCompleted in at:
        at.setdefault(events.EndpointPredicted, at[events.TranscriptCompleted])
    sound_s = at.get(events.AudioDelta)
    ends: dict[type[events.Fact], float | None] = {
        **at,
        events.TurnCommitted: None if sound_s is None else max(sound_s, commit.at_s),
        events.PlaybackStarted: _audible_s(at, draft),
    }
    return [commit.speech_end_s, *(ends.get(mark) for mark in MARKS)]


def _audible_s(at: Mapping[type[events.Fact], float], draft: Iterable[events.Event]) -> float | None:
    """Return when a draft's own sound is audible first: with the playback, or once it is there after the opener."""
    started_s, sound_s = at.get(events.PlaybackStarted), at.get(events.AudioDelta)
    opener_s = next((event.audio_s for event in draft if isinstance(event, events.OpenerSpoken)), 0.0)
    if started_s is None or not opener_s:
        return started_s
    return None if sound_s is None else max(started_s + opener_s, sound_s)


@dataclass(frozen=True, slots=True)
class Budget:
    """What a turn may take from voice to voice, in seconds, and what of it each stage may."""

    total_s: float = BUDGET_S

    @property
    def allotments_s(self) -> dict[Stage, float]:
        """The part of each stage that has one. All of them together are the budget."""
        scale = self.total_s / BUDGET_S
        return {stage: stage.allotment_s * scale for stage in Stage if stage.allotment_s is not None}

    def over(self, times: TurnTimes) -> dict[Stage, float]:
        """Return by how much each stage of a turn took longer than its allotment, in seconds."""
        allotted_s = self.allotments_s
        return {
            stage: took_s - allotted_s[stage]
            for stage, took_s in times.spans_s.items()
            if took_s > allotted_s.get(stage, math.inf) + 1e-6  # where the sums of floats scatter
        }


DECLARED_S: Mapping[Stage, float] = {
    Stage.ENDPOINT: 0.045,
    Stage.STT: 0.060,
    Stage.LLM_FIRST_TOKEN: 0.045,
    Stage.TTS_FIRST_SOUND: 0.045,
    Stage.DEVICE: 0.010,
}
"""What the stages take before anything was measured: those of a two-core machine with llama.cpp."""


@dataclass(slots=True)
class Estimates:
    """What every stage takes on this machine, in seconds: exponential moving averages of the turns."""

    spans_s: Mapping[Stage, float] = field(default_factory=dict)
    """By the stages of `DECLARED_S`, whose values stand where none is given. Replaced, never changed in place."""
    token_s: float = 0.010
    """A token of the first clause."""
    seen: int = 0
    """Turns that were learned from; before the first, the values are those of a calibration, or declared."""

    def __post_init__(self) -> None:
        self.spans_s = {**DECLARED_S, **self.spans_s}

    def learn(self, times: TurnTimes, clause_tokens: int) -> None:
        """Take in the times of a turn whose first clause took so many tokens after the first."""
        self.seen += 1
        took_s, clause_s = times.spans_s, times.spans_s.get(Stage.LLM_FIRST_CLAUSE)
        self.spans_s = {stage: _moved(mean, took_s.get(stage, mean)) for stage, mean in self.spans_s.items()}
        if clause_s is not None and clause_tokens:
            self.token_s = _moved(self.token_s, clause_s / clause_tokens)

    def reply_s(self) -> float:
        """Return the prediction from known words to the first piece of sound, with a short first clause."""
        return self.spans_s[Stage.LLM_FIRST_TOKEN] + self.clause_sound_s()

    def clause_sound_s(self) -> float:
        """Return the prediction from the first token to the first piece of sound, with a short first clause."""
        return SHORT_TOKENS * self.token_s + self.spans_s[Stage.TTS_FIRST_SOUND]

    def voice_to_voice_s(self, clause_tokens: int) -> float:
        """Return the prediction for a reply whose first clause ends so many tokens after the first."""
        return sum(self.spans_s.values()) + clause_tokens * self.token_s

    def by_name(self) -> dict[str, float]:
        """Return the estimates in the order of the stages, with `TOKEN` where the first clause stands."""
        known = {**self.spans_s, Stage.LLM_FIRST_CLAUSE: self.token_s}
        names: dict[Stage, str] = {Stage.LLM_FIRST_CLAUSE: TOKEN}
        return {names.get(stage, str(stage)): known[stage] for stage in Stage if stage in known}


def _moved(mean: float, value: float) -> float:
    return MEMORY * mean + (1 - MEMORY) * value


@dataclass(frozen=True, slots=True)
class Plan:
    """What a reply does to be in time."""

    short_first_clause: bool
    opener: bool
    """Whether a few words made beforehand bridge the wait."""
    predicted_s: float
    """Voice to voice, with a first clause that ends at its punctuation."""
    cause: str
    """Why, for the log; empty where nothing need be done."""


def plan(budget: Budget, estimates: Estimates) -> Plan:
    """Return what the next reply must do to stay within the budget."""
    predicted_s = estimates.voice_to_voice_s(NATURAL_TOKENS)
    late = predicted_s > budget.total_s
    opener = estimates.voice_to_voice_s(SHORT_TOKENS) > OPENER_FROM * budget.total_s
    cause = f"predicted {predicted_s * 1000:.0f} ms > {budget.total_s * 1000:.0f} ms" if late else ""
    return Plan(late, opener, predicted_s, cause)
