"""Turns of a chat as skills see them: the router, a language model that says the same, effects done at once."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

from inference.protocols import ChoosingChat
from inference.types import ChatRequest, Message, Text
from voice_app.core import events
from voice_app.core.history import History
from voice_app.core.turn import NO_MODEL, Engines, Reply, ReplyStyle, TurnContext
from voice_app.skills.followed import calls_before
from voice_app.skills.router import Route, Router, route
from voice_app.skills.skill import Skill
from voice_app.skills.utterance import Utterance

BY_MODEL = "It is Paris."
"""What the language model says unless a test has it say something else."""


class InLine:
    """A scheduler that runs work at once."""

    async def call(self, priority: object, work: Callable[[], Any], *, on: object) -> Any:
        return work()


class ScriptedTurn(TurnContext):
    """A turn in which the language model writes `replies`, one a request, the last one again and again."""

    __slots__ = ("replies", "requests")

    def written(self, messages: Sequence[Message], **options: Any) -> AsyncGenerator[Text, None]:
        object.__getattribute__(self, "requests").append(ChatRequest(tuple(messages), **options))
        replies = object.__getattribute__(self, "replies")

        async def say() -> AsyncGenerator[Text, None]:
            yield Text(replies.pop(0) if len(replies) > 1 else replies[0], NO_MODEL)

        return say()


@dataclass
class Talk:
    """A chat with some skills. `say` holds a turn."""

    skills: tuple[Skill, ...]
    replies: list[str] = field(default_factory=lambda: [BY_MODEL])
    chooser: ChoosingChat | None = None
    """Who tells what words are for."""
    log: list[events.Event] = field(default_factory=list)
    requests: list[ChatRequest] = field(default_factory=list)
    """What the language model was asked."""
    history: History = field(default_factory=lambda: History(()))
    """The turns so far, as far as they were heard."""

    def turn(self, text: str) -> ScriptedTurn:
        """Return a turn after those so far."""
        engines = cast(Engines, SimpleNamespace(fillers=(), scheduler=InLine(), chooser=self.chooser))
        messages, turns = self.history.messages(text), self.history.turns
        turn = ScriptedTurn(text, messages, (), engines, ReplyStyle(), Reply(), self._emit, turns)
        object.__setattr__(turn, "replies", self.replies)
        object.__setattr__(turn, "requests", self.requests)
        return turn

    async def say(self, text: str) -> str:
        """Hold a turn that is over at once, heard to its end; return the answer."""
        turn = self.turn(text)
        answer = Router(self.skills)(turn) or turn.written(turn.messages)
        turn.reply.release()
        said = "".join([token.text async for token in answer])
        self.history.add(text, said, turn.reply.made)
        return said

    @property
    def messages(self) -> list[Message]:
        """The turns so far as they were said; may be set to turns of chat."""
        return [message for turn in self.history.turns for message in turn.spoken]

    @messages.setter
    def messages(self, said: Sequence[Message]) -> None:
        self.history = History(())
        for user, assistant in zip(said[::2], said[1::2], strict=True):
            self.history.add(user.content, assistant.content)

    def routed(self, text: str) -> Route | None:
        """Return whose turn this would be."""
        turn = self.turn(text)
        return route(Utterance.of(text), self.skills, turn.earlier, calls_before(turn.turns))

    def of(self, kind: type[events.Fact]) -> list[events.Fact]:
        """Return the events of a kind."""
        return [event for event in self.log if isinstance(event, kind)]

    def _emit(self, event: events.Event, /, *, at_s: float | None = None) -> None:
        self.log.append(event)
