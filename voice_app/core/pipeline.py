"""One reply: words -> tokens -> clauses -> sound, each stage streaming into the next.

`speak_reply` is this room's second main path, after the conversation's loop. Cancelling its task is barge-in.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from inference.protocols import LanguageModel, SoundTurnDetector, SpeechToText, TextToSpeech, TurnDetector
from inference.text import Clause, ClauseSplitter
from inference.types import Audio, Cancel, ChatRequest, Sampling, SpeechChunk, Token, Voice, WordEnd
from voice_app.core import clock, events
from voice_app.core.history import SpokenClause, SpokenReply
from voice_app.core.ports import Played, Priority, Scheduler, Speaker
from voice_app.core.stages import Estimates

CLAUSES_AHEAD = 4
"""Clauses that may wait for the voice; then the language model waits."""


@dataclass(frozen=True, slots=True, eq=False)
class Filler:
    """A few words made beforehand ("Let me see."), said while the reply is not ready; never part of the history."""

    text: str
    sound: Audio


@dataclass(frozen=True, slots=True)
class Engines:
    """The models of a conversation and the lane they share."""

    stt: SpeechToText
    llm: LanguageModel
    tts: TextToSpeech
    scheduler: Scheduler
    detector: TurnDetector | None = None
    """None: nothing judges by the words of a turn whether it is over."""
    by_sound: SoundTurnDetector | None = None
    """None: nothing judges it by the sound."""
    estimates: Estimates = field(default_factory=Estimates)
    """What they take on this machine."""
    openers: tuple[Filler, ...] = ()
    touch: Callable[[], None] = lambda: None
    """Reads a little of every model, so that it stays in memory."""
    bridges: tuple[Filler, ...] = ()
    """Made beforehand for answers that are known to take a while; each is chosen by its text."""


@dataclass(frozen=True, slots=True)
class ReplyStyle:
    """How replies are written, and in what voice they are said."""

    sampling: Sampling = Sampling()
    max_tokens: int = 200
    grammar: str | None = None
    voice: Voice = Voice()


@dataclass(slots=True)
class Reply:
    """A reply in the making; what it knows at any moment is what a barge-in leaves behind."""

    revision: int = 0
    """Which draft of the turn's reply this is."""
    cancelled: Cancel = field(default_factory=Cancel)
    released: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the turn is over: until then nothing of the reply reaches the loudspeaker."""
    text: str = ""
    spoken: SpokenReply = field(default_factory=SpokenReply)
    first_clause_out: bool = False
    sound_s: float = 0.0
    """Sound given to the loudspeaker so far, the opener's included."""
    ready: bool = False
    """Whether the first piece of its own sound is made."""
    filler: Filler | None = None
    """What is said first where the reply will not be ready for as long as that takes when the turn is over."""
    due_s: float = 0.0
    """When the first piece of its own sound is expected, on `voice_app.core.clock`."""
    short_first_clause: bool = False
    """Whether the first clause may be part of a sentence, so that sound starts early."""
    clause_tokens: int = 0
    """Tokens behind the first one that completed the first clause."""
    heard: str = ""
    """Set when the reply is cut off."""
    effects: list[Callable[[], None]] = field(default_factory=list)
    """What the reply does beside being said, as remembering; done when it is released, before it is audible."""

    def release(self) -> None:
        """Let the reply be heard, its effects done."""
        for effect in self.effects:
            effect()
        self.effects.clear()
        self.released.set()

    def when_released(self, effect: Callable[[], None]) -> None:
        """Do something once the turn is over: a draft that is dropped must leave no trace."""
        if self.released.is_set():
            effect()
        else:
            self.effects.append(effect)


async def speak_reply(
    reply: Reply,
    tokens: AsyncGenerator[Token, None],
    engines: Engines,
    voice: Callable[[], Voice],
    speaker: Speaker,
    emit: events.Emit,
) -> Played:
    """Speak the reply that `tokens` are once it is released; return when it has been heard to its end.

    `voice` is asked before every clause, since what a reply is about may change how the rest of it is said. Raises
    PromptTooLong before anything is audible. On cancellation both models stop; the speaker is the caller's.
    """
    clauses: asyncio.Queue[Clause | None] = asyncio.Queue(CLAUSES_AHEAD)
    emit(events.ResponseCreated())
    try:
        async with asyncio.TaskGroup() as both:
            both.create_task(_think(reply, tokens, engines, clauses, emit))
            both.create_task(_speak(reply, engines, voice, clauses, speaker, emit))
            both.create_task(_open(reply, speaker, emit))
    except ExceptionGroup as group:  # the first to fail has cancelled the other
        raise group.exceptions[0] from None
    finally:
        reply.cancelled.set()
    await reply.released.wait()
    return await speaker.finish() if reply.sound_s else Played(0.0, complete=True)


