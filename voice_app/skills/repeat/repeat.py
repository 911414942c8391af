"""The last answer once more: repeated to the word, or tried anew with tokens drawn otherwise."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from dataclasses import replace

from inference.types import Message, Text
from voice_app.core.turn import Answer, TurnContext, announcement, text_delta

REPEAT = "Say that again."
"""What a key asks for in words, so that the chat stays a chat."""
RETRY = "Try again."
WARMTH = 0.7
"""Temperature of another try: a greedy model would say the same."""
NOTHING_YET = "I have not said anything yet."

_POLITE = r"(?:(?:please|sorry|pardon|okay|can you|could you|would you|will you)[ ,]+)*"
_END = r"(?:[ ,]+(?:please|to me|for me|now))*[ .?!]*"
_REPEAT = re.compile(
    _POLITE + r"(?:(?:say|repeat) (?:that|it|your (?:last )?answer|the last answer|what you said)"
    r"(?: again| once more| one more time)?|repeat|what did you (?:just )?say|pardon(?: me)?|come again)"
    + _END,
    re.IGNORECASE,
)
_RETRY = re.compile(
    _POLITE
    + r"(?:(?:try|answer)(?: that| it)? (?:again|once more|one more time)|(?:give me )?another answer)"
    + _END,
    re.IGNORECASE,
)


def again(context: TurnContext) -> Answer | None:
    """Answer "say that again" and "try again"; nothing else."""
    text = context.text.strip()
    if _REPEAT.fullmatch(text):
        return _repeated(context)
    if _RETRY.fullmatch(text):
        return _tried(context)
    return None


async def _repeated(context: TurnContext) -> AsyncGenerator[Text, None]:
    yield text_delta(context.earlier[-1].content if context.earlier else NOTHING_YET)


def _tried(context: TurnContext) -> Answer:
    """Ask the last question again that was no wish for the same again, answered or not."""
    turns, tries = [*context.earlier, Message("user", context.unanswered)], 1
    while turns:
        last = turns.pop()
        if last.role != "user":
            continue
        question, more = _without_wishes(last.content)
        tries += more
        if question:
            style = context.style.sampling
            sampling = replace(style, temperature=WARMTH, seed=style.seed + tries)
            return context.written((*context.persona, *turns, Message("user", question)), sampling=sampling)
    return announcement(NOTHING_YET)


def _without_wishes(text: str) -> tuple[str, int]:
    """Return a message without the wishes for the same again at its end, and how many of them were for another try."""
    lines, tries = text.split("\n"), 0
    while lines and (_RETRY.fullmatch(lines[-1]) or _REPEAT.fullmatch(lines[-1])):
        tries += _RETRY.fullmatch(lines.pop()) is not None
    return "\n".join(lines), tries
