"""The emulated time of a compiled model for the tokens of any language model, and whether they wait for it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

from inference.protocols import Chat, LanguageModel
from inference.types import ChatRequest, Delta, Done, Message, Text, Thought, Usage
from lpu_backend.interface import StepTiming


@runtime_checkable
class Summarised(Protocol):
    """Times of compiled programs, which say more than times."""

    def cut(self, tokens: int, position: int) -> Iterator[tuple[int, int]]:
        """Return the steps that append tokens at a position, as rows and bucket."""
        ...

    def summary(self, rows: int, positions: int) -> Mapping[str, Any]:
        """Return what a step costs."""
        ...


@dataclass(frozen=True, slots=True)
class Pace:
    """When the tokens of an emulated chip are there, and whether they are released no earlier.

    Without a `timing` tokens have no emulated time, and nothing waits.
    """

    timing: StepTiming | None
    paced: bool = False
    clock_s: Callable[[], float] = time.perf_counter

    def prepare(self, positions: int) -> None:
        """Ask once for the time of every step, so that no program is compiled inside a reply.

        Takes a minute or two the first time on a machine; the programs' cycles are kept on disk.
        """
        if self.timing is not None:
            self.timing.prefill_cycles(positions, 0)
            for position in range(0, positions, 128):
                self.timing.decode_cycles(position)


class Paced:
    """A language model at the pace of an emulated chip: tokens are as they were, and carry its time."""

    def __init__(self, llm: LanguageModel, pace: Pace) -> None:
        self._llm, self.pace = llm, pace
        self.capabilities = llm.capabilities
        self.keep_warm, self.use_threads, self.close = llm.keep_warm, llm.use_threads, llm.close

    def chat(self) -> PacedChat:
        """Return a new chat. Raises NoFreeChat."""
        return PacedChat(self._llm.chat(), self.pace)


class PacedChat:
    """A chat whose tokens have emulated time: that of a prefill, then of decodes, from the request on.

    A host that is slower than the chip makes tokens late; `Done` says how many.
    """

    def __init__(self, chat: Chat, pace: Pace) -> None:
        self._chat, self._pace = chat, pace
        self.prefill, self.restore, self.remaining_tokens = chat.prefill, chat.restore, chat.remaining_tokens
        self.forget, self.close = chat.forget, chat.close

    @property
    def usage(self) -> Usage:
        """See Chat.usage."""
        return self._chat.usage

    def end_probability(
        self, messages: tuple[Message, ...], ending: re.Pattern[str], marks: str = ""
    ) -> float | None:
        """Return what the chat says; see Chat.end_probability."""
        return self._chat.end_probability(messages, ending, marks)

    def stream(self, request: ChatRequest) -> Iterator[Delta]:
        """Yield the reply with emulated times; see Chat.stream."""
        deltas, timing = self._chat.stream(request), self._pace.timing
        if timing is None:
            yield from deltas
            return
        started_s, due_s = self._pace.clock_s(), 0.0
        tokens = late = 0
        for delta in deltas:
            if isinstance(delta, Text | Thought) and delta.id >= 0:
                due_s += step_s(timing, self._chat.usage, tokens)
                tokens += 1
                early_s = started_s + due_s - self._pace.clock_s() if self._pace.paced else 0.0
                late += early_s < 0
                if self._pace.paced and request.cancelled.wait(max(early_s, 0.0)):
                    continue  # what is left is how it ended
                yield replace(delta, emulated_s=due_s) if isinstance(delta, Text) else delta
            elif isinstance(delta, Done):
                position = delta.usage.prompt_tokens + max(tokens - 2, 0)
                yield replace(delta, usage=on_chip(delta.usage, timing, position, late))
            else:
                yield delta


def step_s(timing: StepTiming, usage: Usage, number: int) -> float:
    """Return the seconds of the step that makes token `number` of a reply: its cycles, and the host link.

    A prompt that was cached whole, with its logits, takes no step.
    """
    new = usage.prompt_tokens - usage.cached_tokens
    if number == 0 and new == 0:
        return 0.0
    if number == 0:
        cycles = timing.prefill_cycles(new, usage.cached_tokens)
    else:
        cycles = timing.decode_cycles(usage.prompt_tokens + number - 1)
    return cycles / timing.clock_hz + timing.link_s


def on_chip(usage: Usage, timing: StepTiming, position: int, late_tokens: int) -> Usage:
    """Return the usage with what the step that appends one token at `position` is to the chips."""
    used = usage.chip_utilisation
    if isinstance(timing, Summarised):
        used = timing.summary(*next(iter(timing.cut(1, position))))["utilisation"]
    cycles = timing.decode_cycles(position)
    return replace(usage, late_tokens=late_tokens, cycles_per_token=cycles, chip_utilisation=used)
