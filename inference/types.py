"""What flows between the models. Everything is immutable; units are in the names."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]
"""Mono sound, shape (n,), float32 in [-1, 1]."""


@dataclass(frozen=True, slots=True, eq=False)
class Audio:
    """A stretch of mono sound at a known rate."""

    samples: Samples
    rate_hz: int

    @property
    def seconds(self) -> float:
        return len(self.samples) / self.rate_hz


@dataclass(frozen=True, slots=True)
class Transcript:
    """What speech to text heard."""

    text: str
    """Stripped of surrounding white space; empty when nothing was said."""
    audio_s: float
    """Length of the sound that was given."""
    reruns: int = 0
    """How often the loop guard decoded again with a longer context."""
    mean_log_prob: float = 0.0
    """Of its tokens, natural logarithm; of the most doubtful piece, where the sound was cut into several. 0, which
    doubts nothing, from an engine without `SttCapabilities.log_probs`."""
    language: str = "en"
    """ISO 639-1 code of the words' language."""


@dataclass(frozen=True, slots=True)
class SttCapabilities:
    """What an engine of speech to text can do."""

    streaming: bool = False
    """Whether its recognizers work while sound comes, so that words are there soon after they are said. Others only
    keep the sound, and decode all of it whenever they are asked for words."""
    languages: tuple[str, ...] = ("en",)
    """ISO 639-1 codes of what `recognizer` may be asked for."""
    word_times: bool = False
    """Whether it can tell when each word was said."""
    log_probs: bool = False
    """Whether its transcripts say how probable they are."""
    threads: int = 0
    """The most that `use_threads` may be asked for; 0 where their number is fixed."""


@dataclass(frozen=True, slots=True)
class HeardWord:
    """A word of a transcript, with its punctuation, and where it is in the sound."""

    text: str
    """Without white space."""
    start_s: float
    end_s: float

    def later(self, seconds: float) -> HeardWord:
        """Return the word in a sound with so much before it."""
        return replace(self, start_s=self.start_s + seconds, end_s=self.end_s + seconds)


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call that a language model asks for."""

    id: str
    """What the message with its result refers to; unique in its chat."""
    name: str
    arguments: str
    """A JSON object as text."""


@dataclass(frozen=True, slots=True)
class Tool:
    """What a language model may call."""

    name: str
    description: str
    parameters: Mapping[str, Any]
    """The JSON schema of its arguments, an object."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a chat."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    """What the assistant calls in this message."""
    call_id: str = ""
    """The call whose result a tool's message is."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the next token is drawn. `temperature` 0 is greedy."""

    temperature: float = 0.0
    top_p: float = 0.95
    top_k: int = 40
    min_p: float = 0.05
    repeat_penalty: float = 1.1
    """Divides the logits of recent tokens; 1 switches it off (Keskar et al. 2019, CTRL, section 4.1)."""
    seed: int = 0


class Cancel(threading.Event):
    """An event that also calls, in the thread that sets it, whoever must know at once."""

    def __init__(self) -> None:
        super().__init__()
        self._calls: list[Callable[[], None]] = []
        self._calling = threading.RLock()

    def set(self) -> None:
        with self._calling:
            super().set()
            for call in list(self._calls):
                call()

    @contextmanager
    def calling(self, call: Callable[[], None]) -> Iterator[None]:
        """Inside the block, `set` calls `call`, at once where it is set already; after it no call is under way."""
        with self._calling:
            self._calls.append(call)
            if self.is_set():
                call()
        try:
            yield
        finally:
            with self._calling:
                self._calls.remove(call)


@dataclass(frozen=True, slots=True, eq=False)
class ChatRequest:
    """A request for one reply."""

    messages: tuple[Message, ...]
    max_tokens: int = 200
    sampling: Sampling = Sampling()
    grammar: str | None = None
    """GBNF (llama.cpp) that the reply must match; None leaves it free."""
    cancelled: Cancel = field(default_factory=Cancel)
    """Set from any thread: the reply ends within 40 ms, also inside prefill."""
    tools: tuple[Tool, ...] = ()
    """What the reply may call."""
    max_thoughts: int = 512
    """Tokens of thoughts before the reply, where the model thinks; it ends there if no reply has begun."""


