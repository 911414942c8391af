"""The last answer once more: to the word, or tried again with tokens drawn otherwise; and words after a user."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from typing import Literal

from pydantic import Field

from inference.types import Message, Text
from voice_app.core.turn import Answer, TurnContext, announcement, text_delta
from voice_app.skills.skill import Arguments, skill
from voice_app.skills.utterance import Utterance
from voice_app.skills.word_lists import word_set, words_of

REPEAT = "Say that again."
"""What a key asks for in words, so that the chat stays a chat."""
RETRY = "Try again."
WARMTH = 0.7
"""Temperature of another try: a greedy model would say the same."""
WHAT = "What shall I say?"
NOTHING_YET = "I have not said anything yet."


class OnceMore(Arguments):
    """What to do with the last answer, or what to say instead."""

    action: Literal["repeat", "retry", "say"]
    text: str = Field("", max_length=200)
    """What is to be said after the user."""


_AGAIN = word_set("again once repeat slower slowly pardon catch hear")
_OTHER = word_set("try different another other wrong better right")
_OTHERS = word_set("he she they his her their we us him them everyone people history who why don't never")
"""Whoever they are about, the last answer is not meant."""
LONGEST_WORDS = 12
"""Words of a request for the same again; more are about something else."""


def fill(utterance: Utterance, earlier: Sequence[Message]) -> OnceMore | None:
    """Read whether the same answer is wanted, or another one; None where the words say neither."""
    words = set(words_of(utterance.request))
    if (
        words & _OTHERS
        or len(words) > LONGEST_WORDS
        or not words & {"that", "it", "you", "what", "answer", "reply"}
    ):
        return None
    if words & _OTHER:
        return OnceMore(action="retry")
    return OnceMore(action="repeat") if words & _AGAIN else None


@skill("repeat", about="Says the last answer again, or tries another one.", fill=fill)
def repeat(call: OnceMore, context: TurnContext) -> Answer:
    """Answer "say that again", "try again" and "repeat after me"."""
    if call.action == "say":
        return announcement(call.text or WHAT)
    return _repeated(context) if call.action == "repeat" else _retried(context)


async def _repeated(context: TurnContext) -> AsyncGenerator[Text, None]:
    yield text_delta(context.earlier[-1].content if context.earlier else NOTHING_YET)


def _retried(context: TurnContext) -> Answer:
    """Ask the last question again that was no request for the same again, answered or not."""
    turns, tries = [*context.earlier, Message("user", context.unanswered)], 1
    while turns:
        last = turns.pop()
        if last.role != "user":
            continue
        question, more = _without_requests(last.content)
        tries += more
        if question:
            style = context.style.sampling
            sampling = replace(style, temperature=WARMTH, seed=style.seed + tries)
            return context.written((*context.persona, *turns, Message("user", question)), sampling=sampling)
    return announcement(NOTHING_YET)


def _without_requests(text: str) -> tuple[str, int]:
    """Return a message without the requests for the same again at its end, and how many were for another try."""
    lines, tries = text.split("\n"), 0
    while lines and (asked := next(repeat.phrases.match(Utterance.of(lines[-1])), None)):
        tries += asked["action"] == "retry"
        lines.pop()
    return "\n".join(lines), tries
