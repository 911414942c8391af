"""A turn detector with declared answers, for tests that need exact time."""

from __future__ import annotations

import time
from collections.abc import Callable

from inference.protocols import Chat
from inference.types import Message, Spend


class ScriptedTurnDetector:
    """Answers as a function of the last message's text says, in declared seconds."""

    def __init__(
        self, answer: Callable[[str], float | None], seconds: float = 0.0, spend: Spend = time.sleep
    ) -> None:
        self._answer, self._seconds, self._spend = answer, seconds, spend

    def finished(self, chat: Chat, messages: tuple[Message, ...]) -> float | None:
        """Return the declared probability, whichever chat is given."""
        self._spend(self._seconds)
        return self._answer(messages[-1].content)
