"""What a language model streams beside the words of its reply: thoughts, calls, notices, and how it ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from inference.types import Done, Notice, Text, Thought, ToolCall, Usage
from voice_app.core import events
from voice_app.core.ports import Emit

NO_ANSWER = "I have thought about it, but I have no answer yet."
CAN_NOT = "I can't do that."


@dataclass(slots=True)
class Beside:
    """Takes in what is no word of a reply, and knows what to say where there is none at all."""

    emit: Emit
    bridge: Callable[[], None]
    """Called when the model begins to think before it answers."""
    end_bridge: Callable[[], None]
    """Called when words of the answer come."""
    usage: Usage = Usage()
    instead: str = ""
    """What to say where no words came: the thoughts came to no end, or the model called what nobody offered."""
    _answered: bool = False

    def answers(self, token: Text) -> None:
        """Take in a token of the answer."""
        if token.text.strip() and not self._answered:
            self._answered, self.instead = True, ""
            self.end_bridge()

    def heed(self, delta: Thought | ToolCall | Notice | Done) -> None:
        """Take in what is no word."""
        match delta:
            case Thought() if delta.text.strip() and not self._answered:
                self.instead = NO_ANSWER
                self.bridge()
            case ToolCall() if not self._answered:
                self.instead = CAN_NOT
            case Notice(cause, action):
                told = events.BudgetAction(action=action, cause=cause)
                self.emit(told if action else events.Noticed(message=cause))
            case Done():
                self.usage = delta.usage
                self.instead = "" if delta.reason == "cancelled" else self.instead
            case _:
                pass
