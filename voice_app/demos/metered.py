"""A language model that is watched: what each request was, and when its tokens came."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from inference.protocols import LanguageModel
from inference.types import ChatRequest, Message, Token


@dataclass(slots=True)
class Work:
    """One request of a language model, as far as it got."""

    prompt_tokens: int = 0
    cached_tokens: int = 0
    """Of the prompt, that were in the cache already."""
    tokens: int = 0
    started_s: float = 0.0
    """On `time.perf_counter`; the next two as well."""
    first_s: float = 0.0
    """When its first token was there."""
    ended_s: float = 0.0
    emulated_s: float | None = None
    """When an emulated chip would have had its last token, from its start; None on real hardware."""

    @property
    def seconds(self) -> float:
        """Measured on this machine, the waits between its tokens included."""
        return max(0.0, self.ended_s - self.started_s)


class MeteredLlm:
    """Passes everything on to a language model, and keeps the `works` of its replies."""

    def __init__(self, llm: LanguageModel) -> None:
        self._llm = llm
        self.works: list[Work] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._llm, name)

    def stream(self, request: ChatRequest) -> Iterator[Token]:
        """Yield the reply's tokens; see LanguageModel.stream."""
        work = Work(started_s=time.perf_counter())
        self.works.append(work)
        for token in self._llm.stream(request):
            work.ended_s = time.perf_counter()
            work.first_s = work.first_s or work.ended_s
            work.tokens += 1
            work.emulated_s = token.emulated_s
            work.prompt_tokens = getattr(self._llm, "prompt_tokens", 0)
            work.cached_tokens = getattr(self._llm, "cached_tokens", 0)
            yield token

    def prefill(self, messages: tuple[Message, ...]) -> int:
        """Bring a chat into the cache; see LanguageModel.prefill."""
        return self._llm.prefill(messages)

    def room(self, messages: tuple[Message, ...]) -> int:
        """Return how many tokens are left for a reply; see LanguageModel.room."""
        return self._llm.room(messages)
