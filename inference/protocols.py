"""The engines of a voice assistant: four of two members each, and one of one.

Calls block and may run in any one thread at a time; whoever schedules them decides where. Every engine
folder has the real thing, named after its library, and a scripted one: a fake with declared durations.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from threading import Event
from typing import Protocol, runtime_checkable

from inference.types import (
    Audio,
    ChatRequest,
    Delta,
    HeardWord,
    LlmCapabilities,
    Message,
    Samples,
    SpeechChunk,
    SttCapabilities,
    Tool,
    Transcript,
    Usage,
    Voice,
)


class VoiceActivityDetector(Protocol):
    """Distinguishes speech from other sound, frame by frame: 512 samples at 16 kHz (32 ms)."""

    def probability(self, frame: Samples) -> float:
        """Return the probability of speech in `frame`, float32 of shape (512,); remembers earlier frames."""
        ...

    def reset(self) -> None:
        """Forget earlier frames."""
        ...


class Recognizer(Protocol):
    """Hears one utterance: its sound goes in as it comes, its words come out. Dropped when nobody needs it any more."""

    def push(self, samples: Samples) -> None:
        """Take the next sound of the utterance, 16 kHz, float32 of shape (n,), which stays as it is.

        A streaming engine computes here, and has the words of what it was given afterwards; others only keep the sound.
        """
        ...

    def partial(self) -> Transcript:
        """Return the words so far of an utterance that goes on; they may be revised.

        Costs a streaming engine nothing, others a decode that is cheaper than the one of `finish`.
        """
        ...

    def finish(self) -> Transcript:
        """Return the final words of all sound that was pushed.

        The utterance may go on afterwards: whoever answers a pause finishes, and pushes more when the speaker was not
        done. Then `finish` is called again, and counts from the first sample, too.
        """
        ...


class SpeechToText(Protocol):
    """Turns speech into words. `inference.stt.transcribe` is the short way for sound that is there as a whole."""

    @property
    def capabilities(self) -> SttCapabilities:
        """What this engine can do."""
        ...

    def recognizer(self, language: str = "en") -> Recognizer:
        """Return what hears one utterance in a language. Several may exist at a time; the engine keeps none of them.

        Raises ModelError for a language that is not among `capabilities.languages`.
        """
        ...

    def keep_warm(self) -> None:
        """Run once, so that the model stays in memory and the next call is quick."""
        ...

    def use_threads(self, threads: int) -> None:
        """Hear with so many threads from now on, from 1 to `capabilities.threads`; costs nothing.

        The words stay the same.
        """
        ...


class TimedSpeechToText(SpeechToText, Protocol):
    """Speech to text that also says when each word was said (`capabilities.word_times`)."""

    def words(self, audio: Audio, language: str = "en") -> tuple[HeardWord, ...]:
        """Return the final words of an utterance of any length and rate, with their times."""
        ...


class TurnDetector(Protocol):
    """Distinguishes a finished turn from one that goes on."""

    def finished(self, chat: Chat, messages: tuple[Message, ...]) -> float | None:
        """Return the probability that the last message, the user's words so far, ends here; None: unknown.

        `chat` may be asked; what it has in its cache is then these messages.
        """
        ...


class SoundTurnDetector(Protocol):
    """Distinguishes a finished turn from one that goes on, by its sound."""

    def finished(self, sound: Audio) -> float:
        """Return the probability that the turn is over after this sound."""
        ...

    def keep_warm(self) -> None:
        """Run once, so that the model stays in memory and the next call is quick."""
        ...


class LanguageModel(Protocol):
    """Writes replies, in several chats that know nothing of each other.

    One thread at a time may call a model or its chats; items of streams of several chats may be asked for in any
    order. A request may be cancelled from any thread.
    """

    @property
    def capabilities(self) -> LlmCapabilities:
        """What it offers."""
        ...

    def chat(self) -> Chat:
        """Return a new, empty chat. Raises NoFreeChat when all that the model holds are open."""
        ...

    def keep_warm(self) -> None:
        """Read the weights, so that they stay in memory; disturbs no chat. Takes about as long as a token."""
        ...

    def use_threads(self, threads: int) -> None:
        """Work with 1 to `capabilities.threads` threads from the next call on; costs nothing.

        The tokens stay the same. Does nothing where the number is fixed.
        """
        ...

    def close(self) -> None:
        """Free the weights, and what the chats hold."""
        ...


class Chat(Protocol):
    """One conversation with a language model, whose latest prompt it remembers; one request at a time."""

    @property
    def usage(self) -> Usage:
        """What the running request, or the last, has taken so far; of its prompt it is known from its first token on.

        For whoever watches tokens come, or stops them; others read the usage in `Done`.
        """
        ...

    def prefill(self, messages: tuple[Message, ...], tools: tuple[Tool, ...] = ()) -> int:
        """Bring the longest common prefix of coming requests into the cache; return the tokens computed.

        The last message may be unfinished; no end-of-message marker is put after it. Messages that are too long are
        left alone. `tools` are those of the coming requests, as they belong to their prefix.
        """
        ...

    def stream(self, request: ChatRequest) -> Iterator[Delta]:
        """Yield the reply until its end, `max_tokens`, or `request.cancelled`; last comes `Done`.

        What the model writes for itself comes as `Thought`, what it calls, asked or not, as `ToolCall`.

        Raises PromptTooLong when the messages leave no room for a reply, GrammarError for a bad grammar, EndpointError
        where another machine gives none.
        """
        ...

    def remaining_tokens(self, messages: tuple[Message, ...]) -> int:
        """Return how many tokens of the context these messages leave for a reply; negative when they are too long."""
        ...

    def restore(self, messages: tuple[Message, ...], tools: tuple[Tool, ...] = ()) -> bool:
        """Begin with the prefix of a persona: saved before, or computed and saved now; return whether it was saved.

        `tools` as in `prefill`.
        """
        ...

    def end_probability(
        self, messages: tuple[Message, ...], ending: re.Pattern[str], marks: str = ""
    ) -> float | None:
        """Return the probability that after the last message, without the `marks` at its end, an `ending` comes.

        `ending` is matched with the whole text of a token; the end of a message has the empty text. A reply to
        `messages` that is asked for next costs no further prefill. None where the model tells no probabilities.
        """
        ...

    def forget(self) -> None:
        """Empty the cache: what is asked next gets the same tokens whatever was asked before.

        After a cached prefix a prompt is computed in other batches, whose sums differ in their last bits.
        """
        ...

    def close(self) -> None:
        """Empty the cache and leave its place to another chat."""
        ...


@runtime_checkable
class ChoosingChat(Protocol):
    """A chat that tells how probable the beginnings of its reply are."""

    def odds(self, messages: tuple[Message, ...], words: Sequence[str]) -> tuple[float, ...]:
        """Return how probable it is that a reply to `messages` begins with the first token of each word.

        What is asked next with the same messages but the last costs no prefill but of that one.
        """
        ...

    def restore(self, messages: tuple[Message, ...]) -> bool:
        """See Chat.restore."""
        ...


class TextToSpeech(Protocol):
    """Speaks clauses."""

    @property
    def rate_hz(self) -> int:
        """Sample rate of the speech."""
        ...

    def stream(self, text: str, voice: Voice, cancelled: Event) -> Iterator[SpeechChunk]:
        """Yield the sound of one clause of speakable text in a voice, the first piece as early as possible.

        Ends early, between pieces, once `cancelled` is set. Voices of several sessions may take turns.
        """
        ...

    def keep_warm(self) -> None:
        """Run once, so that the model stays in memory and the next call is quick."""
        ...
