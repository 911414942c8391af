"""The last answer once more: repeated to the word, or tried anew with tokens drawn otherwise."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from dataclasses import replace

from inference.types import Token
from voice_app.answers import Answer, Asked, announcement, said

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


def again(asked: Asked) -> Answer | None:
    """Answer "say that again" and "try again"; nothing else."""
    text = asked.text.strip()
    if _REPEAT.fullmatch(text):
        return _repeated(asked)
    if _RETRY.fullmatch(text):
        return _tried(asked)
    return None


async def _repeated(asked: Asked) -> AsyncGenerator[Token, None]:
    yield said(asked.earlier[-1].content if asked.earlier else NOTHING_YET)


def _tried(asked: Asked) -> Answer:
    """Ask the last question again that was no wish for the same again."""
    earlier, tries = list(asked.earlier), 1
    while earlier and (_RETRY.fullmatch(earlier[-2].content) or _REPEAT.fullmatch(earlier[-2].content)):
        tries += _RETRY.fullmatch(earlier[-2].content) is not None
        del earlier[-2:]
    if not earlier:
        return announcement(NOTHING_YET)
    style = asked.style.sampling
    sampling = replace(style, temperature=WARMTH, seed=style.seed + tries)
    return asked.written((*asked.persona, *earlier[:-1]), sampling=sampling)
