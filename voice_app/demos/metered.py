"""A chat that is watched: what each request was, and when its tokens came."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from inference.protocols import Chat, LanguageModel
from inference.types import ChatRequest, Delta, Text, Usage


@dataclass(slots=True)
class Work:
    """One request of a language model, as far as it got."""

    usage: Usage = Usage()
    """Of its prompt."""
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


class MeteredChat:
    """Passes everything on to a chat of a language model, and keeps the `works` of its replies."""

    def __init__(self, chat: Chat, works: list[Work]) -> None:
        self._chat, self.works = chat, works
        self.prefill, self.restore, self.end_probability = chat.prefill, chat.restore, chat.end_probability
        self.remaining_tokens, self.forget, self.close = chat.remaining_tokens, chat.forget, chat.close

    @property
    def usage(self) -> Usage:
        """See Chat.usage."""
        return self._chat.usage

    def stream(self, request: ChatRequest) -> Iterator[Delta]:
        """Yield the reply; see Chat.stream."""
        work = Work(started_s=time.perf_counter())
        self.works.append(work)
        for delta in self._chat.stream(request):
            if isinstance(delta, Text):
                work.ended_s = time.perf_counter()
                work.first_s = work.first_s or work.ended_s
                work.tokens += 1
                work.emulated_s = delta.emulated_s
                work.usage = self._chat.usage
            yield delta


class MeteredLlm:
    """A language model whose chats keep the `works` of their replies in one list."""

    def __init__(self, llm: LanguageModel) -> None:
        self._llm = llm
        self.works: list[Work] = []
        self.capabilities, self.close = llm.capabilities, llm.close
        self.keep_warm, self.use_threads = llm.keep_warm, llm.use_threads

    def chat(self) -> MeteredChat:
        """Return a new chat. Raises NoFreeChat."""
        return MeteredChat(self._llm.chat(), self.works)
