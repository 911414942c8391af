"""What was said and heard, as the messages of the next request. Append-only, so that the model's cache stays valid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from inference.text import Clause
from inference.types import Message, WordEnd


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


class History:
    """The persona's messages, then the turns, users and assistant in strict alternation as many templates demand."""

    def __init__(self, persona: Sequence[Message]) -> None:
        self.persona = tuple(persona)
        self._turns: list[Message] = []

    def messages(self, user: str) -> tuple[Message, ...]:
        """Return the request for a reply to `user`. What had no audible answer is asked again with it."""
        turns, unanswered = self._open_end()
        return (*self.persona, *turns, Message("user", unanswered + user))

    def add(self, user: str, heard: str) -> None:
        """Remember a turn and what was heard of its reply."""
        turns, unanswered = self._open_end()
        self._turns = [*turns, Message("user", unanswered + user)]
        if heard:
            self._turns.append(Message("assistant", heard))

    def forget_oldest(self) -> bool:
        """Forget the oldest turn; return False when none is left."""
        if not self._turns:
            return False
        del self._turns[:2]
        return True

    def forget_older_half(self) -> None:
        """Forget half of the turns, the oldest; what is forgotten one by one must all be read again every time."""
        del self._turns[: -(-len(self._turns) // 4) * 2]

    def _open_end(self) -> tuple[list[Message], str]:
        if self._turns and self._turns[-1].role == "user":
            return self._turns[:-1], self._turns[-1].content + "\n"
        return self._turns, ""
