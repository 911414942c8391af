"""The conversation: frames in, turns decided, replies started and cancelled. `run` is the first main path to read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from inference.errors import InferenceError, PromptTooLong
from inference.protocols import VoiceActivityDetector
from inference.types import Audio
from voice_app import clock, events
from voice_app.audio.frames import FRAME_RATE_HZ, FrameSource
from voice_app.audio.speaker import Played, Speaker
from voice_app.ears import Ears, EarSettings
from voice_app.history import History
from voice_app.lane import Urgency
from voice_app.reply import Engines, Reply, ReplyStyle, Tell, speak_reply
from voice_app.turn_policy import Action, Happening, State, step

TOUCH_EVERY_S = 5.0
"""Idle pages are taken back after 10-15 s on some virtual machines; a model touched more often stays in memory."""


@dataclass(frozen=True, slots=True)
class Senses:
    """Where sound comes from and goes to."""

    source: FrameSource
    vad: VoiceActivityDetector
    speaker: Speaker
    ears: EarSettings = EarSettings()
    barge_in: bool = True
    """Whether speech stops a reply. Loudspeakers without echo cancellation need it off: half duplex."""
    partial_every_s: float | None = 1.0
    """How often the words so far are guessed while the user speaks; None: never."""


@dataclass(slots=True, eq=False)
class Turn:
    """A turn of the user and the reply to it."""

    number: int
    text: str | None = None
    """Typed, or what was heard once that is known."""
    sound: Audio = Audio(np.zeros(0, np.float32), FRAME_RATE_HZ)
    typed: bool = False
    reply: Reply = field(default_factory=Reply)


class Conversation:
    """Everything between the microphone and the loudspeaker, for one session."""

    def __init__(
        self, senses: Senses, engines: Engines, history: History, style: ReplyStyle, bus: events.Bus
    ) -> None:
        self.senses, self.engines, self.history, self.style, self.bus = senses, engines, history, style, bus
        self.state = State.LISTENING
        self.ears = Ears(senses.ears)
        self._turn = Turn(0)
        self._answering: asyncio.Task[None] | None = None
        self._guessing: asyncio.Task[None] | None = None
        self._guess_due_s = 0.0
        self._typed: str | None = None
        self._started_s = 0.0
        self._acts: dict[Action, Callable[[], None]] = {
            Action.CANCEL_REPLY: self._cancel_reply,
            Action.REMEMBER: self._remember,
            Action.OPEN_TURN: self._open_turn,
            Action.REOPEN_TURN: self._reopen_turn,
            Action.CLOSE_TURN: self.ears.close_turn,
            Action.REPLY: self._reply,
        }

    async def run(self, created: Callable[[], events.Event]) -> None:
        """Talk until the source of frames ends. `created` makes the session's first event, once it listens."""
        senses = self.senses
        self._started_s = clock.now()
        senses.speaker.on_started = self._on_sound
        await senses.speaker.start()
        touching = asyncio.create_task(self._stay_warm())
        self.bus.emit(created())
        try:
            async for frame in senses.source.frames():
                probability = senses.vad.probability(frame.samples)
                if self.state is State.SPEAKING and not senses.barge_in:
                    continue
                for happening in self.ears.push(frame, probability):
                    self.happen(happening)
                self._guess_words(frame.end_s)
        finally:
            touching.cancel()
            await self._close()

    def submit(self, text: str) -> None:
        """Take typed text as a turn of its own."""
        self._typed = text
        self.happen(Happening.TEXT_TYPED)

    def notice(self, message: str) -> None:
        """Tell the user something, as a device that came back."""
        self._tell(events.Noticed, message=message)

    def happen(self, happening: Happening) -> None:
        """Move the state by the table, and do what it says."""
        self.state, actions = step(self.state, happening)
        for action in actions:
            self._acts[action]()
        if happening is Happening.SPEECH_STARTED:
            self._tell(events.SpeechStarted, speech_start_s=self.ears.speech_start_s - self._started_s)
        elif happening is Happening.SPEECH_PAUSED and self.state is State.PAUSED:
            self._tell(events.SpeechStopped, speech_end_s=self._speech_end_s())
        if self.state is not State.HEARING and self._guessing:
            self._guessing.cancel()

    # What the table's actions do, in its order.

    def _cancel_reply(self) -> None:
        """Stop the sound and the models of the reply."""
        turn, played = self._turn, self.senses.speaker.cut()
        turn.reply.cancelled.set()
        if self._answering:
            self._answering.cancel()
        if played.seconds:
            self._tell(events.PlaybackCleared, audio_s=played.seconds)
        turn.reply.heard = turn.reply.spoken.heard(played.seconds)
        self._tell(events.ResponseDone, status="cancelled")

    def _remember(self) -> None:
        """Keep in the history what was heard of the reply."""
        if self._turn.text:
            self.history.add(self._turn.text, self._turn.reply.heard)
            self._tell(events.ItemTruncated, heard=self._turn.reply.heard)

    def _open_turn(self) -> None:
        self._turn = Turn(self._turn.number + 1, self._typed, typed=self._typed is not None)
        self._typed = None
        if self._turn.typed:
            self._tell(events.TextSubmitted, text=self._turn.text)
        else:
            self.ears.open_turn()

    def _reopen_turn(self) -> None:
        """Go on with a turn whose reply nobody has heard: its sound is kept, a typed one is kept as unanswered."""
        if self._turn.typed:
            self._remember()
            self._open_turn()
        else:
            self.ears.reopen_turn(self._turn.sound)
            self._turn = Turn(self._turn.number)

    def _reply(self) -> None:
        turn = self._turn
        if not turn.typed:
            turn.sound = self.ears.take_turn()
        self._tell(events.TurnCommitted, speech_end_s=None if turn.typed else self._speech_end_s())
        self._answering = asyncio.create_task(self._answer(turn, after=self._answering))

    # The reply, in a task of its own.

    async def _answer(self, turn: Turn, after: asyncio.Task[None] | None) -> None:
        """Understand a turn and reply to it, once the task of an earlier reply has let go of the models."""
        if after:
            await asyncio.wait([after])
        tell = self._teller(turn)
        status = "failed"
        try:
            if turn.text is None:
                heard = await self.engines.lane.call(
                    Urgency.FINAL_TRANSCRIPT, lambda: self.engines.stt.transcribe(turn.sound)
                )
                turn.text = heard.text
                tell(events.TranscriptCompleted, text=heard.text, reruns=heard.reruns)
            if turn.text:
                played = await self._speak(turn, tell)
                self.history.add(turn.text, turn.reply.text)
                tell(events.PlaybackStopped, audio_s=played.seconds)
            status = "completed" if turn.text else "ignored"
        except InferenceError as error:
            tell(events.Noticed, message=str(error))
        except Exception as error:  # one reply that fails must not end the conversation
            tell(events.Noticed, message=f"the reply failed: {type(error).__name__}: {error}")
        tell(events.ResponseDone, status=status)
        self.happen(Happening.REPLY_ENDED)

    async def _speak(self, turn: Turn, tell: Tell) -> Played:
        """Speak the reply; the oldest turns are forgotten when the chat outgrows the model's context."""
        assert turn.text is not None
        while True:
            try:
                messages = self.history.messages(turn.text)
                return await speak_reply(
                    turn.reply, messages, self.engines, self.style, self.senses.speaker, tell
                )
            except PromptTooLong:
                if not self.history.forget_oldest():
                    raise
                turn.reply = Reply()

    def _on_sound(self) -> None:
        first_sound_s = self.senses.speaker.first_sound_s
        self._tell(events.PlaybackStarted, at_s=first_sound_s)
        self.happen(Happening.SOUND_STARTED)

    # Beside the turns.

    def _guess_words(self, now_s: float) -> None:
        """Start a partial transcript when one is due and none is under way."""
        every_s = self.senses.partial_every_s
        if self.state is not State.HEARING or every_s is None:
            self._guess_due_s = now_s + (every_s or 0.0)
        elif now_s >= self._guess_due_s and (self._guessing is None or self._guessing.done()):
            self._guess_due_s = now_s + every_s
            self._guessing = asyncio.create_task(self._guess(self._turn, self.ears.turn_so_far()))

    async def _guess(self, turn: Turn, sound: Audio) -> None:
        guess = await self.engines.lane.call(
            Urgency.PARTIAL_TRANSCRIPT, lambda: self.engines.stt.partial(sound)
        )
        if guess.text and turn is self._turn and self.state is State.HEARING:
            self._tell(events.TranscriptDelta, text=guess.text)

    async def _stay_warm(self) -> None:
        """Touch the models while nobody speaks."""
        while True:
            await asyncio.sleep(TOUCH_EVERY_S)
            if self.state is State.LISTENING:
                await self.engines.lane.call(Urgency.UPKEEP, self.engines.touch)

    async def _close(self) -> None:
        """Stop what is under way and close the devices."""
        tasks = [task for task in (self._answering, self._guessing) if task]
        self._turn.reply.cancelled.set()
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        await self.senses.source.close()
        await self.senses.speaker.close()
        self._tell(events.SessionClosed)

    def _speech_end_s(self) -> float:
        return self.ears.speech_end_s - self._started_s

    def _tell(self, kind: Callable[..., events.Event], **fields: object) -> None:
        self._teller(self._turn)(kind, **fields)

    def _teller(self, turn: Turn) -> Tell:
        def tell(kind: Callable[..., events.Event], at_s: float | None = None, **fields: object) -> None:
            at_s = (clock.now() if at_s is None else at_s) - self._started_s
            self.bus.emit(kind(at_s=at_s, turn=turn.number, **fields))

        return tell
