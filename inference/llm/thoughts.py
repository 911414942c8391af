"""Thoughts in a model's own text, as DeepSeek, Qwen and others write them: `<think>…</think>` before the answer."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass, replace

from inference.types import ChatRequest, Delta, Done, Text, Thought, Usage

OPEN, CLOSE = "<think>", "</think>"


def begun(text: str, mark: str) -> int:
    """Return how many characters at the end of a text may be the beginning of a mark."""
    return next((length for length in range(len(mark) - 1, 0, -1) if text.endswith(mark[:length])), 0)


@dataclass(slots=True)
class ThoughtParser:
    """Parts a text that comes piece by piece into thoughts and the rest; how it is cut makes no difference.

    A text that is in no thought loses a stray closing mark, and the white space after a thought.
    """

    inside: bool = False
    _held: str = ""
    _after_thought: bool = False

    def push(self, text: str) -> tuple[str, str]:
        """Return the thoughts and the rest that are certain by now."""
        self._held += text
        thoughts = rest = ""
        while (found := self._next_mark()) is not None:
            place, mark = found
            before, self._held = self._held[:place], self._held[place + len(mark) :]
            thoughts, rest = (
                (thoughts + before, rest) if self.inside else (thoughts, rest + self._kept(before))
            )
            self.inside, self._after_thought = mark == OPEN, True
        sure = len(self._held) - max(begun(self._held, OPEN), begun(self._held, CLOSE))
        before, self._held = self._held[:sure], self._held[sure:]
        return (thoughts + before, rest) if self.inside else (thoughts, rest + self._kept(before))

    def flush(self) -> tuple[str, str]:
        """Return what is left: the beginning of a mark that never came."""
        before, self._held = self._held, ""
        return (before, "") if self.inside else ("", self._kept(before))

    def _next_mark(self) -> tuple[int, str] | None:
        found = [(place, mark) for mark in (OPEN, CLOSE) if (place := self._held.find(mark)) >= 0]
        return min(found, default=None)

    def _kept(self, text: str) -> str:
        """Return a text that is in no thought, without the white space after one."""
        kept = text.lstrip() if self._after_thought else text
        self._after_thought = self._after_thought and not kept
        return kept


def with_thoughts(
    deltas: Generator[Delta, None, None], request: ChatRequest, usage: Callable[[], Usage], *, begun: bool
) -> Generator[Delta, None, None]:
    """Take the thoughts out of a reply's text. There is one Text or Thought a token still.

    Neither has more tokens than the request says; `deltas` may have as many as both together, `usage` tells what they
    took. `begun` says whether the prompt ends inside a thought.
    """
    parser, written, thought = ThoughtParser(begun), 0, 0
    end = Done(Usage(), "length")
    with closing(deltas):
        for delta in deltas:
            if isinstance(delta, Done):
                end = delta
                break
            if not isinstance(delta, Text):
                yield delta
                continue
            was_inside = parser.inside
            inside, outside = parser.push(delta.text)
            if not outside and (inside or was_inside or parser.inside):
                thought += 1
                yield Thought(inside, delta.id)
            else:
                written += 1
                if inside:
                    yield Thought(inside, -1)
                yield replace(delta, text=outside)
            if written == request.max_tokens or thought >= max(1, request.max_thoughts):
                end = Done(usage(), "length")
                break
    inside, outside = parser.flush()
    if inside:
        yield Thought(inside, -1)
    if outside:
        yield Text(outside, -1)
    yield end
