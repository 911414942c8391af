"""The language model as a writer of books: what it wrote, what that took, and an empty cache for every step."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Protocol

from inference.types import ChatRequest, Delta, Usage, texts


class BookChat(Protocol):
    """What of a chat a book needs; see Chat."""

    @property
    def usage(self) -> Usage:
        """Return the token counts of the last request."""
        ...

    def stream(self, request: ChatRequest) -> Iterator[Delta]:
        """Yield a reply."""
        ...

    def forget(self) -> None:
        """Empty the cache, so that the next reply does not depend on earlier ones."""
        ...


@dataclass(slots=True)
class Tally:
    """What a step took. Times are measured, but for `emulated_s`."""

    tokens: int = 0
    compute_s: float = 0.0
    emulated_s: float | None = None
    """What the emulated chip would have taken for the same; None where there is none."""
    requests: int = 0
    prompt_tokens: int = 0
    """That were computed."""
    cached_tokens: int = 0
    """That were in the cache."""
    rejected: int = 0
    """Replies that were not good enough."""
    plain_headings: int = 0
    """Headings that the model did not find."""
    eased: int = 0
    """Paragraphs that were taken although they are only one sentence, or off the topic."""


class Writer:
    """Asks the model, and keeps count."""

    def __init__(self, chat: BookChat) -> None:
        self._chat = chat

    def begin(self) -> None:
        """Start a step: nothing of the steps before stays in the cache."""
        self._chat.forget()

    def text(
        self, request: ChatRequest, tally: Tally, enough: Callable[[str], bool] = lambda _: False
    ) -> str:
        """Return a reply, ended early where `enough` says so of the text so far."""
        started_s, text, emulated_s = time.perf_counter(), "", None
        with closing(self._chat.stream(request)) as deltas:  # type: ignore[type-var]
            for token in texts(deltas):
                text += token.text
                tally.tokens += 1
                emulated_s = token.emulated_s
                if enough(text):
                    break
        tally.requests += 1
        usage = self._chat.usage
        tally.prompt_tokens += usage.prompt_tokens - usage.cached_tokens
        tally.cached_tokens += usage.cached_tokens
        tally.compute_s += time.perf_counter() - started_s
        if emulated_s is not None:
            tally.emulated_s = (tally.emulated_s or 0.0) + emulated_s
        return text
