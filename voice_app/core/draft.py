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

from inference.errors import InferenceError, PromptTooLong
from inference.types import Message
from voice_app.core import clock, events
from voice_app.core.barge_in import words
from voice_app.core.endpointing import UNSURE_FROM, Endpointer
from voice_app.core.errors import VoiceAppError
from voice_app.core.mending import goes_on, mended
from voice_app.core.pipeline import speak_reply
from voice_app.core.ports import Emit, EngineName, Played, Priority, Speaker
from voice_app.core.stages import Budget, plan
from voice_app.core.turn import Assistant, Turn, TurnContext, announcement, answer

T = TypeVar("T")
Messages = tuple[Message, ...]
OPENER_EVERY = 4
"""Turns of which one may have an opener: more often they sound like a habit."""
TURN_TOKENS = 150
"""What a long turn of the user takes of the model's context: half a minute of speech."""


@dataclass(slots=True)
class DraftGauge:
    """Counts drafts, and says whether drafting pays.

    A draft that is dropped costs processor time, and delays by a job what the user's next words need. Where most
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

    def pays(self, finished: float | None) -> bool:
        """Return whether to draft a reply to words that are finished with this probability; None: unknown."""
        full = len(self._last) == self._last.maxlen
        looks_finished = finished is not None and finished >= UNSURE_FROM
        return not full or sum(self._last) * 3 >= len(self._last) or looks_finished


@dataclass(slots=True)
class Drafter:
    """Everything a reply is made with."""

    assistant: Assistant
    endpointer: Endpointer
    gauge: DraftGauge = field(default_factory=DraftGauge)
    budget: Budget = field(default_factory=Budget)
    _bridged: int = -OPENER_EVERY
    """The last turn that had an opener."""

    async def answer(
        self, turn: Turn, speaker: Speaker, emit: Emit, after: asyncio.Task[None] | None
    ) -> None:
        """Understand a turn and reply to it, once the task of an earlier reply has let go of the models."""
        reply, status = turn.reply, "failed"
        if after:
            await asyncio.wait([after])
        if not self.gauge.enabled:
            await reply.released.wait()
        emit(events.DraftCreated())
        self.gauge.start()
        try:
            finished = turn.finished = await self._understand(turn, emit)
            if turn.text or turn.announced:
                if not self.gauge.pays(finished):
                    await reply.released.wait()
                played = await self._speak(turn, speaker, emit)
                if turn.text:
                    self.assistant.history.add(turn.text, reply.text, reply.calls)
                emit(events.PlaybackStopped(audio_s=played.seconds))
            status = "completed" if turn.text or turn.announced else "ignored"
        except (InferenceError, VoiceAppError) as error:
            emit(events.Noticed(message=str(error)))
        except Exception as error:  # one reply that fails must not end the conversation
            emit(events.Noticed(message=f"the reply failed: {type(error).__name__}: {error}"))
        await reply.released.wait()
        emit(events.ResponseDone(status=status))

    async def _understand(self, turn: Turn, emit: Emit) -> float | None:
        """Find the words of a spoken turn, and how long a silence ends it.

        Return the probability that they are finished; None: unknown.
        """
        if turn.transcription is None:
            return 1.0
        heard = await turn.transcription.finish(turn.sound)
        turn.text = text = self._mended(turn, words(heard, turn.stats))
        emit(events.TranscriptCompleted(text=text, reruns=heard.reruns))
        engines = self.assistant.engines
        detector, by_sound = engines.detector, engines.by_sound

        def ask_words() -> Awaitable[float | None]:
            assert detector
            return self._fitting(
                text, lambda messages: self._first(lambda: detector.finished(engines.chat, messages), "llm")
            )

        def ask_sound() -> Awaitable[float]:
            assert by_sound
            sound = turn.sound
            return self._first(lambda: by_sound.finished(sound), "stt")

        end = await self.endpointer.decide(
            text, ask_words if detector else None, ask_sound if by_sound else None
        )
        emit(events.EndpointPredicted(silence_s=end.silence_s, finished=end.finished, because=end.because))
        return end.finished

    def _mended(self, turn: Turn, text: str) -> str:
        """Return the words of a turn after those that it goes on with, whose answer is forgotten."""
        if turn.begun is None or not goes_on(text):
            return text
        self.assistant.history.take_back(turn.begun)
        return mended(turn.begun.user, text)

    def _first(self, work: Callable[[], T], on: EngineName) -> Awaitable[T]:
        """Do what a turn's end waits for, before all other work."""
        return self.assistant.engines.scheduler.call(Priority.FINAL_TRANSCRIPT, work, on=on)

    async def _speak(self, turn: Turn, speaker: Speaker, emit: Emit) -> Played:
        """Speak the reply."""
        assert turn.text is not None
        assistant, engines = self.assistant, self.assistant.engines
        planned = plan(self.budget, engines.estimates)
        turn.reply.short_first_clause = planned.short_first_clause
        if planned.cause:
            emit(events.BudgetAction(action="short first clause", cause=planned.cause))
        if planned.opener and engines.openers and turn.number - self._bridged >= OPENER_EVERY:
            turn.reply.filler = engines.openers[turn.number % len(engines.openers)]
            turn.reply.due_s = clock.now() + engines.estimates.reply_s()
            emit(events.BudgetAction(action="opener, if the reply is not there in time", cause=planned.cause))

        def note(event: events.Event, /, *, at_s: float | None = None) -> None:
            if isinstance(event, events.OpenerSpoken):
                self._bridged = turn.number
            emit(event, at_s=at_s)

        def speak(messages: Messages) -> Awaitable[Played]:
            assert turn.text is not None
            turn.reply.begin_again()
            history, style = assistant.history, assistant.style
            context = TurnContext(
                turn.text, messages, history.persona, engines, style, turn.reply, emit, history.turns
            )
            if turn.announced:
                tokens = announcement(turn.announced)
            else:
                tokens = assistant.guard(answer(context, assistant.skills), turn.reply)
            return speak_reply(turn.reply, tokens, assistant, speaker, note)

        return await self._fitting(turn.text, speak)

    async def _fitting(self, text: str, work: Callable[[Messages], Awaitable[T]]) -> T:
        """Do work on the chat with `text`; the oldest turns are forgotten while it outgrows the model's context."""
        while True:
            try:
                return await work(self.assistant.history.messages(text))
            except PromptTooLong:
                if not self.assistant.history.forget_oldest():
                    raise

    async def compact(self) -> None:
        """Between turns: forget the older half of a chat that leaves no room for another one, and read the rest."""
        assistant, chat = self.assistant, self.assistant.engines.chat
        scheduler, history = assistant.engines.scheduler, assistant.history
        messages = history.messages("")
        remaining = await scheduler.call(Priority.UPKEEP, lambda: chat.remaining_tokens(messages), on="llm")
        if remaining < assistant.style.max_tokens + TURN_TOKENS:
            history.forget_older_half()
        kept = history.messages("")
        await scheduler.call(Priority.UPKEEP, lambda: chat.prefill(kept), on="llm")
