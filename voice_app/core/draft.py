"""A reply is drafted at every pause of the user and released at the end of the turn.

`answer` is the main path: sound -> words -> reply. What it makes waits at `Reply.released`; cancelling its task
discards it. Drafts of a turn are numbered; a task only ever touches the reply it was started with.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from inference.errors import InferenceError, PromptTooLong
from inference.types import Audio, Cancel, Message
from voice_app.core import clock, events
from voice_app.core.barge_in import SpeechStats, words
from voice_app.core.budget import Budget, plan
from voice_app.core.endpointing import UNSURE_FROM, EndpointLimits, is_open
from voice_app.core.errors import VoiceAppError
from voice_app.core.history import History
from voice_app.core.pipeline import Engines, Reply, ReplyStyle, speak_reply
from voice_app.core.ports import FRAME_RATE_HZ, Played, Priority, Speaker
from voice_app.core.turn import Skill, TurnContext, announcement, answer

T = TypeVar("T")
Messages = tuple[Message, ...]
TURN_TOKENS = 150
"""What a long turn of the user takes of the model's context: half a minute of speech."""


@dataclass(slots=True, eq=False)
class Turn:
    """A turn of the user and the latest reply to it."""

    number: int
    text: str | None = None
    """Typed, or what was heard once that is known."""
    sound: Audio = Audio(np.zeros(0, np.float32), FRAME_RATE_HZ)
    voice: SpeechStats = SpeechStats()
    typed: bool = False
    announced: str = ""
    """What is said though nobody asked; then there are no words."""
    reply: Reply = field(default_factory=Reply)


@dataclass(slots=True)
class DraftGauge:
    """Counts drafts, and tells whether drafting pays.

    A draft that is dropped costs processor time, and delays by a quantum what the user's next words need. Where most
    of the last ones were dropped, only turns whose words look finished are drafted further than their words.
    """

    enabled: bool = True
    made: int = 0
    released: int = 0
    wasted: int = 0
    _last: deque[bool] = field(default_factory=lambda: deque(maxlen=12))

    def start(self) -> None:
        """A draft begins."""
        self.made += 1

    def end(self, *, useful: bool) -> None:
        """A draft was released, or dropped."""
        self.released += useful
        self.wasted += not useful
        self._last.append(useful)

    def pays(self, finished: float) -> bool:
        """Tell whether to draft a reply to words that are finished with this probability."""
        full = len(self._last) == self._last.maxlen
        return not full or sum(self._last) * 3 >= len(self._last) or finished >= UNSURE_FROM


@dataclass(slots=True)
class Drafter:
    """Everything a reply is made with."""

    engines: Engines
    history: History
    style: ReplyStyle
    speaker: Speaker
    heard: Callable[[Turn, float, float | None], None]
    """Told the words of a draft, the probability that they are finished, and that by the sound where it was asked."""
    gauge: DraftGauge = field(default_factory=DraftGauge)
    budget: Budget = field(default_factory=Budget)
    limits: EndpointLimits = EndpointLimits()
    skills: tuple[Skill, ...] = ()
    """Ways to answer before the language model's own."""

    async def answer(self, turn: Turn, emit: events.Emit, after: asyncio.Task[None] | None) -> None:
        """Understand a turn and reply to it, once the task of an earlier reply has let go of the models."""
        reply, status = turn.reply, "failed"
        if after:
            await asyncio.wait([after])
        if not self.gauge.enabled:
            await reply.released.wait()
        emit(events.DraftCreated())
        self.gauge.start()
        try:
            finished = await self._understand(turn, emit)
            if turn.text or turn.announced:
                if not self.gauge.pays(finished):
                    await reply.released.wait()
                played = await self._speak(turn, emit)
                if turn.text:
                    self.history.add(turn.text, reply.text)
                emit(events.PlaybackStopped(audio_s=played.seconds))
            status = "completed" if turn.text or turn.announced else "ignored"
        except (InferenceError, VoiceAppError) as error:
            emit(events.Noticed(message=str(error)))
        except Exception as error:  # one reply that fails must not end the conversation
            emit(events.Noticed(message=f"the reply failed: {type(error).__name__}: {error}"))
        await reply.released.wait()
        emit(events.ResponseDone(status=status))

    async def _understand(self, turn: Turn, emit: events.Emit) -> float:
        """Find the words of a spoken turn, and return the probability that they are finished."""
        if turn.typed:
            return 1.0
        scheduler, engines, sound = self.engines.scheduler, self.engines, turn.sound
        heard = await scheduler.call(
            Priority.FINAL_TRANSCRIPT, lambda: engines.stt.transcribe(sound), on="stt"
        )
        turn.text = words(heard, turn.voice)
        emit(events.TranscriptCompleted(text=turn.text, reruns=heard.reruns))
        finished = 0.0
        if turn.text and engines.detector:
            detector = engines.detector

            def ask(messages: Messages) -> Awaitable[float]:
                return scheduler.call(
                    Priority.FINAL_TRANSCRIPT, lambda: detector.finished(messages), on="llm"
                )

            finished = await self._fitting(turn.text, ask)
        self.heard(turn, finished, await self._sounds_finished(turn, finished))
        return finished

    async def _sounds_finished(self, turn: Turn, finished: float) -> float | None:
        """Return the probability by the sound that a turn is over; None where the words leave no doubt."""
        by_sound, sound = self.engines.by_sound, turn.sound
        if by_sound is None or not (turn.text and is_open(turn.text, finished, self.limits)):
            return None
        return await self.engines.scheduler.call(
            Priority.FINAL_TRANSCRIPT, lambda: by_sound.finished(sound), on="stt"
        )

    async def _speak(self, turn: Turn, emit: events.Emit) -> Played:
        """Speak the reply."""
        assert turn.text is not None
        planned = plan(self.budget, self.engines.estimates)
        turn.reply.short_first_clause = planned.short_first_clause
        if planned.cause:
            emit(events.BudgetAction(action="short first clause", cause=planned.cause))
        if planned.opener and self.engines.openers:
            turn.reply.filler = self.engines.openers[turn.number % len(self.engines.openers)]
            turn.reply.due_s = clock.now() + self.engines.estimates.reply_s()
            emit(events.BudgetAction(action="opener, if the reply is not there in time", cause=planned.cause))

        def speak(messages: Messages) -> Awaitable[Played]:
            assert turn.text is not None
            turn.reply.cancelled = Cancel()
            turn.reply.effects.clear()
            persona = self.history.persona
            context = TurnContext(turn.text, messages, persona, self.engines, self.style, turn.reply, emit)
            tokens = announcement(turn.announced) if turn.announced else answer(context, self.skills)
            return speak_reply(turn.reply, tokens, self.engines, self.speaker, emit)

        return await self._fitting(turn.text, speak)

    async def _fitting(self, text: str, work: Callable[[Messages], Awaitable[T]]) -> T:
        """Do work on the chat with `text`; the oldest turns are forgotten while it outgrows the model's context."""
        while True:
            try:
                return await work(self.history.messages(text))
            except PromptTooLong:
                if not self.history.forget_oldest():
                    raise

    async def settle(self) -> None:
        """Between turns: forget the older half of a chat that leaves no room for another one, and read the rest."""
        scheduler, llm = self.engines.scheduler, self.engines.llm
        messages = self.history.messages("")
        room = await scheduler.call(Priority.UPKEEP, lambda: llm.room(messages), on="llm")
        if room < self.style.max_tokens + TURN_TOKENS:
            self.history.forget_older_half()
        kept = self.history.messages("")
        await scheduler.call(Priority.UPKEEP, lambda: llm.prefill(kept), on="llm")
