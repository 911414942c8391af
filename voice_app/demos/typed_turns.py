"""A script's requests without any sound: typed, one after the other, with nothing but the language model loaded."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from inference.errors import InferenceError
from voice_app.core import events
from voice_app.core.errors import VoiceAppError
from voice_app.core.pipeline import Engines, Reply, ReplyStyle
from voice_app.core.turn import Asked, Way, answer

Emit = Callable[[events.Event], None]


async def hold(texts: Sequence[str], engines: Engines, ways: Sequence[Way], emit: Emit) -> None:
    """Answer every text; `emit` gets the events that a conversation has for it, without those of sound."""
    start_s = time.perf_counter()
    for number, text in enumerate(texts, start=1):
        reply = Reply(revision=1, first_clause_out=True)

        def tell(kind: Callable[..., events.Event], *, turn: int = number, **facts: Any) -> None:
            emit(kind(at_s=time.perf_counter() - start_s, turn=turn, revision=1, **facts))

        tell(events.TextSubmitted, text=text)
        tell(events.DraftCreated)
        tell(events.TurnCommitted, speech_end_s=None)
        reply.release()
        asked = Asked(text, (), (), engines, ReplyStyle(), reply, tell)
        tell(events.ResponseDone, status=await _answer(asked, ways))


async def _answer(asked: Asked, ways: Sequence[Way]) -> str:
    try:
        async for token in answer(asked, ways):
            asked.reply.text += token.text
    except (InferenceError, VoiceAppError) as error:
        asked.tell(events.Noticed, message=str(error))
        return "failed"
    asked.tell(events.TextDone, text=asked.reply.text, tokens=0)
    return "completed"
