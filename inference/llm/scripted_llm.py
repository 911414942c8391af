"""A language model with declared answers and durations, for tests that need exact time."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence

from inference.errors import NoFreeChat
from inference.types import (
    ChatRequest,
    Delta,
    Done,
    LlmCapabilities,
    Message,
    Reason,
    Spend,
    Text,
    Thought,
    Tool,
    ToolCall,
    Usage,
)

Script = str | Sequence[str | ToolCall | Thought]
"""A reply: words, or words, calls and thoughts."""


class ScriptedLanguageModel:
    """Every chat answers with the next of `replies`, or as a function of the messages says.

    A word and the white space before it are a token; a call takes no time.
    """

    def __init__(
        self,
        replies: Sequence[Script] | Callable[[tuple[Message, ...]], Script],
        *,
        first_token_s: float = 0.1,
        token_s: float = 0.02,
        context_tokens: int = 100_000,
        chats: int = 1,
        spend: Spend = time.sleep,
    ) -> None:
        self.replies = replies
        self.first_token_s, self.token_s, self.spend = first_token_s, token_s, spend
        self.capabilities = LlmCapabilities(context_tokens, chats, tools=True)
        self.requests: list[ChatRequest] = []
        """Of all chats, in order."""
        self._open: set[ScriptedChat] = set()

    def chat(self) -> ScriptedChat:
        """Return a chat that begins with the first reply. Raises NoFreeChat."""
        if len(self._open) == self.capabilities.chats:
            raise NoFreeChat(self.capabilities.chats)
        chat = ScriptedChat(self, self._open.discard)
        self._open.add(chat)
        return chat

    def keep_warm(self) -> None:
        """Take no time."""

    def use_threads(self, threads: int) -> None:
        """Have none."""

    def close(self) -> None:
        """Hold nothing."""


class ScriptedChat:
    """A chat with its own place in the script."""

    def __init__(self, llm: ScriptedLanguageModel, closed: Callable[[ScriptedChat], None]) -> None:
        self._llm, self._closed = llm, closed
        self._next = 0
        self.usage = Usage()
        """See Chat.usage."""

    def stream(self, request: ChatRequest) -> Iterator[Delta]:
        """Yield the scripted reply; see Chat.stream."""
        llm, number, begun = self._llm, 0, False
        llm.requests.append(request)
        reason: Reason = "stop"
        prompt = _words(request.messages)
        self.usage = Usage(prompt, prompt)
        for piece in self._pieces(request):
            if request.cancelled.is_set() or number == request.max_tokens:
                reason = "cancelled" if request.cancelled.is_set() else "length"
                break
            if isinstance(piece, ToolCall):
                reason = "tool_calls"
                yield piece
                continue
            llm.spend(llm.token_s if begun else llm.first_token_s)
            begun = True
            if isinstance(piece, Thought):
                yield piece
                continue
            number += 1
            self.usage = Usage(prompt, prompt, number)
            yield Text(piece, number - 1)
        yield Done(self.usage, reason)

    def _pieces(self, request: ChatRequest) -> Iterator[str | ToolCall | Thought]:
        replies = self._llm.replies
        if callable(replies):
            script = replies(request.messages)
        else:
            script = replies[min(self._next, len(replies) - 1)]
            self._next += 1
        for part in (script,) if isinstance(script, str) else script:
            yield from (part,) if isinstance(part, ToolCall | Thought) else re.findall(r"\s*\S+", part)

    def prefill(self, messages: tuple[Message, ...], tools: tuple[Tool, ...] = ()) -> int:
        """Take no time; everything counts as cached."""
        return 0

    def remaining_tokens(self, messages: tuple[Message, ...]) -> int:
        """Count words as tokens."""
        return self._llm.capabilities.context_tokens - _words(messages)

    def restore(self, messages: tuple[Message, ...], tools: tuple[Tool, ...] = ()) -> bool:
        """Take no time; nothing was saved."""
        return False

    def end_probability(
        self, messages: tuple[Message, ...], ending: re.Pattern[str], marks: str = ""
    ) -> float | None:
        """Tell nothing: `ScriptedTurnDetector` does."""
        return None

    def forget(self) -> None:
        """Take no time."""

    def close(self) -> None:
        """Leave its place to another chat."""
        self._closed(self)


def _words(messages: tuple[Message, ...]) -> int:
    return sum(len(message.content.split()) for message in messages)
