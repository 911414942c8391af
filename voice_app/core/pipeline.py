"""One reply: words -> tokens -> clauses -> sound, each stage streaming into the next.

`speak_reply` is this room's second main path, after `Session.run`. Cancelling its task is barge-in.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing

from inference.text import Clause, ClauseSplitter
from inference.types import SpeechChunk, Text, Usage, WordEnd
from voice_app.core import clock, events
from voice_app.core.history import SpokenClause, SpokenReply
from voice_app.core.ports import Emit, Played, Priority, Speaker
from voice_app.core.stages import Estimates
from voice_app.core.turn import Assistant, Engines, Reply

CLAUSES_AHEAD = 4
"""Clauses that may wait for the voice; then the language model waits."""


async def speak_reply(
    reply: Reply,
    tokens: AsyncGenerator[Text, None],
    assistant: Assistant,
    speaker: Speaker,
    emit: Emit,
) -> Played:
    """Speak the reply that `tokens` are once it is released; return when it has been heard to its end.

    Raises PromptTooLong before anything is audible. On cancellation both models stop; the speaker is the caller's.
    """
    clauses: asyncio.Queue[Clause | None] = asyncio.Queue(CLAUSES_AHEAD)
    emit(events.ResponseCreated())
    try:
        async with asyncio.TaskGroup() as both:
            both.create_task(_think(reply, tokens, clauses, emit))
            both.create_task(_speak(reply, assistant, clauses, speaker, emit))
            both.create_task(_open(reply, assistant.engines.estimates, speaker, emit))
    except ExceptionGroup as group:  # the first to fail has cancelled the other
        raise group.exceptions[0] from None
    finally:
        reply.cancelled.set()
    await reply.released.wait()
    return await speaker.finish() if reply.sound_s else Played(0.0, complete=True)


async def _think(
    reply: Reply,
    tokens: AsyncGenerator[Text, None],
    clauses: asyncio.Queue[Clause | None],
    emit: Emit,
) -> None:
    """Pass each clause of what is written on as soon as it is complete."""
    splitter, count = ClauseSplitter(short_first=reply.short_first_clause), 0
    async with aclosing(tokens):
        async for token in tokens:
            count += token.id >= 0
            reply.text += token.text
            emit(events.ResponseTextDelta(delta=token.text, token_id=token.id, emulated_s=token.emulated_s))
            for clause in splitter.push(token.text):
                reply.clause_tokens = reply.clause_tokens or count
                reply.first_clause_out = True
                await clauses.put(clause)
    for clause in splitter.flush():
        reply.clause_tokens = reply.clause_tokens or count
        await clauses.put(clause)
    reply.bridged.set()
    await clauses.put(None)
    usage = reply.usage if count else Usage()
    emit(
        events.TextDone(
            text=reply.text,
            tokens=count,
            prompt_tokens=usage.prompt_tokens,
            cached_tokens=usage.cached_tokens,
            late_tokens=usage.late_tokens,
            cycles_per_token=usage.cycles_per_token,
            chip_utilisation=dict(usage.chip_utilisation),
        )
    )


async def _speak(
    reply: Reply,
    assistant: Assistant,
    clauses: asyncio.Queue[Clause | None],
    speaker: Speaker,
    emit: Emit,
) -> None:
    """Give each clause its voice, asked anew since what a reply is about may change how the rest of it is said."""
    engines = assistant.engines
    while (clause := await clauses.get()) is not None:
        if (
            not clause.text or engines.tts is None
        ):  # as of a table's rows: they belong to the text before them
            _append_silent(reply.spoken, clause)
            continue
        emit(events.ClauseReady(text=clause.text))
        chunks = engines.tts.stream(clause.text, assistant.style.voice, reply.cancelled)
        await _speak_clause(reply, engines, clause, chunks, speaker, emit)


OPENER_AFTER_S = 0.05
"""How long an opener waits for the reply's first words: they often come with the judgement that the turn is over."""


async def _open(reply: Reply, estimates: Estimates, speaker: Speaker, emit: Emit) -> None:
    """Say the opener once the turn is over, unless the reply's own words are there by then, or would wait for it.

    A reply that has none gets one where its model begins to think.
    """
    await reply.released.wait()
    await asyncio.sleep(OPENER_AFTER_S)
    if reply.filler is None:
        await reply.bridged.wait()
    filler = reply.filler
    if filler is None or reply.first_clause_out or reply.sound_s:
        return
    due_s = min(reply.due_s, clock.now() + estimates.clause_sound_s()) if reply.text else reply.due_s
    if due_s - clock.now() < filler.sound.seconds:
        return
    emit(events.OpenerSpoken(text=filler.text, audio_s=filler.sound.seconds))
    speaker.begin()
    reply.sound_s = filler.sound.seconds
    await speaker.write(filler.sound.samples, filler.sound.rate_hz)


def _append_silent(spoken: SpokenReply, clause: Clause) -> None:
    end_s = spoken.clauses[-1].end_s if spoken.clauses else 0.0
    spoken.clauses.append(SpokenClause(clause, end_s, 1, (), end_s))


def _emit_words(spoken: SpokenClause, words: Sequence[WordEnd], emit: Emit) -> None:
    """Emit when the words of a piece are heard."""
    ends = [(word.text_end, round(spoken.start_s + word.end_sample / spoken.rate_hz, 3)) for word in words]
    clause = spoken.clause
    start_s = round(spoken.start_s, 3)
    emit(events.WordsTimed(raw=clause.raw, text=clause.text, clause=clause.index, start_s=start_s, ends=ends))


async def _speak_clause(
    reply: Reply,
    engines: Engines,
    clause: Clause,
    chunks: Iterator[SpeechChunk],
    speaker: Speaker,
    emit: Emit,
) -> None:
    spoken: SpokenClause | None = None

    def priority() -> Priority:
        return Priority.MORE_SOUND if reply.ready else Priority.FIRST_SOUND

    async with aclosing(engines.scheduler.stream(priority, chunks, on="tts")) as items:
        async for chunk in items:
            seconds = len(chunk.samples) / chunk.rate_hz
            emit(events.AudioDelta(audio_s=seconds))
            if (
                not reply.ready
            ):  # the first piece is all that is made ahead: the next one takes less time than it
                reply.ready = True
                await reply.released.wait()
                if not reply.sound_s:
                    speaker.begin()
            if spoken is None:
                spoken = SpokenClause(clause, reply.sound_s, chunk.rate_hz, (), reply.sound_s)
                reply.spoken.clauses.append(spoken)
            spoken.words += chunk.words
            if chunk.words:
                _emit_words(spoken, chunk.words, emit)
            reply.sound_s += seconds
            spoken.end_s = reply.sound_s
            await speaker.write(chunk.samples, chunk.rate_hz)
    if spoken is None:  # nothing in it could be said
        _append_silent(reply.spoken, clause)
