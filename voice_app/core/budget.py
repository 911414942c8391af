"""The latency budget: 300 ms from the last voiced sample to the first audible one, split over the stages.

Pure. `Estimates` learns from the times of turns, `plan` decides from them, before a reply is drafted, what must be
done to keep within the budget, and says why.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace

from voice_app.core.stages import TurnTimes

NATURAL_TOKENS = 9
"""Tokens that end a first clause at its punctuation: median of the replies to the questions of `tests/bench`."""
SHORT_TOKENS = 6
"""The same where the first clause may end between two phrases."""
OPENER_FROM = 2.0
"""Multiple of the budget from which an opener is worth it: it takes about one itself, and must not delay the reply."""
MEMORY = 0.8
"""How much of an estimate stays when a turn's time comes in."""


@dataclass(frozen=True, slots=True)
class Budget:
    """The allotment of every stage, in seconds. All of them together are the budget."""

    endpoint_s: float = 0.045
    stt_s: float = 0.060
    llm_first_token_s: float = 0.045
    llm_first_clause_s: float = 0.080
    tts_first_sound_s: float = 0.045
    device_s: float = 0.025

    @property
    def total_s(self) -> float:
        """The whole budget."""
        return float(sum(getattr(self, field.name) for field in fields(self)))

    def scaled(self, total_s: float) -> Budget:
        """Return a budget of this total with the same proportions."""
        factor = total_s / self.total_s
        return replace(self, **{field.name: getattr(self, field.name) * factor for field in fields(self)})

    def over(self, times: TurnTimes) -> dict[str, float]:
        """Return by how much each stage of a turn took longer than its allotment, in seconds."""
        spans = {field.name: getattr(times, field.name) for field in fields(self)}
        late = {name: span - getattr(self, name) for name, span in spans.items() if span is not None}
        return {name: seconds for name, seconds in late.items() if seconds > 0}


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


@dataclass(slots=True)
class Estimates:
    """What every stage takes on this machine, in seconds, as measured of late."""

    endpoint_s: float = 0.045
    stt_s: float = 0.060
    llm_first_token_s: float = 0.045
    token_s: float = 0.010
    tts_first_sound_s: float = 0.045
    device_s: float = 0.010
    seen: int = field(default=0)
    """Turns that were learned from; before the first, the values are those of a calibration, or declared."""

    def learn(self, times: TurnTimes, clause_tokens: int) -> None:
        """Take in the times of a turn whose first clause took so many tokens behind the first."""
        self.seen += 1
        for name in ("endpoint_s", "stt_s", "llm_first_token_s", "tts_first_sound_s", "device_s"):
            self._move(name, getattr(times, name))
        if times.llm_first_clause_s is not None and clause_tokens:
            self._move("token_s", times.llm_first_clause_s / clause_tokens)

    def _move(self, name: str, span_s: float | None) -> None:
        if span_s is not None:
            setattr(self, name, MEMORY * getattr(self, name) + (1 - MEMORY) * span_s)

    def reply_s(self) -> float:
        """Return the prediction from known words to the first piece of sound, with a short first clause."""
        return self.llm_first_token_s + SHORT_TOKENS * self.token_s + self.tts_first_sound_s

    def voice_to_voice_s(self, clause_tokens: int) -> float:
        """Return the prediction for a reply whose first clause ends so many tokens behind the first."""
        fixed_s = (
            self.endpoint_s + self.stt_s + self.llm_first_token_s + self.tts_first_sound_s + self.device_s
        )
        return fixed_s + clause_tokens * self.token_s


def plan(budget: Budget, estimates: Estimates) -> Plan:
    """Return what the next reply must do to stay within the budget."""
    predicted_s = estimates.voice_to_voice_s(NATURAL_TOKENS)
    late = predicted_s > budget.total_s
    opener = estimates.voice_to_voice_s(SHORT_TOKENS) > OPENER_FROM * budget.total_s
    cause = f"predicted {predicted_s * 1000:.0f} ms > {budget.total_s * 1000:.0f} ms" if late else ""
    return Plan(late, opener, predicted_s, cause)
