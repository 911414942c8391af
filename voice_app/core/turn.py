"""Ways to answer a turn. The language model's is the last one; each of the others may take a turn by its words.

A way is drafted like any reply: it may be dropped at any moment, so whatever else it does than speak is an effect,
`context.reply.when_released(...)`, and happens once, when the turn is over, before the answer is audible.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass

from inference.types import ChatRequest, Message, Sampling, Token
from voice_app.core import events
from voice_app.core.pipeline import Engines, Reply, ReplyStyle, written

NO_MODEL = -1
"""Token id of words that the program says, not the language model."""


@dataclass(frozen=True, slots=True)
class TurnContext:
    """A turn that wants an answer, and what one may be made with."""

    text: str
    """The user's words."""
    messages: tuple[Message, ...]
    """The chat with these words as its last message."""
    persona: tuple[Message, ...]
    """With which the chat begins."""
    engines: Engines
    style: ReplyStyle
    reply: Reply
    emit: events.Emit

    @property
    def earlier(self) -> tuple[Message, ...]:
        """The turns before this one, a message each of the user and the assistant."""
        return self.messages[len(self.persona) : -1]

    @property
    def unanswered(self) -> str:
        """What the user said before and heard no answer to, a line each turn, as this turn's message has it; or ""."""
        return self.messages[-1].content.removesuffix(self.text).removesuffix("\n") if self.messages else ""

    def written(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int | None = None,
        grammar: str | None = None,
        sampling: Sampling | None = None,
    ) -> AsyncGenerator[Token, None]:
        """Yield what the language model writes to `messages`, in the persona's style unless told otherwise.

        Raises PromptTooLong, GrammarError.
        """
        style = self.style
        request = ChatRequest(
            tuple(messages),
            max_tokens or style.max_tokens,
            sampling or style.sampling,
            grammar or style.grammar,
            self.reply.cancelled,
        )
        return written(self.engines, request, self.reply)


Answer = AsyncGenerator[Token, None]
Skill = Callable[[TurnContext], Answer | None]
"""Returns the words of the answer as they come, or at once None where it has none to these words."""


def text_delta(text: str) -> Token:
    """Return words that the program says."""
    return Token(text, NO_MODEL)


def answer(context: TurnContext, skills: Sequence[Skill]) -> Answer:
    """Return the answer of the first way that has one, else the language model's."""
    for way in skills:
        found = way(context)
        if found is not None:
            return found
    return context.written(context.messages)


async def announcement(text: str) -> Answer:
    """Say what nobody asked for."""
    yield text_delta(text)
