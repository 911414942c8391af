"""A session: frames and commands in, turns decided, replies drafted, released, cancelled. `run` is the main path."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from inference.types import Audio, Samples
from voice_app.core import clock, events
from voice_app.core.barge_in import EchoFloor, SpeechStats, is_backchannel, is_echo, words
from voice_app.core.draft import Drafter, DraftGauge
from voice_app.core.endpointing import Endpointer, EndpointLimits
from voice_app.core.errors import VoiceAppError
from voice_app.core.history import Exchange
from voice_app.core.mending import END_MARKS, WITHIN_S
from voice_app.core.ports import (
    Announce,
    Bus,
    Command,
    Emit,
    EndTurn,
    Notify,
    Priority,
    SessionIO,
    Stop,
    Swap,
    Text,
    emitter,
)
from voice_app.core.segmenter import SegmenterSettings, SpeechSegmenter
from voice_app.core.stages import Budget, turn_times
from voice_app.core.turn import Assistant, Reply, Transcription, Turn
from voice_app.core.turn_table import Action, Input, State, step

JUDGE_EVERY_S = 0.6
"""How long a sound holds the reply before it is asked whether it is words; a cough has paused by then."""
STREAMED_WORDS_EVERY_S = 0.2
"""How often the words so far are taken at most from an engine that has them without being asked."""


@dataclass(frozen=True, slots=True)
class TurnRules:
    """How turns are taken."""

    segmenter: SegmenterSettings = SegmenterSettings()
    limits: EndpointLimits = EndpointLimits()
    budget: Budget = Budget()
    drafting: bool = True
    """Whether replies are drafted during pauses; without it, work begins at the end of a turn."""
    barge_in: bool = True
    """Whether speech stops a reply. Loudspeakers without echo cancellation need it off: half duplex."""
    partial_every_s: float | None = 1.0
    """How often the words so far are guessed while the user speaks; None: never."""
    language: str = "en"
    """What is spoken, as an ISO 639-1 code."""


class Session:
    """Everything between the microphone and the loudspeaker: commands and frames in, events and sound out.

    It has no thread and no loop of its own. Commands that come before it listens are done once it does.
    """

    def __init__(self, assistant: Assistant, rules: TurnRules, bus: Bus, name: str = "") -> None:
        """`name` is the id that its events carry."""
        self.assistant, self.rules, self.bus, self.name = assistant, rules, bus, name
        self.io: SessionIO
        """Known from `run` on."""
        self.state = State.LISTENING
        self.endpointer = Endpointer(rules.limits)
        self.segmenter = SpeechSegmenter(rules.segmenter, self.endpointer)
        gauge = DraftGauge(rules.drafting)
        self.drafter = Drafter(assistant, self.endpointer, gauge, rules.budget)
        self.echo_floor = EchoFloor()
        self._turn = Turn(0)
        self._transcription = Transcription(assistant.engines, rules.language)
        """Turns the sound that the segmenter keeps into words."""
        self._log: list[events.Event] = []
        """What happened in this turn."""
        self._answering: asyncio.Task[None] | None = None
        self._guessing: asyncio.Task[None] | None = None
        self._guess_due_s = 0.0
        self._typed: str | None = None
        self._announcements: deque[str] = deque()
        self._early: list[Command] | None = []
        """Commands that came before the session listens."""
        self._swaps: set[asyncio.Task[None]] = set()
        self._listening = asyncio.Event()
        self._listening.set()
        self._sounded_s, self.started_s = -math.inf, 0.0
        """When the last reply became audible, and when the session began, on `voice_app.core.clock`."""
        self._action_handlers: dict[Action, Callable[[], None]] = {
            Action.CANCEL_REPLY: self._cancel_reply,
            Action.REMEMBER: self._remember,
            Action.DROP_DRAFT: self._drop_draft,
            Action.CLOSE_TURN: self.segmenter.close_turn,
            Action.OPEN_TURN: self._open_turn,
            Action.TAKE_TURN: self._take_turn,
            Action.REOPEN_TURN: self._reopen_turn,
            Action.LISTEN_IN: self._listen_in,
            Action.HOLD_SOUND: self._hold_sound,
            Action.RESUME_SOUND: self._resume_sound,
            Action.JUDGE: self._judge,
            Action.DRAFT: self._draft,
            Action.RELEASE: self._release,
        }

    async def run(self, io: SessionIO, created: events.SessionCreated) -> None:
        """Talk until the source of frames ends. `created` is the session's first event."""
        self.io, self.started_s = io, clock.now()
        io.speaker.on_started = self._on_sound
        await io.speaker.start()
        self.bus.emit(created.model_copy(update={"session": self.name}))
        early, self._early = self._early or [], None
        for command in early:
            asyncio.get_running_loop().call_soon(self.send, command)
        try:
            async for frame in io.source.frames():
                probability = io.vad.probability(frame.samples)
                if self.state is State.SPEAKING and self._is_deaf_to(frame.samples):
                    continue
                for input_ in self.segmenter.push(frame, probability):
                    self.handle(input_)
                self._guess_words(frame.end_s)
        finally:
            await self._close()

    def send(self, command: Command) -> None:
        """Do what is asked; in the session's thread."""
        if self._early is not None:
            self._early.append(command)
            return
        match command:
            case Text(text) if text.strip():
                self._typed = text
                self.handle(Input.TEXT_TYPED)
            case Stop():
                self._turn.announced, self._sounded_s = "", -math.inf  # neither is wanted any more
                self.handle(Input.STOP_ASKED)
                self._emit(events.InputCleared())
            case EndTurn() if self.state in (State.HEARING, State.PAUSED):
                self.handle(Input.TURN_OVER)
            case Announce(text):
                self._announcements.append(text)
                self._say_announcement()
            case Notify(message):
                self._emit(events.Noticed(message=message))
            case Swap(exchange):
                swap = asyncio.create_task(self._swap(exchange))
                self._swaps.add(swap)
                swap.add_done_callback(self._swaps.discard)

    def updated(self, models: dict[str, str], persona: str) -> None:
        """Emit that the session has other models, another persona or other devices."""
        self._emit(events.SessionUpdated(models=models, persona=persona))

    async def until_idle(self) -> None:
        """Wait until nobody speaks and no model works for the session."""
        while True:
            await self._listening.wait()
            working = [task for task in (self._answering, self._guessing) if task and not task.done()]
            if not working and self.state is State.LISTENING:
                return
            await asyncio.wait(working or [asyncio.create_task(asyncio.sleep(0))])

    async def _swap(self, exchange: Callable[[], Awaitable[None]]) -> None:
        await self.until_idle()
        await exchange()

    def handle(self, input_: Input) -> None:
        """Move the state by the table, and do what it says."""
        if input_ is Input.SPEECH_PAUSED and self.state is State.HEARING:
            self._emit(events.SpeechStopped(speech_end_s=self._speech_end_s()))
        self.state, actions = step(self.state, input_)
        settings, speaks = self.rules.segmenter, self.state is State.SPEAKING
        self.segmenter.start_frames = settings.barge_in_frames if speaks else settings.start_frames
        for action in actions:
            self._action_handlers[action]()
        (self._listening.set if self.state is State.LISTENING else self._listening.clear)()
        if input_ is Input.SPEECH_STARTED:
            self._emit(events.SpeechStarted(speech_start_s=self.segmenter.speech_start_s - self.started_s))
        if self.state not in (State.HEARING, State.INTERRUPTED) and self._guessing:
            self._guessing.cancel()
        self._say_announcement()

    def _say_announcement(self) -> None:
        if self.state is State.LISTENING and self._announcements:
            self._typed = ""
            self.handle(Input.TEXT_TYPED)

    # What the table's actions do.

    def _cancel_reply(self) -> None:
        """Stop the sound and the models of the reply."""
        turn, played = self._turn, self.io.speaker.cut()
        self._abandon_answer()
        if played.seconds and turn.reply.sound_s:
            self._emit(events.PlaybackCleared(audio_s=played.seconds))
            turn.reply.heard = turn.reply.spoken.heard(played.seconds)
        if turn.announced and not turn.reply.heard:
            self._announcements.appendleft(turn.announced)
        self._emit(events.ResponseDone(status="cancelled"))

    def _remember(self) -> None:
        """Keep in the history what was heard of the reply."""
        if self._turn.text:
            reply = self._turn.reply
            self.assistant.history.add(self._turn.text, reply.heard, reply.made)
            self._emit(events.ItemTruncated(heard=reply.heard))

    def _open_turn(self) -> None:
        self._log.clear()
        begun = self._begun() if self._typed is None else None
        self._turn = Turn(self._turn.number + 1, self._typed, typed=self._typed is not None, begun=begun)
        self._typed = None
        if self._turn.text == "":
            self._turn.announced = self._announcements.popleft()
        elif self._turn.typed:
            self._emit(events.TextSubmitted(text=self._turn.text))
        else:
            self._listen_in()

    def _listen_in(self, *earlier: Samples) -> None:
        """Keep the sound from now on, after `earlier`, and hear it."""
        self.segmenter.open_turn(*earlier)
        self._transcription = Transcription(self.assistant.engines, self.rules.language)

    def _take_turn(self) -> None:
        """Go on keeping the sound of an interruption, as that of a turn."""
        self._log.clear()
        self._turn = Turn(self._turn.number + 1, begun=self._begun())

    def _begun(self) -> Exchange | None:
        """Return the turn before, with which somebody who speaks now may go on: its reply has only begun."""
        soon = self.segmenter.speech_start_s - self._sounded_s < WITHIN_S
        return self.assistant.history.ended_by(self._turn.text) if soon and self._turn.may_go_on else None

    def _reopen_turn(self) -> None:
        """Go on with a turn whose reply nobody has heard: its sound is kept, a typed one is kept as unanswered."""
        self.endpointer.adaptive_delay.went_on()
        if self._turn.typed:
            self._remember()
            self._open_turn()
        else:
            self._listen_in(self._turn.sound.samples)  # anew, since some of its silence was cut

    def _draft(self) -> None:
        """Begin a reply to the turn as it stands; nobody hears it before it is released."""
        turn = self._turn
        turn.reply = Reply(turn.reply.revision + 1)
        if not turn.typed:
            turn.sound, turn.stats = self.segmenter.turn_so_far(), self.segmenter.stats_so_far()
            turn.transcription = self._transcription
        spoken_s = clock.now() if turn.typed else self.segmenter.speech_end_s
        self.assistant.engines.scheduler.deadline_s = spoken_s + self.rules.budget.total_s
        self._answering = asyncio.create_task(self._answer(turn, self._answering))

    def _drop_draft(self) -> None:
        """The user goes on: what was drafted answers half a turn."""
        self._abandon_answer()
        if self.drafter.gauge.enabled:
            self.drafter.gauge.end(useful=False)
            self._emit(events.DraftDiscarded())

    def _release(self) -> None:
        """The turn is over: play the reply as soon as there is some of it."""
        turn = self._turn
        self._emit(events.TurnCommitted(speech_end_s=None if turn.typed else self._speech_end_s()))
        if not turn.typed:
            turn.sound = self.segmenter.take_turn()
        self.drafter.gauge.end(useful=True)
        try:
            turn.reply.release()
        except VoiceAppError as error:  # what the reply claims to have done has failed: it must not be heard
            self._emit(events.Noticed(message=str(error)))
            self._abandon_answer()
            self._emit(events.ResponseDone(status="failed"))
            self.handle(Input.REPLY_ENDED)

    def _hold_sound(self) -> None:
        self.io.speaker.hold()
        self._emit(events.PlaybackHeld())

    def _resume_sound(self) -> None:
        self.io.speaker.resume()
        self._emit(events.PlaybackResumed())

    def _abandon_answer(self) -> None:
        """Stop the models."""
        self._turn.reply.cancelled.set()
        if self._answering:
            self._answering.cancel()

    def _judge(self) -> None:
        """Find out whether words interrupt the reply."""
        if self._guessing is None or self._guessing.done():
            sound, stats = self.segmenter.turn_so_far(), self.segmenter.stats_so_far()
            self._guessing = asyncio.create_task(self._judge_interruption(self._transcription, sound, stats))

    # What the reply reports.

    async def _answer(self, turn: Turn, after: asyncio.Task[None] | None) -> None:
        await self.drafter.answer(turn, self.io.speaker, self._emitter(turn), after)
        self.handle(Input.REPLY_ENDED)
        if turn.text:
            self.endpointer.adaptive_delay.was_over()
            await self.drafter.compact()

    def _on_sound(self) -> None:
        self._sounded_s = self.io.speaker.first_sound_s or clock.now()
        self._emit(events.PlaybackStarted(), at_s=self._sounded_s)
        turn = self._turn
        by_model = turn.reply.clause_tokens or not turn.reply.first_clause_out
        with contextlib.suppress(ValueError):  # a log out of order teaches nothing; `bench` refuses it
            if by_model:
                times = turn_times(self._log, turn.number)
                self.assistant.engines.estimates.learn(times, turn.reply.clause_tokens)
        self.handle(Input.SOUND_STARTED)

    # Beside the turns.

    def _guess_words(self, now_s: float) -> None:
        """Start a partial transcript when one is due and none is under way."""
        every_s, streams = self.rules.partial_every_s, self._transcription.streams
        every_s = min(every_s, STREAMED_WORDS_EVERY_S) if every_s and streams else every_s
        if self.state in (State.HEARING, State.INTERRUPTED):
            self._transcription.feed(self.segmenter.turn_so_far())
        if self.state is State.INTERRUPTED:
            if now_s >= self._guess_due_s:
                self._guess_due_s = now_s + JUDGE_EVERY_S
                self._judge()
        elif self.state is not State.HEARING or every_s is None:
            self._guess_due_s = now_s + (JUDGE_EVERY_S if self.state is State.SPEAKING else every_s or 0.0)
        elif now_s >= self._guess_due_s and (self._guessing is None or self._guessing.done()):
            self._guess_due_s = now_s + every_s
            guess = self._guess(self._turn, self._transcription, self.segmenter.turn_so_far())
            self._guessing = asyncio.create_task(guess)

    async def _guess(self, turn: Turn, transcription: Transcription, sound: Audio) -> None:
        """Guess the words so far, and let the language model read them: it forgets those that turn out otherwise."""
        scheduler, chat = self.assistant.engines.scheduler, self.assistant.engines.chat
        guess = await transcription.partial(sound, Priority.PARTIAL_TRANSCRIPT)
        if guess.text and turn is self._turn and self.state is State.HEARING:
            self._emit(events.TranscriptDelta(text=guess.text))
            messages = self.assistant.history.messages(guess.text.rstrip(END_MARKS))
            if messages[-1].content:
                await scheduler.call(Priority.PARTIAL_TRANSCRIPT, lambda: chat.prefill(messages), on="llm")

    async def _judge_interruption(
        self, transcription: Transcription, sound: Audio, stats: SpeechStats
    ) -> None:
        """Words to the assistant take the floor; of anything else the reply goes on."""
        heard = await transcription.partial(sound, Priority.FINAL_TRANSCRIPT)
        if self.state is not State.INTERRUPTED:
            return
        text, spoken = words(heard, stats), self._turn.reply.spoken.heard(self.io.speaker.played_s)
        echo = self.io.hears_itself() or is_echo(text, spoken)
        if echo and not self.io.cancel_echo():
            self.echo_floor.learn(sound.samples)
        if not (echo or is_backchannel(text)):
            self.handle(Input.WORDS_HEARD)
            if not self.segmenter.speaking:
                self.handle(Input.SPEECH_PAUSED)
        elif echo or not (text and self.segmenter.speaking):
            self._emit(events.SpeechIgnored(heard=heard.text))
            self.handle(Input.FALSE_INTERRUPTION)

    def _is_deaf_to(self, samples: Samples) -> bool:
        """Return whether to ignore sound during a reply: in half duplex, and where it is no louder than its echo."""
        return not self.rules.barge_in or self.echo_floor.hides(samples)

    async def _close(self) -> None:
        """Stop what is under way and close the devices."""
        tasks = [task for task in (self._answering, self._guessing, *self._swaps) if task]
        self._turn.reply.cancelled.set()
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        await self.io.source.close()
        await self.io.speaker.close()
        self._emit(events.SessionClosed())

    def _speech_end_s(self) -> float:
        return self.segmenter.speech_end_s - self.started_s

    def _emit(self, event: events.Event, *, at_s: float | None = None) -> None:
        self._emitter(self._turn)(event, at_s=at_s)

    def _emitter(self, turn: Turn) -> Emit:
        return emitter(self._send, self.started_s, turn.number, turn.reply.revision, self.name)

    def _send(self, event: events.Event) -> None:
        self._log.append(event)
        self.bus.emit(event)
