"""Has the user finished? Asked of the language model: how probable is it that the sentence ends after these words?

The words are prefilled for the reply anyway, and a batch may keep the logits of two places: the answer is free. The
idea is TurnGPT's (Ekstedt & Skantze 2020); no model is trained for it here. `tests/bench/endpoint.py` compares it
with Smart Turn v3.2.
"""

from __future__ import annotations

import re

from inference.protocols import Chat
from inference.types import Message

_ENDING = re.compile(r"|\s*[.?!]+[\"')\]]?\s*|\n+")
"""The end of the message, or of a sentence."""
_MARKS = " \t\n.?!,;:…-"


class NextTokenTurnDetector:
    """Fulfils `TurnDetector` by asking a chat, which is left with the words in its cache."""

    def finished(self, chat: Chat, messages: tuple[Message, ...]) -> float | None:
        """Return the probability that the last message ends after its words; None where the model tells none.

        The marks after them are not looked at: speech to text sets them at every pause.
        """
        if not messages[-1].content.strip(_MARKS):
            return 0.0
        return chat.end_probability(messages, _ENDING, _MARKS)
