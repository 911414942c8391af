"""A language model with declared answers and durations, for tests that need exact time."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence

from inference.types import ChatRequest, Message, Spend, Token


class ScriptedLanguageModel:
    """Answers with the next of `replies`, a word and its white space a token, or as a function of the messages says."""

    def __init__(
        self,
        replies: Sequence[str] | Callable[[tuple[Message, ...]], str],
        *,
        first_token_s: float = 0.1,
        token_s: float = 0.02,
        context_tokens: int = 100_000,
        spend: Spend = time.sleep,
    ) -> None:
        self._replies = replies
        self._next = 0
        self.context_tokens = context_tokens
        self._first_token_s, self._token_s, self._spend = first_token_s, token_s, spend
        self.requests: list[ChatRequest] = []

    def stream(self, request: ChatRequest) -> Iterator[Token]:
        """Yield the scripted reply; see LanguageModel.stream."""
        self.requests.append(request)
        for number, piece in enumerate(re.findall(r"\s*\S+", self._reply(request))):
            if request.cancelled.is_set() or number == request.max_tokens:
                return
            self._spend(self._token_s if number else self._first_token_s)
            yield Token(piece, number)

    def _reply(self, request: ChatRequest) -> str:
        if callable(self._replies):
            return self._replies(request.messages)
        reply = self._replies[min(self._next, len(self._replies) - 1)]
        self._next += 1
        return reply

    def prefill(self, messages: tuple[Message, ...]) -> int:
        """Take no time; everything counts as cached."""
        return 0

    def room(self, messages: tuple[Message, ...]) -> int:
        """Count words as tokens; the context has `context_tokens`."""
        return self.context_tokens - sum(len(message.content.split()) for message in messages)
