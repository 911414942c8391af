"""The session in numbers, from events alone. Times are measured unless they are named emulated."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from voice_app.core import events
from voice_app.core.stages import MARKS, Stage, TurnTimes, turn_times
from voice_app.observe.statistics import percentile

KEPT_TURNS = 1000
"""Turns that p50 and p95 are of: the last ones."""
KEPT_DRAFTS = 8


@dataclass(frozen=True, slots=True)
class Writing:
    """How the language model wrote one reply. Rates need two tokens."""

    tokens: int = 0
    asked_s: float | None = None
    first_s: float | None = None
    last_s: float | None = None
    emulated_first_s: float | None = None
    emulated_last_s: float | None = None
    emulated_tokens: int = 0
    done: events.TextDone | None = None

    def with_token(self, token: events.ResponseTextDelta) -> Writing:
        """Return the figures with one more token; words that no model wrote don't count."""
        if token.token_id < 0:
            return self
        emulated_s, chip = token.emulated_s, (self.emulated_first_s, self.emulated_last_s)
        if emulated_s is not None:
            chip = (emulated_s if chip[0] is None else chip[0], emulated_s)
        return Writing(
            self.tokens + 1,
            self.asked_s,
            token.at_s if self.first_s is None else self.first_s,
            token.at_s,
            *chip,
            self.emulated_tokens + (emulated_s is not None),
        )

    @property
    def first_token_s(self) -> float | None:
        """Asked -> first token, measured."""
        return None if self.asked_s is None or self.first_s is None else self.first_s - self.asked_s

    @property
    def tokens_per_s(self) -> float | None:
        """Measured on this machine, while the voice shares it."""
        return _rate(self.tokens, self.first_s, self.last_s)

    @property
    def emulated_tokens_per_s(self) -> float | None:
        """Of the emulated chip."""
        return _rate(self.emulated_tokens, self.emulated_first_s, self.emulated_last_s)


def _rate(count: int, first_s: float | None, last_s: float | None) -> float | None:
    if first_s is None or last_s is None or count < 2 or last_s <= first_s:
        return None
    return (count - 1) / (last_s - first_s)


@dataclass(slots=True)
class TurnLog:
    """The events that say where the time of the latest turns went: of each draft the first of a kind."""

    commit: events.TurnCommitted | None = None
    """The end of the last turn that is over."""
    _first: dict[tuple[int, int], dict[type[events.Fact], events.Event]] = field(default_factory=dict)

    def add(self, event: events.Event) -> None:
        """Keep an event if it counts."""
        key = event.turn, event.revision
        if isinstance(event, events.TurnCommitted):
            self.commit = event
        elif event.revision and isinstance(event, (*MARKS, events.OpenerSpoken)):
            self._first.setdefault(key, {}).setdefault(type(event), event)
            if len(self._first) > KEPT_DRAFTS:
                del self._first[min(self._first)]

    def times(self) -> TurnTimes | None:
        """Return where the time of the last turn that is over went; None before one is, or for a log out of order."""
        commit = self.commit
        if commit is None:
            return None
        marks = self._first.get((commit.turn, commit.revision), {})
        try:
            return turn_times([commit, *marks.values()], commit.turn)
        except ValueError:
            return None


@dataclass(slots=True)
class SessionFigures:
    """Figures over the turns."""

    voice_s: deque[float] = field(default_factory=lambda: deque(maxlen=KEPT_TURNS))
    """Last voiced sample -> first audible one of the reply."""
    typed_s: deque[float] = field(default_factory=lambda: deque(maxlen=KEPT_TURNS))
    """Typed text -> first audible sample."""
    drafts: int = 0
    discarded: int = 0
    turns: int = 0
    cut: int = 0
    """Replies that the user cut off."""

    @property
    def waits_s(self) -> deque[float]:
        """Return the spoken turns' times, or where none was spoken the typed ones'."""
        return self.voice_s or self.typed_s

    def wait_s(self, per_cent: int) -> float | None:
        """Return the wait that so many per cent of the turns kept to, one of theirs; None before the first."""
        return percentile(self.waits_s, per_cent, nearest=True)


def to_sound_s(times: TurnTimes | None, commit: events.TurnCommitted | None) -> float | None:
    """Return how long the user waited for the reply's own sound, from the end of speech or from the typed text."""
    if times is None or commit is None or Stage.DEVICE not in times.spans_s:
        return None
    return times.voice_to_voice_s if commit.speech_end_s is not None else sum(times.spans_s.values())


def used_most(utilisation: Mapping[str, float], most: int = 3) -> list[tuple[str, float]]:
    """Return the chip's busiest units and the share of cycles they are in use."""
    return sorted(utilisation.items(), key=lambda unit: (-unit[1], unit[0]))[:most]
