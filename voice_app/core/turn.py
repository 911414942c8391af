"""A turn and what answers it: the engines, the reply in the making, and who may answer.

The language model is the last one who may. A skill that answers is drafted like any reply: it may be dropped at any
moment, so whatever else it does than speak is an effect, `context.reply.when_released(...)`, and happens once, when
the turn is over, before the answer is audible.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace

import numpy as np

from inference.protocols import (
    Chat,
    ChoosingChat,
    Recognizer,
    SoundTurnDetector,
    SpeechToText,
    TextToSpeech,
    TurnDetector,
)
from inference.types import (
    Audio,
    Cancel,
    ChatRequest,
    Message,
    Sampling,
    Text,
    Transcript,
    Usage,
    Voice,
)
from voice_app.core import clock
from voice_app.core.barge_in import SpeechStats
from voice_app.core.beside import Beside
from voice_app.core.endpointing import SURELY_FROM
from voice_app.core.history import Exchange, History, SkillCall, SpokenReply
from voice_app.core.ports import FRAME_RATE_HZ, Emit, Priority, Scheduler
from voice_app.core.stages import Estimates

THINKING = "Let me think about that."
"""The filler that is said while a language model thinks before it answers."""
NO_MODEL = -1
"""Token id of words that the program says, not the language model."""


@dataclass(frozen=True, slots=True, eq=False)
class Filler:
    """A few words made beforehand ("Let me see."), said while the reply is not ready; never part of the history."""

    text: str
    sound: Audio


@dataclass(frozen=True, slots=True)
class Engines:
    """The models of a session and its share of the processor."""

    stt: SpeechToText | None
    """None: nobody speaks, all turns are typed."""
    chat: Chat
    """The session's own, of a language model."""
    tts: TextToSpeech | None
    """None: replies are written, not spoken."""
    scheduler: Scheduler
    detector: TurnDetector | None = None
    """None: nothing judges by the words of a turn whether it is over."""
    by_sound: SoundTurnDetector | None = None
    """None: nothing judges it by the sound."""
    estimates: Estimates = field(default_factory=Estimates)
    """What they take on this machine."""
    openers: tuple[Filler, ...] = ()
    fillers: tuple[Filler, ...] = ()
    """Made beforehand for answers that are known to take a while; each is chosen by its text."""
    chooser: ChoosingChat | None = None
    """A chat of its own that tells what words are for; None where the language model is no judge of that."""


@dataclass(frozen=True, slots=True)
class ReplyStyle:
    """How replies are written, and in what voice they are said."""

    sampling: Sampling = Sampling()
    max_tokens: int = 200
    grammar: str | None = None
    voice: Voice = Voice()


@dataclass(slots=True)
class Reply:
    """A reply in the making. After a barge-in it says what was written, spoken and heard up to then."""

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
    """Played at the end of the turn if the reply needs longer than it lasts."""
    due_s: float = 0.0
    """When the first piece of its own sound is expected, on `voice_app.core.clock`."""
    short_first_clause: bool = False
    """Whether the first clause may be part of a sentence, so that sound starts early."""
    bridged: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once it is known whether the model thinks first: when it does, or when all is written."""
    clause_tokens: int = 0
    """Tokens after the first until the first clause was complete."""
    usage: Usage = Usage()
    """Of the last request to the language model that was written to its end."""
    heard: str = ""
    """Set when the reply is cut off."""
    effects: list[Callable[[], None]] = field(default_factory=list)
    """Side effects, such as storing a memory: done when the reply is released, before it is audible."""
    calls: list[SkillCall] = field(default_factory=list)
    """What skills were asked for in this reply."""
    acts: bool = False
    """Whether it does something beside being said."""
    told: str = ""
    """What the language model is told behind the user's words, in this turn alone."""

    @property
    def made(self) -> tuple[SkillCall, ...]:
        """Return the calls that were made: none before the release, since a draft may be dropped."""
        return tuple(self.calls) if self.released.is_set() else ()

    def begin_again(self) -> None:
        """Forget what an earlier attempt was going to do."""
        self.cancelled, self.acts, self.told, self.bridged = Cancel(), False, "", asyncio.Event()
        self.effects.clear()
        self.calls.clear()

    def bridge(self, filler: Filler | None) -> None:
        """Have a filler said once the turn is over, where the model thinks: nobody knows how long that takes."""
        if filler and not self.bridged.is_set():
            self.filler, self.due_s = filler, math.inf
        self.bridged.set()

    def end_bridge(self) -> None:
        """Have none said any more: the model has thought."""
        if self.bridged.is_set():
            self.due_s = clock.now()

    def release(self) -> None:
        """Let the reply be heard, its effects done."""
        for effect in self.effects:
            effect()
        self.effects.clear()
        self.released.set()

    def when_released(self, effect: Callable[[], None]) -> None:
        """Do something once the turn is over, so that a draft that is dropped leaves no trace."""
        self.acts = True
        if self.released.is_set():
            effect()
        else:
            self.effects.append(effect)


