"""A script's requests without any sound: typed, one after the other, with nothing but the language model loaded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from inference.errors import InferenceError
from voice_app.core import clock, events
from voice_app.core.errors import VoiceAppError
from voice_app.core.pipeline import Engines, Reply, ReplyStyle
from voice_app.core.turn import Skill, TurnContext, answer


async def hold(
    texts: Sequence[str], engines: Engines, skills: Sequence[Skill], send: Callable[[events.Event], None]
) -> None:
    """Answer every text; `send` gets the events that a session has for it, without those of sound."""
    started_s = clock.now()
    for number, text in enumerate(texts, start=1):
        reply = Reply(revision=1, first_clause_out=True)
        emit = events.emitter(send, started_s, number, revision=1)
        emit(events.TextSubmitted(text=text))
        emit(events.DraftCreated())
        emit(events.TurnCommitted(speech_end_s=None))
        reply.release()
        context = TurnContext(text, (), (), engines, ReplyStyle(), reply, emit)
        emit(events.ResponseDone(status=await _answer(context, skills)))


async def _answer(context: TurnContext, skills: Sequence[Skill]) -> Literal["completed", "failed"]:
    try:
        async for token in answer(context, skills):
            context.reply.text += token.text
    except (InferenceError, VoiceAppError) as error:
        context.emit(events.Noticed(message=str(error)))
        return "failed"
    context.emit(events.TextDone(text=context.reply.text, tokens=0))
    return "completed"