async def _think(
    reply: Reply,
    tokens: AsyncGenerator[Token, None],
    engines: Engines,
    clauses: asyncio.Queue[Clause | None],
    emit: events.Emit,
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
    await clauses.put(None)
    emit(events.TextDone(text=reply.text, tokens=count, **(_use(engines.llm) if count else {})))


def _use(llm: LanguageModel) -> dict[str, object]:
    """Return what the last request took, as far as this language model tells."""
    known = {name: getattr(llm, name, 0) for name in ("prompt_tokens", "cached_tokens", "late_tokens")}
    if use := getattr(llm, "chip_use", None):
        known |= {"cycles_per_token": use.cycles, "chip_utilisation": dict(use.utilisation)}
    return known


async def written(engines: Engines, request: ChatRequest, reply: Reply) -> AsyncGenerator[Token, None]:
    """Yield what the language model writes to a request; however it ends, the model's iterator is closed in the lane.

    Raises PromptTooLong, GrammarError.
    """

    def priority() -> Priority:
        return Priority.MORE_TOKENS if reply.first_clause_out else Priority.FIRST_TOKENS

    tokens = engines.llm.stream(request)
    try:
        async with aclosing(engines.scheduler.stream(priority, tokens, on="llm")) as items:
            async for token in items:
                yield token
    except BaseException:  # the voice has failed, or the user has spoken: a running quantum must end
        request.cancelled.set()
        raise
    finally:
        await asyncio.shield(
            engines.scheduler.call(Priority.FINAL_TRANSCRIPT, lambda: close(tokens), on="llm")
        )


def close(items: object) -> None:
    """Close a generator; other iterators have nothing to close."""
    getattr(items, "close", lambda: None)()


async def _speak(
    reply: Reply,
    engines: Engines,
    voice: Callable[[], Voice],
    clauses: asyncio.Queue[Clause | None],
    speaker: Speaker,
    emit: events.Emit,
) -> None:
    """Give each clause its voice; keep where its words are in the sound."""
    while (clause := await clauses.get()) is not None:
        if not clause.text:  # nothing to say aloud, as in a table's rows: it belongs to the text before it
            _append_silent(reply.spoken, clause)
            continue
        emit(events.ClauseReady(text=clause.text))
        chunks = engines.tts.stream(clause.text, voice(), reply.cancelled)
        await _speak_clause(reply, engines, clause, chunks, speaker, emit)


async def _open(reply: Reply, speaker: Speaker, emit: events.Emit) -> None:
    """Say the opener once the turn is over, unless the reply's own words are there by then, or would wait for it."""
    filler = reply.filler
    await reply.released.wait()
    if filler is None or reply.first_clause_out or reply.sound_s:
        return
    if reply.due_s - clock.now() < filler.sound.seconds:
        return
    emit(events.OpenerSpoken(text=filler.text, audio_s=filler.sound.seconds))
    speaker.begin()
    reply.sound_s = filler.sound.seconds
    await speaker.write(filler.sound.samples, filler.sound.rate_hz)


def _append_silent(spoken: SpokenReply, clause: Clause) -> None:
    end_s = spoken.clauses[-1].end_s if spoken.clauses else 0.0
    spoken.clauses.append(SpokenClause(clause, end_s, 1, (), end_s))


def _tell_words(spoken: SpokenClause, words: Sequence[WordEnd], emit: events.Emit) -> None:
    """Tell when the words of a piece are heard."""
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
    emit: events.Emit,
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
                spoken = SpokenClause(clause, reply.sound_s, engines.tts.rate_hz, (), reply.sound_s)
                reply.spoken.clauses.append(spoken)
            spoken.words += chunk.words
            if chunk.words:
                _tell_words(spoken, chunk.words, emit)
            reply.sound_s += seconds
            spoken.end_s = reply.sound_s
            await speaker.write(chunk.samples, chunk.rate_hz)
    if spoken is None:  # nothing in it could be said
        _append_silent(reply.spoken, clause)
