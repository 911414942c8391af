"""What happened, as frozen facts. Named after the OpenAI Realtime API, so that logs read naturally in this field.

`at_s` is the session clock: seconds since `session.created`. `turn` counts the user's turns from 1; 0 is before the
first. An event is stamped with its time and place when it is emitted. Every event survives a round trip through JSON.
The bus is write-only for the pipeline: listeners can't answer, so removing every listener changes nothing audible.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter


class Fact(BaseModel):
    """What all events have."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    at_s: float = 0.0
    session: str = ""
    """Id of the session; empty in logs older than it."""
    turn: int = 0
    revision: int = 0
    """Which draft of the turn's reply made it, from 1; 0 where no draft did."""

    @property
    def item_id(self) -> str:
        """Id of the turn in the conversation."""
        return f"{self.session}-{self.turn}"

    @property
    def response_id(self) -> str:
        """Id of the draft of the reply."""
        return f"{self.item_id}-{self.revision}"


class SessionCreated(Fact):
    """The session listens. Its first event, with what a reader of the log needs to know."""

    type: Literal["session.created"] = "session.created"
    started: str
    """Local date and time, ISO 8601."""
    models: dict[str, str]
    persona: str
    because: str = ""
    """Why this language model."""
    calibrated_ms: dict[str, float] = {}
    """What the stages take on this machine, warm, measured before the session began."""


class SessionClosed(Fact):
    """The session ended in order; a log without it was cut off."""

    type: Literal["session.closed"] = "session.closed"


class SpeechStarted(Fact):
    """The detector is sure that somebody speaks."""

    type: Literal["input_audio_buffer.speech_started"] = "input_audio_buffer.speech_started"
    speech_start_s: float
    """First voiced sample, on the session clock."""


class SpeechStopped(Fact):
    """The speaker has paused; the turn may go on."""

    type: Literal["input_audio_buffer.speech_stopped"] = "input_audio_buffer.speech_stopped"
    speech_end_s: float
    """Last voiced sample, on the session clock."""


class TurnCommitted(Fact):
    """The turn is judged over: the decision from which the reply is due. The draft of this revision is released."""

    type: Literal["input_audio_buffer.committed"] = "input_audio_buffer.committed"
    speech_end_s: float | None
    """Last voiced sample; None for typed text."""


class InputCleared(Fact):
    """The user stopped, by a key, whatever was being said: what was heard of an unfinished turn is dropped."""

    type: Literal["input_audio_buffer.cleared"] = "input_audio_buffer.cleared"


class SpeechIgnored(Fact):
    """A false interruption: noise, a cough or a backchannel over the reply, which goes on."""

    type: Literal["input_audio_buffer.speech_ignored"] = "input_audio_buffer.speech_ignored"
    heard: str
    """What speech to text made of it."""


class DraftCreated(Fact):
    """Work on a reply begins: at a pause of the user, or at the turn's end where replies are not drafted."""

    type: Literal["response.draft.created"] = "response.draft.created"


class DraftDiscarded(Fact):
    """The user went on: what was drafted is of no use."""

    type: Literal["response.draft.discarded"] = "response.draft.discarded"


class EndpointPredicted(Fact):
    """How long a silence now ends the turn, and why."""

    type: Literal["input_audio_buffer.endpoint_predicted"] = "input_audio_buffer.endpoint_predicted"
    silence_s: float
    finished: float | None
    """Probability, by the words, that the user has finished; None: unknown."""
    because: str


class BudgetAction(Fact):
    """An action that keeps a reply in time."""

    type: Literal["budget.action"] = "budget.action"
    action: str
    cause: str


class TranscriptDelta(Fact):
    """The words so far of a turn that goes on; may be revised."""

    type: Literal["conversation.item.input_audio_transcription.delta"] = (
        "conversation.item.input_audio_transcription.delta"
    )
    text: str


class TranscriptCompleted(Fact):
    """What the turn said."""

    type: Literal["conversation.item.input_audio_transcription.completed"] = (
        "conversation.item.input_audio_transcription.completed"
    )
    text: str
    reruns: int = 0


class TextSubmitted(Fact):
    """The user typed instead of speaking."""

    type: Literal["conversation.item.created"] = "conversation.item.created"
    text: str


class ResponseCreated(Fact):
    """The language model was asked."""

    type: Literal["response.created"] = "response.created"


class ResponseTextDelta(Fact):
    """A token of the reply."""

    type: Literal["response.output_text.delta"] = "response.output_text.delta"
    delta: str
    token_id: int
    """Negative: words that no language model wrote."""
    emulated_s: float | None = None


class ClauseReady(Fact):
    """A clause of the reply went to the voice."""

    type: Literal["response.output_audio_transcript.delta"] = "response.output_audio_transcript.delta"
    text: str
    """As spoken; numbers and symbols are words."""


class WordsTimed(Fact):
    """When the words of a piece of a clause are heard, in the sound of the reply."""

    type: Literal["response.output_audio_transcript.words"] = "response.output_audio_transcript.words"
    raw: str
    """The clause as it stands in the reply's text. All clauses together, each counted once, are the text."""
    text: str
    """The clause as spoken."""
    clause: int
    """Counts the clauses of a reply from 0."""
    start_s: float
    """Where the clause's sound begins in the sound of the reply."""
    ends: tuple[tuple[int, float], ...]
    """Of each word of the piece: characters of `text` up to and with it, and where it ends in the reply's sound."""


