"""What a language model takes that does not run here: declared, or of an emulated chip."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from voice_app.core.stages import TOKEN, Estimates, Stage

if TYPE_CHECKING:
    from lpu_backend.system.pipeline_steps import Steps

CHAT_TOKENS, TURN_TOKENS = 240, 14
"""Emulated times are of a chat of so many cached tokens, and so many new ones, as a persona and a bundled question have
after the partial transcripts."""


@dataclass(frozen=True, slots=True)
class LlmTimes:
    """What a token of a language model and a turn's first one take, in seconds; None: nothing is said of it."""

    token_s: float | None = None
    first_token_s: float | None = None

    @classmethod
    def of_ms(cls, token_ms: float | None, first_token_ms: float | None) -> Self:
        """Return times that are given in milliseconds."""
        return cls(*(None if ms is None else ms / 1000 for ms in (token_ms, first_token_ms)))


UNKNOWN = LlmTimes()


def emulated_times(steps: Steps) -> LlmTimes:
    """Return what the emulated chip takes, the host link included."""
    cycles = steps.decode_cycles(CHAT_TOKENS + TURN_TOKENS), steps.prefill_cycles(TURN_TOKENS, CHAT_TOKENS)
    return LlmTimes(*(count / steps.clock_hz + steps.link_s for count in cycles))


def estimated(here: Estimates, declared: LlmTimes, emulated: LlmTimes) -> tuple[Estimates, dict[str, str]]:
    """Return estimates with a language model's times in their place, and the basis of each that was replaced.

    Declared times take precedence over emulated ones.
    """
    spans_s, token_s, bases = dict(here.spans_s), here.token_s, dict[str, str]()
    for times, basis in ((emulated, "emulated"), (declared, "declared")):
        if times.token_s is not None:
            token_s, bases[TOKEN] = times.token_s, basis
        if times.first_token_s is not None:
            spans_s[Stage.LLM_FIRST_TOKEN], bases[Stage.LLM_FIRST_TOKEN] = times.first_token_s, basis
    return replace(here, spans_s=spans_s, token_s=token_s), bases