class Transcription:
    """Turns the growing sound of a turn into words: gives its recognizer, in the scheduler, the sound that is new."""

    def __init__(self, engines: Engines, language: str) -> None:
        self._stt, self._scheduler, self._language = engines.stt, engines.scheduler, language
        self._recognizer: Recognizer | None = None
        self._pushed_samples = 0
        self._feeding: asyncio.Task[object] | None = None

    @property
    def streams(self) -> bool:
        """Whether the words are there soon after they are said."""
        return self._stt is not None and self._stt.capabilities.streaming

    def feed(self, sound: Audio) -> None:
        """Give a streaming engine the sound so far, unless it is still busy with earlier sound."""
        if self.streams and (self._feeding is None or self._feeding.done()):
            call = self._scheduler.call(Priority.FINAL_TRANSCRIPT, lambda: self._push(sound), on="stt")
            self._feeding = asyncio.create_task(call)

    async def partial(self, sound: Audio, priority: Priority) -> Transcript:
        """Return the words so far of a turn that goes on."""
        return await self._scheduler.call(priority, lambda: self._push(sound).partial(), on="stt")

    async def finish(self, sound: Audio) -> Transcript:
        """Return the words of a turn that may be over. Raises InferenceError."""
        return await self._scheduler.call(
            Priority.FINAL_TRANSCRIPT, lambda: self._push(sound).finish(), on="stt"
        )

    def _push(self, sound: Audio) -> Recognizer:
        if self._recognizer is None:
            assert self._stt, "sound needs speech to text"
            self._recognizer = self._stt.recognizer(self._language)
        new = sound.samples[self._pushed_samples :]
        if len(new):
            self._recognizer.push(new)
            self._pushed_samples += len(new)
        return self._recognizer


@dataclass(slots=True, eq=False)
class Turn:
    """A turn of the user and the latest reply to it."""

    number: int
    text: str | None = None
    """Typed, or what was heard once that is known."""
    sound: Audio = Audio(np.zeros(0, np.float32), FRAME_RATE_HZ)
    stats: SpeechStats = SpeechStats()
    transcription: Transcription | None = None
    """Turns `sound` into words; None for a turn that is not spoken."""
    typed: bool = False
    announced: str = ""
    """An announcement, which answers nobody; then `text` is empty."""
    finished: float | None = None
    """Probability by its words that it was finished; None: unknown."""
    begun: Exchange | None = None
    """The turn before, whose reply had hardly begun: if this one goes on with it, they are one."""
    reply: Reply = field(default_factory=Reply)

    @property
    def may_go_on(self) -> bool:
        """Return whether what is said next may be the rest of it.

        Not where something was done, which would be done twice, nor where the user was asked back, and answers; nor
        where surely finished words had a reply that came to its end, be it a short one.
        """
        told = all(call.kind in ("answer", "refusal") for call in self.reply.made)
        answered = not self.reply.cancelled.is_set() and (self.finished or 0.0) >= SURELY_FROM
        return told and not (answered or self.typed or self.announced)


@dataclass(frozen=True, slots=True)
class TurnContext:
    """A turn that wants an answer, and what the answer can be made with."""

    text: str
    """The user's words."""
    messages: tuple[Message, ...]
    """The chat as the language model sees it, with these words as its last message."""
    persona: tuple[Message, ...]
    """The messages that the chat begins with."""
    engines: Engines
    style: ReplyStyle
    reply: Reply
    emit: Emit
    turns: tuple[Exchange, ...] = ()
    """The turns before this one, also those that the language model does not see."""

    @property
    def earlier(self) -> tuple[Message, ...]:
        """What was said before this turn, a message each of the user and the assistant."""
        return tuple(message for turn in self.turns for message in turn.spoken)

    @property
    def unanswered(self) -> str:
        """Earlier turns that got no answer, a line each, as they stand in this turn's message; or ""."""
        return self.messages[-1].content.removesuffix(self.text).removesuffix("\n") if self.messages else ""

    def chat(self) -> Answer:
        """Return what the language model answers in the chat, told what it should know in this turn."""
        *before, last = self.messages
        told = f"{last.content}\n{self.reply.told}" if self.reply.told else last.content
        return self.written((*before, replace(last, content=told)))

    def written(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int | None = None,
        grammar: str | None = None,
        sampling: Sampling | None = None,
    ) -> AsyncGenerator[Text, None]:
        """Yield what the language model writes to `messages`, in the persona's style unless told otherwise.

        Raises PromptTooLong, GrammarError, EndpointError.
        """
        style = self.style
        request = ChatRequest(
            tuple(messages),
            max_tokens or style.max_tokens,
            sampling or style.sampling,
            grammar or style.grammar,
            self.reply.cancelled,
        )
        return written(self.engines, request, self.reply, self.emit)


