"""Guessing ahead: what speculative decoding gains, and what many samples cost on either kind of machine.

Acceptance: Y. Leviathan et al., "Fast Inference from Transformers via Speculative Decoding", ICML 2023. A draft model
proposes k tokens, each accepted with probability a; a step of the large model checks them all and adds one of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

from lpu_backend.errors import EstimateError

LONGEST_DRAFT = 64


@dataclass(frozen=True, slots=True)
class Speculation:
    """A gain and what it is made of."""

    draft_tokens: int
    acceptance: float
    tokens_a_round: float
    """Expected: (1 − a^(k+1)) / (1 − a)."""
    round_cost: float
    """Time of a round in plain steps of the large model."""

    @property
    def speedup(self) -> float:
        """Return the speedup: tokens a time over those of plain decoding."""
        return self.tokens_a_round / self.round_cost


def speculate(
    draft_tokens: int, acceptance: float, draft_cost: float, check_cost: float = 1.0
) -> Speculation:
    """Return what a draft length gives.

    `draft_cost`: time of a draft token, `check_cost`: time of the step that checks, both over a plain step.
    """
    if not 0 <= acceptance <= 1 or not 0 <= draft_tokens <= LONGEST_DRAFT:
        raise EstimateError(
            f"{draft_tokens} guesses accepted with probability {acceptance}: take 0 to {LONGEST_DRAFT} guesses, "
            "and a probability"
        )
    tokens = (
        draft_tokens + 1.0 if acceptance == 1 else (1 - acceptance ** (draft_tokens + 1)) / (1 - acceptance)
    )
    return Speculation(draft_tokens, acceptance, tokens, draft_tokens * draft_cost + check_cost)


def best_draft(acceptance: float, draft_cost: float, check_cost: float = 1.0) -> Speculation:
    """Return the draft length that gains most; none at all where guessing does not pay."""
    lengths = (
        speculate(length, acceptance, draft_cost, check_cost if length else 1.0)
        for length in range(LONGEST_DRAFT + 1)
    )
    return max(lengths, key=lambda found: found.speedup)


def needed_acceptance(speedup: float, draft_cost: float, check_cost: float = 1.0) -> Speculation | None:
    """Return the smallest acceptance (to 0.0001) with which the best draft gains so much; None where none does."""
    low, high = 0, 10_000
    if best_draft(1.0, draft_cost, check_cost).speedup < speedup:
        return None
    while low < high:
        middle = (low + high) // 2
        if best_draft(middle / 10_000, draft_cost, check_cost).speedup >= speedup:
            high = middle
        else:
            low = middle + 1
    return best_draft(high / 10_000, draft_cost, check_cost)


def pipelined_samples_s(samples: int, tokens: int, step_s: float, slowest_s: float) -> float:
    """Return the seconds a pipeline takes for `samples` answers of `tokens` each: all in flight, one a stage.

    A token of one sample takes `step_s` through all stages; another sample's may follow `slowest_s` later.
    """
    return tokens * max(step_s, samples * slowest_s)