@dataclass(frozen=True, slots=True)
class Text:
    """One token of a reply."""

    text: str
    """Valid UTF-8 that this token completes; empty while a character spans tokens."""
    id: int
    emulated_s: float | None = None
    """When an emulated chip has this token, in seconds since its request started; None on real hardware."""


@dataclass(frozen=True, slots=True)
class Thought:
    """One token of what a model writes for itself before it answers: neither shown, nor spoken, nor kept."""

    text: str
    id: int


@dataclass(frozen=True, slots=True)
class Notice:
    """Something about a reply that its log should have."""

    cause: str
    """In words."""
    action: str = ""
    """What was done about it, to answer in time; empty where nothing could be."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a reply took."""

    prompt_tokens: int = 0
    cached_tokens: int = 0
    """Tokens of the prompt that were in the chat's cache already."""
    completion_tokens: int = 0
    late_tokens: int = 0
    """Tokens that came later than the emulated chip would have had them, where they are paced."""
    cycles_per_token: int = 0
    """Of the last token's step on the emulated chip; 0 on real hardware."""
    chip_utilisation: Mapping[str, float] = field(default_factory=dict)
    """Of each kind of unit of the emulated chip, the share of these cycles in which it works."""


Reason = Literal["stop", "length", "cancelled", "tool_calls"]
"""Why a reply ends: by itself, at `max_tokens` or the context's end, cancelled, or to have its calls answered."""


@dataclass(frozen=True, slots=True)
class Done:
    """The end of a reply."""

    usage: Usage
    reason: Reason


Delta = Text | Thought | ToolCall | Notice | Done
"""What a language model streams; `Done` comes last."""


def texts(deltas: Iterable[Delta]) -> Iterator[Text]:
    """Yield the tokens of a reply alone."""
    return (delta for delta in deltas if isinstance(delta, Text))


def text_of(deltas: Iterable[Delta]) -> str:
    """Return the text of a whole reply."""
    return "".join(token.text for token in texts(deltas))


@dataclass(frozen=True, slots=True)
class LlmCapabilities:
    """What a language model offers."""

    context_tokens: int
    """Of each chat."""
    chats: int = 1
    """How many may be open at once."""
    local: bool = True
    """Whether it computes on this machine."""
    tools: bool = False
    """Whether it was trained to call tools."""
    grammar: bool = False
    """Whether a reply can be made to match a grammar."""
    token_probabilities: bool = False
    """Whether a chat tells how probable its next token is."""
    parameters: int = 0
    """How many weights it has; 0 where nobody knows."""
    threads: int = 0
    """The most that `use_threads` may be asked for; 0 where their number is fixed."""


@dataclass(frozen=True, slots=True)
class Voice:
    """How an engine of text to speech is to speak: a value of whoever has it speak, not a state of the engine."""

    speed: float = 1.0
    """Multiple of the engine's own speed."""
    pronunciations: Mapping[str, str] = field(default_factory=dict)
    """How words are said, by word in any case: see `inference.tts.lexicon` for what may stand there."""


@dataclass(frozen=True, slots=True)
class WordEnd:
    """Where a spoken word ends in the sound of its clause."""

    text_end: int
    """Characters of the clause's text up to and with this word."""
    end_sample: int
    """Samples from the start of the clause's sound."""


@dataclass(frozen=True, slots=True, eq=False)
class SpeechChunk:
    """A piece of a spoken clause, in order, without gaps."""

    samples: Samples
    rate_hz: int
    words: tuple[WordEnd, ...] = ()
    """Words of the clause that begin here or later, each once; counted from the start of the clause."""


Spend = Callable[[float], None]
"""What a scripted engine calls to let its declared seconds pass: `time.sleep`, or a test's virtual clock."""
