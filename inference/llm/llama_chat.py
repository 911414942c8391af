"""One chat as a sequence of tokens: its prefix stays in the cache, what it says is drawn from its own logits."""

from __future__ import annotations

import codecs
import itertools
import re
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from inference.errors import PromptTooLong
from inference.llm.lookup import BEGINNING_TOKENS, beginning, follow
from inference.llm.native import BATCH_TOKENS, Logits, NativeModel, NativeSampler
from inference.llm.prompt import Prompts
from inference.llm.saved import SavedPrefixes
from inference.llm.thoughts import with_thoughts
from inference.llm.tool_calls import with_calls
from inference.types import Cancel, ChatRequest, Delta, Done, Message, Reason, Text, Tool, Usage

UNSTABLE_TOKENS = 1
"""Tokens at the end of an unfinished message that a longer message may tokenise otherwise."""


class Context(Protocol):
    """What computes: sequences of tokens, each with a KV cache. `NativeContext` says what its methods do.

    It remembers nothing that a chat needs but these caches: logits are the caller's as soon as they are there.
    """

    size: int
    sequences: int

    def decode(
        self, sequence: int, tokens: Sequence[int], at: int, asked: Sequence[int], cancelled: Cancel
    ) -> list[Logits] | None: ...

    def keep(self, sequence: int, tokens: int) -> bool: ...

    def keep_warm(self) -> None: ...

    def use_threads(self, threads: int) -> None: ...

    def state(self, sequence: int) -> bytes: ...

    def set_state(self, sequence: int, state: bytes) -> bool: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Shared:
    """What the chats of a model share."""

    model: NativeModel
    context: Context
    prompts: Prompts
    prefixes: SavedPrefixes
    guesses: bool
    """Whether tokens that the question suggests are decoded together with a sampled one."""
    _matching: dict[re.Pattern[str], list[int]] = field(default_factory=dict)

    def matching(self, pattern: re.Pattern[str]) -> list[int]:
        """Return the tokens whose whole text matches; the end of a reply has the empty text. Looked up once."""
        if pattern not in self._matching:
            self._matching[pattern] = [
                token for token in range(self.model.vocab_size) if self._matches(pattern, token)
            ]
        return self._matching[pattern]

    def _matches(self, pattern: re.Pattern[str], token: int) -> bool:
        if self.model.ends_reply(token):
            return pattern.fullmatch("") is not None
        text = self.text(token)
        return text != "" and pattern.fullmatch(text) is not None

    def text(self, token: int) -> str:
        return self.model.piece(token).decode(errors="replace")


