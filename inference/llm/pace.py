"""When tokens are due: the emulated time of a compiled model, and whether tokens wait for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol

from inference.types import Cancel, Token
from lpu_backend.interface import StepTiming


class Counted(Protocol):
    """A language model that says what of a request was new to it."""

    prompt_tokens: int
    cached_tokens: int


@dataclass(frozen=True, slots=True)
class Overrun:
    """How far the host fell behind the emulated chip in a reply: late tokens of it, and by how much at most."""

    late_tokens: int = 0
    tokens: int = 0
    worst_s: float = 0.0


class Pace:
    """Stamps tokens with emulated time, and releases them no earlier where `paced`.

    Without a `timing` tokens have no emulated time, and nothing waits. A host that is slower than the chip makes
    tokens late: `overrun` says how late those of the last reply were.
    """

    def __init__(
        self,
        timing: StepTiming | None,
        *,
        paced: bool = False,
        clock_s: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.timing = timing
        self.paced = paced and timing is not None
        self._clock_s = clock_s
        self.overrun = Overrun()
        """Of the last reply; zeros where tokens don't wait."""
        self.position = 0
        """Where the last token's step appended to the chip's cache."""

    def prepare(self, positions: int) -> None:
        """Ask once for the time of every step, so that no program is compiled inside a reply.

        Takes a minute or two the first time on a machine; the programs' cycles are kept on disk.
        """
        if self.timing is not None:
            self.timing.prefill_cycles(positions, 0)
            for position in range(0, positions, 128):
                self.timing.decode_cycles(position)

    def stamped(self, model: Counted, tokens: Iterator[Token], cancelled: Cancel) -> Iterator[Token]:
        """Yield tokens with the time the chip would have them, from the request on: a prefill, then decodes."""
        self.overrun = Overrun()
        started_s, due_s = self._clock_s(), 0.0
        for number, token in enumerate(tokens):
            if self.timing is None:
                yield token
                continue
            due_s += step_s(self.timing, model, number)
            self.position = model.prompt_tokens + max(number - 1, 0)
            if self.paced and not self._wait(started_s + due_s, cancelled):
                return
            yield replace(token, emulated_s=due_s)

    def _wait(self, due_s: float, cancelled: Cancel) -> bool:
        """Wait until a token is due, and count it; return False when cancelled meanwhile."""
        early_s = due_s - self._clock_s()
        late, before = early_s < 0, self.overrun
        self.overrun = Overrun(
            before.late_tokens + late, before.tokens + 1, max(before.worst_s, -early_s, 0.0)
        )
        return not (cancelled.wait(early_s) if early_s > 0 else cancelled.is_set())


def step_s(timing: StepTiming, model: Counted, number: int) -> float:
    """Return the seconds of the step that makes token `number` of a reply: its cycles, and the host link.

    A prompt that was cached whole, with its logits, takes no step.
    """
    new = model.prompt_tokens - model.cached_tokens
    if number == 0 and new == 0:
        return 0.0
    if number == 0:
        cycles = timing.prefill_cycles(new, model.cached_tokens)
    else:
        cycles = timing.decode_cycles(model.prompt_tokens + number - 1)
    return cycles / timing.clock_hz + timing.link_s