Answer = AsyncGenerator[Text, None]
Guard = Callable[[Answer, Reply], Answer]
"""Returns an answer in which nothing is claimed that was not done."""
Responder = Callable[[TurnContext], Answer | None]
"""Takes a turn: returns the words of its answer as they come, or None if the turn is not its business."""


def text_delta(text: str) -> Text:
    """Return words that the program says."""
    return Text(text, NO_MODEL)


def answer(context: TurnContext, skills: Sequence[Responder]) -> Answer:
    """Return the answer of the first skill that takes the turn, else the language model's."""
    for skill in skills:
        found = skill(context)
        if found is not None:
            return found
    return context.chat()


def unguarded(answer: Answer, reply: Reply) -> Answer:
    """Let an answer stand as it is written."""
    return answer


async def announcement(text: str) -> Answer:
    """Say what nobody asked for."""
    yield text_delta(text)


@dataclass(slots=True, eq=False)
class Assistant:
    """Who answers in a session, and with what. Everything in it may be exchanged between two turns."""

    engines: Engines
    history: History
    style: ReplyStyle = ReplyStyle()
    skills: tuple[Responder, ...] = ()
    """Asked in this order whether a turn is theirs, before the language model answers it."""
    guard: Guard = unguarded
    """What every answer passes on its way to the voice."""
    pace: float = 1.0
    """Times the persona's speed that the voice speaks at."""

    def pronounce(self, pronunciations: Mapping[str, str]) -> None:
        """Say these words as told from the next clause on, in place of what was told before: in this session alone."""
        self.style = replace(self.style, voice=replace(self.style.voice, pronunciations=pronunciations))

    def speak_at(self, pace: float) -> None:
        """Speak at so many times the persona's speed from the next answer on: in this session alone."""
        speed = self.style.voice.speed * pace / self.pace
        self.style, self.pace = replace(self.style, voice=replace(self.style.voice, speed=speed)), pace

    def adopt(self, other: Assistant) -> None:
        """Become another assistant, skills included; the voice keeps its pace."""
        self.engines, self.history, self.style = other.engines, other.history, other.style
        pace, self.pace = self.pace, 1.0
        self.speak_at(pace)
        self.skills, self.guard = other.skills, other.guard


async def written(
    engines: Engines, request: ChatRequest, reply: Reply, emit: Emit
) -> AsyncGenerator[Text, None]:
    """Yield what the language model writes to a request; however it ends, the model's iterator is closed.

    Raises PromptTooLong, GrammarError, EndpointError.
    """

    def priority() -> Priority:
        return Priority.MORE_TOKENS if reply.first_clause_out else Priority.FIRST_TOKENS

    bridge = next((filler for filler in engines.fillers if filler.text == THINKING), None)
    beside = Beside(emit, lambda: reply.bridge(bridge), reply.end_bridge)
    deltas = engines.chat.stream(request)
    try:
        async with aclosing(engines.scheduler.stream(priority, deltas, on="llm")) as items:
            async for delta in items:
                if isinstance(delta, Text):
                    beside.answers(delta)
                    yield delta
                else:
                    beside.heed(delta)
        reply.usage = beside.usage
        if beside.instead:
            yield text_delta(beside.instead)
    except BaseException:  # the voice has failed, or the user has spoken: a running job must end
        request.cancelled.set()
        raise
    finally:
        await asyncio.shield(
            engines.scheduler.call(Priority.FINAL_TRANSCRIPT, lambda: close(deltas), on="llm")
        )


def close(items: object) -> None:
    """Close a generator; other iterators have nothing to close."""
    getattr(items, "close", lambda: None)()