class LlamaChat:
    """A chat that owns one sequence. One request at a time; the chats of a model take turns in one thread.

    The sequence always holds the tokens in `_cached`; a request reuses the longest common prefix. Nothing of a decode
    stays in the context: the logits that the next token is drawn from are the chat's, whatever is decoded meanwhile.
    """

    def __init__(self, shared: Shared, sequence: int, closed: Callable[[int], None]) -> None:
        self._shared = shared
        self._number: int | None = sequence
        self._closed = closed
        self._cached: list[int] = []
        self._ahead: list[int] = []
        """Tokens after the cached ones that are guessed: they are in the sequence, but nobody has drawn them."""
        self._rows: list[Logits] = []
        """After the last cached token, where they were asked for; then after each of `_ahead`."""
        self._call_ids = (f"call_{number}" for number in itertools.count(1))
        self.usage = Usage()
        """See Chat.usage."""

    @property
    def _sequence(self) -> int:
        if self._number is None:
            raise RuntimeError("this chat is closed")
        return self._number

    def stream(self, request: ChatRequest) -> Iterator[Delta]:
        """Yield the reply; see Chat.stream.

        A reply that a grammar holds has no thoughts, and calls only where there are tools. Any other may call unasked:
        a model writes what it was trained on.
        """
        prompt, begun = self._prompt(request.messages, request.tools, plain=request.grammar is not None)
        sampler = NativeSampler(self._shared.model, request.sampling, request.grammar)
        try:
            if request.grammar is not None:
                held = self._written(prompt, sampler, request)
                yield from with_calls(held, self._call_ids) if request.tools else held
                return
            longest = replace(request, max_tokens=request.max_tokens + request.max_thoughts)
            written = self._written(prompt, sampler, longest)
            answer = with_thoughts(written, request, lambda: self.usage, begun=begun)
            yield from with_calls(answer, self._call_ids)
        finally:
            sampler.close()

    def _written(
        self, prompt: list[int], sampler: NativeSampler, request: ChatRequest
    ) -> Generator[Delta, None, None]:
        """Yield the tokens of a reply as text, then how it ended."""
        reason: Reason = "cancelled"
        guess = [] if request.grammar else self._guessed_beginning(request.messages)
        if self._extend_to(prompt, [len(prompt) - 1], request.cancelled, guess):
            reason = yield from self._tokens(sampler, request)
        yield Done(self.usage, reason)

    def _tokens(self, sampler: NativeSampler, request: ChatRequest) -> Generator[Text, None, Reason]:
        """Yield sampled tokens; return why they end.

        A token is decoded together with those that the question suggests after it. Whether they were guessed or not,
        all are drawn from the model's own logits, in turn.
        """
        decoder, asked = codecs.getincrementaldecoder("utf-8")("replace"), self._question(request)
        words, said = [self._shared.text(token) for token in asked], list[str]()
        remaining = self._shared.context.size - len(self._cached)
        for left in range(min(request.max_tokens, remaining) - 1, -1, -1):
            token = sampler.choose(self._rows[0])
            if self._shared.model.ends_reply(token):
                return "stop"
            if request.cancelled.is_set():
                return "cancelled"
            said.append(self._shared.text(token))
            self.usage = replace(self.usage, completion_tokens=len(said))
            yield Text(decoder.decode(self._shared.model.piece(token)), token)
            if left == 0:
                break
            if self._ahead[:1] == [token]:
                self._cached.append(token)
                self._ahead, self._rows = self._ahead[1:], self._rows[1:]
                continue
            self._keep(len(self._cached))
            guess = [asked[index] for index in follow(words, said)][: left - 1]
            if self._append([token], [0], request.cancelled, guess) is None:
                return "cancelled"
        return "length"

    def _question(self, request: ChatRequest) -> list[int]:
        """Return the tokens that a reply may repeat; none where a guess could not be taken back."""
        if not (self._shared.guesses and self._shared.model.can_forget):
            return []
        return self._shared.model.tokenize(" " + request.messages[-1].content)

    def _guessed_beginning(self, messages: Sequence[Message]) -> list[int]:
        """Return the tokens with which a reply may begin, as the question suggests them; see `_question`."""
        if not (self._shared.guesses and self._shared.model.can_forget) or messages[-1].role != "user":
            return []
        return self._shared.model.tokenize(beginning(messages[-1].content))[:BEGINNING_TOKENS]

    def _prompt(
        self, messages: Sequence[Message], tools: Sequence[Tool] = (), *, plain: bool = False
    ) -> tuple[list[int], bool]:
        """Return the tokens of a chat up to where the reply begins, and whether that is inside a thought."""
        prompt, begun = self._shared.prompts.asked(messages, tools, plain=plain)
        if len(prompt) >= self._shared.context.size:
            raise PromptTooLong(len(prompt), self._shared.context.size)
        return prompt, begun

    def prefill(self, messages: tuple[Message, ...], tools: tuple[Tool, ...] = ()) -> int:
        """Bring an unfinished chat into the cache; return the tokens computed. See Chat.prefill."""
        prompt = self._shared.prompts.unfinished(messages, tools)[:-UNSTABLE_TOKENS]
        if len(prompt) > self._shared.context.size:
            return 0
        before = common(self._cached, prompt)
        self._extend_to(prompt, [], Cancel())
        return len(prompt) - before

    def end_probability(
        self, messages: tuple[Message, ...], ending: re.Pattern[str], marks: str = ""
    ) -> float:
        """Return the probability of an ending after the last message; see Chat.end_probability."""
        last = messages[-1]
        bare = (*messages[:-1], replace(last, content=last.content.rstrip(marks)))
        prompt, _ = self._prompt(messages)
        place = max(common(self._shared.prompts.unfinished(bare), prompt) - 1, 0)
        guess = self._guessed_beginning(messages)
        rows = self._extend_to(prompt, [place, len(prompt) - 1], Cancel(), guess)
        assert rows is not None, "nobody cancels this"
        odds = np.exp(rows[0] - rows[0].max(), dtype=np.float32)
        return float(odds[self._shared.matching(ending)].sum() / odds.sum())

    def odds(self, messages: tuple[Message, ...], words: Sequence[str]) -> tuple[float, ...]:
        """Return how probable the first tokens of words are as a reply's first; see ChoosingChat.odds."""
        prompt, _ = self._prompt(messages, plain=True)
        rows = self._extend_to(prompt, [len(prompt) - 1], Cancel())
        assert rows is not None, "nobody cancels this"
        odds = np.exp(rows[0] - rows[0].max(), dtype=np.float32)
        firsts = [self._shared.model.tokenize(word)[0] for word in words]
        return tuple(float(odds[first] / odds.sum()) for first in firsts)

    def restore(self, messages: tuple[Message, ...], tools: tuple[Tool, ...] = ()) -> bool:
        """Begin with a persona's prefix, as another chat or another process left it; see Chat.restore."""
        prompt = self._shared.prompts.closed(messages, tools)
        self.forget()
        state = self._shared.prefixes.load(prompt)
        if state and self._shared.context.set_state(self._sequence, state):
            self._cached = prompt
            return True
        self._extend_to(prompt, [], Cancel())
        self._shared.prefixes.save(prompt, self._shared.context.state(self._sequence))
        return False

    def remaining_tokens(self, messages: tuple[Message, ...]) -> int:
        """Return how many tokens of the context these messages leave for a reply. See Chat.remaining_tokens."""
        return self._shared.context.size - len(self._shared.prompts.asked(messages)[0])

    def forget(self) -> None:
        """Empty the cache; see Chat.forget."""
        self._keep(0)

    def close(self) -> None:
        """Empty the cache and leave the sequence to another chat."""
        if self._number is not None:
            self.forget()
            number, self._number = self._number, None
            self._closed(number)

    def _extend_to(
        self, prompt: list[int], asked: Sequence[int], cancelled: Cancel, guess: Sequence[int] = ()
    ) -> list[Logits] | None:
        """Make the cache hold exactly `prompt`; return the logits after its tokens `asked`, None when cancelled.

        The tokens of a `guess` at what comes after it are decoded along, where the last of `asked` is the prompt's.
        """
        same = common(self._cached, prompt)
        if same == len(self._cached) == len(prompt) and asked == [same - 1] and self._rows:
            self.usage = Usage(same, same)
            return self._rows[:1]
        same = self._keep(min([same, *asked]))  # what is asked about must be decoded
        self.usage = Usage(len(prompt), same)
        return self._append(prompt[same:], [place - same for place in asked], cancelled, guess)

    def _keep(self, tokens: int) -> int:
        """Leave the first `tokens` in the cache, or none where the model can't forget a part; return how many."""
        if tokens == len(self._cached) and not self._ahead:
            return tokens
        if not self._shared.context.keep(self._sequence, tokens):
            tokens = 0
        self._ahead, self._rows = [], self._rows[:1] if tokens == len(self._cached) else []
        del self._cached[tokens:]
        return tokens

    def _append(
        self, tokens: list[int], asked: Sequence[int], cancelled: Cancel, guess: Sequence[int] = ()
    ) -> list[Logits] | None:
        """Decode tokens after the cached ones, in batches; return the logits after those at `asked`.

        None when cancelled: then what was computed before stays. A guess goes with the last batch, where there is room.
        """
        rows: list[Logits] = []
        for start in range(0, len(tokens), BATCH_TOKENS):
            batch = tokens[start : start + BATCH_TOKENS]
            places = [place - start for place in asked if start <= place < start + len(batch)]
            at, self._rows = len(self._cached), []
            is_last = start + len(batch) == len(tokens) and places[-1:] == [len(batch) - 1]
            room = min(BATCH_TOKENS - len(batch), self._shared.context.size - at - len(batch))
            ahead = list(guess[:room]) if is_last else []
            more = range(len(batch), len(batch) + len(ahead))
            found = self._shared.context.decode(
                self._sequence, [*batch, *ahead], at, [*places, *more], cancelled
            )
            if found is None:
                self._ahead = ahead
                self._keep(at)
                return None
            self._cached += batch
            rows += found[: len(places)]
            if is_last:
                self._ahead, self._rows = ahead, found[len(places) - 1 :]
        return rows


def common(some: Sequence[int], others: Sequence[int]) -> int:
    """Return how many tokens two sequences have in common from the start."""
    same = 0
    for one, other in zip(some, others, strict=False):
        if one != other:
            break
        same += 1
    return same
