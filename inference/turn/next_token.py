"""Has the user finished? Asked of the language model: how probable is it that the sentence ends behind these words?

The words are prefilled for the reply anyway, and a batch may keep the logits of two places: the answer is free. The
idea is TurnGPT's (Ekstedt & Skantze 2020); no model is trained for it here. `tests/bench/endpoint.py` compares it
with Smart Turn v3.2.
"""

from __future__ import annotations

import re

from inference.llm.llamacpp import LlamaCpp
from inference.types import Message

_ENDING = re.compile(r"\s*[.?!]+[\"')\]]?\s*|\n+")
_MARKS = " \t\n.?!,;:…-"


class NextTokenTurnDetector:
    """Fulfils `TurnDetector` with a language model, which is left with the words in its cache."""

    def __init__(self, llm: LlamaCpp) -> None:
        self._llm = llm
        model = llm.model
        self._ends = [
            token
            for token in range(model.vocab_size)
            if model.ends_reply(token) or _ENDING.fullmatch(model.piece(token).decode(errors="replace"))
        ]

    def finished(self, messages: tuple[Message, ...]) -> float:
        """Return the probability that the last message ends behind its words.

        The marks behind them are not looked at: speech to text sets them at every pause.
        """
        if not messages[-1].content.strip(_MARKS):
            return 0.0
        return self._llm.ends_with(messages, _MARKS, self._ends)
