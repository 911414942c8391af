"""Reading whole replies of a chat."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from inference.protocols import Chat
from inference.types import ChatRequest, Delta, Done, Message, Text, ToolCall


@dataclass(frozen=True)
class Reply:
    """A reply, in parts."""

    tokens: list[Text]
    calls: list[ToolCall]
    done: Done

    @property
    def text(self) -> str:
        return "".join(token.text for token in self.tokens)


def collected(deltas: Iterable[Delta]) -> Reply:
    """Return the parts of a reply, which ends with its only Done."""
    *others, done = deltas
    assert isinstance(done, Done)
    assert not any(isinstance(delta, Done) for delta in others)
    tokens = [delta for delta in others if isinstance(delta, Text)]
    return Reply(tokens, [delta for delta in others if isinstance(delta, ToolCall)], done)


def reply(chat: Chat, *messages: Message, **options: Any) -> Reply:
    """Return what a chat answers."""
    return collected(chat.stream(ChatRequest(messages, **options)))