class AudioDelta(Fact):
    """A piece of the reply's sound is ready."""

    type: Literal["response.output_audio.delta"] = "response.output_audio.delta"
    audio_s: float


class OpenerSpoken(Fact):
    """Sound that bridges the wait begins; it is no answer, and comes before the reply's own sound."""

    type: Literal["response.opener"] = "response.opener"
    text: str
    audio_s: float


class TextDone(Fact):
    """The language model has written its last token."""

    type: Literal["response.output_text.done"] = "response.output_text.done"
    text: str
    tokens: int
    prompt_tokens: int = 0
    cached_tokens: int = 0
    late_tokens: int = 0
    """Tokens that this machine had later than the emulated chip whose pace they keep."""
    cycles_per_token: int = 0
    """Cycles of the emulated chips for the reply's last token; 0 without chips."""
    chip_utilisation: dict[str, float] = {}
    """Of each kind of unit of the chips, the share of these cycles in which it works; emulated."""


class PlaybackStarted(Fact):
    """The first sample of the reply is audible; `at_s` includes the sound card's own delay."""

    type: Literal["output_audio_buffer.started"] = "output_audio_buffer.started"


class PlaybackHeld(Fact):
    """Something sounds over the reply: it waits until it is known what."""

    type: Literal["output_audio_buffer.held"] = "output_audio_buffer.held"


class PlaybackResumed(Fact):
    """A held reply goes on."""

    type: Literal["output_audio_buffer.resumed"] = "output_audio_buffer.resumed"


class PlaybackStopped(Fact):
    """The reply has been heard to its end."""

    type: Literal["output_audio_buffer.stopped"] = "output_audio_buffer.stopped"
    audio_s: float


class PlaybackCleared(Fact):
    """The reply was cut off."""

    type: Literal["output_audio_buffer.cleared"] = "output_audio_buffer.cleared"
    audio_s: float
    """How much of it was heard."""


class ItemTruncated(Fact):
    """What of a cut-off reply was heard, and so remains in the history."""

    type: Literal["conversation.item.truncated"] = "conversation.item.truncated"
    heard: str


class ResponseDone(Fact):
    """The reply is over: `completed`, `cancelled` by the user, `failed`, or `ignored` (nothing was said)."""

    type: Literal["response.done"] = "response.done"
    status: Literal["completed", "cancelled", "failed", "ignored"]


class TableShown(Fact):
    """A table of the reply, for the screen; the same title again is the same table, grown or changed."""

    type: Literal["conversation.table"] = "conversation.table"
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    complete: bool = True
    """Whether all its rows are there."""
    listed: bool = False
    """Whether it was asked for as a list, day by day, not as a table."""


class ToolCalled(Fact):
    """A local tool was asked, with JSON that its grammar allows."""

    type: Literal["response.function_call_arguments.done"] = "response.function_call_arguments.done"
    name: str
    arguments: str
    """A JSON object."""


class ToolAnswered(Fact):
    """What the tool said."""

    type: Literal["conversation.item.function_call_output"] = "conversation.item.function_call_output"
    name: str
    output: str
    sources: tuple[str, ...] = ()
    """Names of the user's own notes it comes from."""


class MemoryChanged(Fact):
    """The user's memory was changed, and the change is on disk."""

    type: Literal["memory.changed"] = "memory.changed"
    change: Literal["added", "edited", "deleted"]
    text: str


class Considered(Fact):
    """A question was answered several times, and one answer chosen."""

    type: Literal["response.considered"] = "response.considered"
    samples: int
    agreed: int
    """How many of them said what was chosen."""
    spent_s: float
    budget_s: float


class SessionUpdated(Fact):
    """A model, the persona or a device is another from here on."""

    type: Literal["session.updated"] = "session.updated"
    models: dict[str, str]
    persona: str


class Noticed(Fact):
    """Something the user should know; the session goes on."""

    type: Literal["error"] = "error"
    message: str


Event = Annotated[
    SessionCreated
    | SessionClosed
    | SpeechStarted
    | SpeechStopped
    | TurnCommitted
    | InputCleared
    | SpeechIgnored
    | DraftCreated
    | DraftDiscarded
    | EndpointPredicted
    | BudgetAction
    | TranscriptDelta
    | TranscriptCompleted
    | TextSubmitted
    | ResponseCreated
    | ResponseTextDelta
    | ClauseReady
    | WordsTimed
    | AudioDelta
    | OpenerSpoken
    | TextDone
    | PlaybackStarted
    | PlaybackHeld
    | PlaybackResumed
    | PlaybackStopped
    | PlaybackCleared
    | ItemTruncated
    | ResponseDone
    | TableShown
    | ToolCalled
    | ToolAnswered
    | MemoryChanged
    | Considered
    | SessionUpdated
    | Noticed,
    Field(discriminator="type"),
]

EVENT: TypeAdapter[Event] = TypeAdapter(Event)
"""Reads an event back: `EVENT.validate_json(line)`."""
