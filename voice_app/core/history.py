"""What was said and heard, as the messages of the next request. Append-only, so that the model's cache stays valid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from inference.text import Clause
from inference.types import Message, ToolCall, WordEnd


@dataclass(slots=True)
class SpokenClause:
    """A clause that went to the loudspeaker."""

    clause: Clause
    start_s: float
    """Where its sound starts in the reply's sound."""
    rate_hz: int
    words: tuple[WordEnd, ...]
    end_s: float


@dataclass(slots=True)
class SpokenReply:
    """The clauses of a reply in the order of their sound."""

    clauses: list[SpokenClause] = field(default_factory=list)

    def heard(self, played_s: float) -> str:
        """Return the text whose sound was played to `played_s`, to the word.

        A clause heard whole counts as it was written; one cut off, as it was spoken.
        """
        text = ""
        for spoken in self.clauses:
            if spoken.end_s <= played_s:
                text += spoken.clause.raw
                continue
            inside = round((played_s - spoken.start_s) * spoken.rate_hz)
            end = max((word.text_end for word in spoken.words if word.end_sample <= inside), default=0)
            return (text + spoken.clause.text[:end]).strip()
        return text.strip()


@dataclass(slots=True)
class SkillCall:
    """What a skill was asked for in a turn, and what came of it."""

    skill: str
    arguments: str
    """A JSON object."""
    output: str = ""
    """What was said of it."""
    kind: Literal["answer", "deed", "question", "refusal"] = "answer"
    """Whether something was told, something was done, the user was asked back, or nothing could be done."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A turn, and what was heard of its reply."""

    user: str
    heard: str
    calls: tuple[SkillCall, ...] = ()

    @property
    def spoken(self) -> tuple[Message, ...]:
        """Return what was said by both."""
        return (Message("user", self.user), Message("assistant", self.heard))

    @property
    def is_shown(self) -> bool:
        """Whether a language model sees the turn as it was said.

        What was done, refused or asked back is nothing to be imitated: a model that has read "The timer is set." says
        it again where no timer is.
        """
        return bool(self.heard) and all(call.kind == "answer" for call in self.calls)

    @property
    def is_open(self) -> bool:
        """Whether it is still to be answered: nothing was heard of its reply, and nothing was done."""
        return not self.heard and all(call.kind != "deed" for call in self.calls)

    def as_calls(self, number: int) -> tuple[Message, ...]:
        """Return the turn as calls of tools and their results; `number` is its place in the chat."""
        ids = [f"call_{number}_{place}" for place in range(len(self.calls))]
        made = tuple(
            ToolCall(id_, call.skill, call.arguments) for id_, call in zip(ids, self.calls, strict=True)
        )
        results = [
            Message("tool", call.output, call_id=id_) for id_, call in zip(ids, self.calls, strict=True)
        ]
        return (Message("user", self.user), Message("assistant", "", made), *results)


class History:
    """The persona's messages, then the turns, users and assistant in strict alternation as many templates demand."""

    def __init__(self, persona: Sequence[Message]) -> None:
        self.persona = tuple(persona)
        self._turns: list[Exchange] = []

    def messages(self, user: str) -> tuple[Message, ...]:
        """Return the request for a reply to `user`. What had no audible answer is asked again with it."""
        turns, unanswered = self._open_end()
        shown = [message for turn in turns if turn.is_shown for message in turn.spoken]
        return (*self.persona, *shown, Message("user", unanswered + user))

    @property
    def turns(self) -> tuple[Exchange, ...]:
        """Return the turns that had an answer, also those that a language model does not see."""
        return tuple(self._open_end()[0])

    def ended_by(self, words: str | None) -> Exchange | None:
        """Return the last turn, answered or not, if it ends with these words of the user."""
        last = self._turns[-1] if self._turns else None
        return last if last and words and last.user.endswith(words) else None

    @property
    def called(self) -> tuple[Message, ...]:
        """Return the turns of skills as calls of tools and their results."""
        return tuple(
            message
            for number, turn in enumerate(self._turns)
            if turn.calls
            for message in turn.as_calls(number)
        )

    def add(self, user: str, heard: str, calls: Sequence[SkillCall] = ()) -> None:
        """Remember a turn, what was heard of its reply, and what was done in it."""
        turns, unanswered = self._open_end()
        self._turns = [*turns, Exchange(unanswered + user, heard, tuple(calls))]

    def take_back(self, turn: Exchange) -> None:
        """Forget a turn that is to be answered anew, if it is the last."""
        if self._turns and self._turns[-1] == turn:
            del self._turns[-1]

    def forget_oldest(self) -> bool:
        """Forget the oldest turn; return False when none is left."""
        if not self._turns:
            return False
        del self._turns[:1]
        return True

    def forget_older_half(self) -> None:
        """Forget half of the turns, the oldest; what is forgotten one by one must all be read again every time."""
        del self._turns[: -(-len(self._turns) // 2)]

    def _open_end(self) -> tuple[list[Exchange], str]:
        if self._turns and self._turns[-1].is_open:
            return self._turns[:-1], self._turns[-1].user + "\n"
        return self._turns, ""
