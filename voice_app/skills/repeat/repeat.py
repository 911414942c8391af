"""The last answer once more: repeated to the word, or tried again with tokens drawn otherwise."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Literal

from inference.types import Message, Text
from voice_app.core.turn import Answer, TurnContext, announcement, text_delta
from voice_app.skills.skill import Arguments, skill
from voice_app.skills.utterance import Utterance

REPEAT = "Say that again."
"""What a key asks for in words, so that the chat stays a chat."""
RETRY = "Try again."
WARMTH = 0.7
"""Temperature of another try: a greedy model would say the same."""
NOTHING_YET = "I have not said anything yet."


class OnceMore(Arguments):
    """What to do with the last answer."""

    action: Literal["repeat", "retry"]


@skill("repeat", about="Says the last answer again, or tries another one.")
def repeat(call: OnceMore, context: TurnContext) -> Answer:
    """Answer "say that again" and "try again"."""
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
