"""llama.cpp as a LanguageModel: one chat whose stable prefix stays in the KV cache."""

from __future__ import annotations

import codecs
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from inference.errors import PromptTooLong
from inference.llm.lookup import follow
from inference.llm.native import BATCH_TOKENS, FLASH_ATTENTION, NativeContext, NativeModel, NativeSampler
from inference.llm.prompt import chat_template, unfinished
from inference.llm.saved import read_saved, save
from inference.types import ChatRequest, Message, Token

UNSTABLE_TOKENS = 1
"""Tokens at the end of an unfinished message that a longer message may tokenise otherwise."""


class Abort(Protocol):
    """What another thread raises to end a decode early."""

    def raise_(self) -> None: ...

    def lower(self) -> None: ...


class Context(Protocol):
    """What computes: one sequence of tokens in a KV cache. `NativeContext` says what its methods do."""

    size: int

    @property
    def abort(self) -> Abort: ...

    def decode(self, tokens: Sequence[int], at: int = 0, asked: Sequence[int] = ()) -> bool: ...

    def sampled(self, sampler: NativeSampler, place: int) -> int: ...

    def probabilities(self, place: int) -> npt.NDArray[np.float32]: ...

    def keep(self, tokens: int) -> bool: ...

    def state(self) -> bytes: ...

    def set_state(self, state: bytes) -> bool: ...

    def close(self) -> None: ...


class LlamaCpp:
    """A GGUF model. Not for two threads at once; `request.cancelled` may be set from any.

    The KV cache always holds the tokens in `_cached`; a request reuses the longest common prefix. `stream`
    and `prefill` are the protocol; `restore` makes the first turn as fast as the tenth.
    """

    guesses = True
    """Whether tokens that the question suggests are decoded together with a sampled one."""

    def __init__(
        self, path: Path, *, context_tokens: int = 2048, threads: int = 2, state_dir: Path | None = None
    ) -> None:
        model = NativeModel(path)
        most = min(context_tokens, model.context_limit or context_tokens)
        self._begin(model, NativeContext(model, most, threads), path, state_dir)

    def _begin(self, model: NativeModel, context: Context, path: Path, state_dir: Path | None) -> None:
        self.model, self.context = model, context
        lib, vocab = self.model.lib, self.model.vocab
        self._render = chat_template(
            self.model.meta("tokenizer.chat_template"),
            bos=self.model.text_of_special(lib.llama_vocab_bos(vocab)),
            eos=self.model.text_of_special(lib.llama_vocab_eos(vocab)),
        )
        self._cached: list[int] = []
        self._sampleable = False
        """Whether llama.cpp still holds the logits of the last cached token."""
        self._asked_at = -1
        self._state_dir = state_dir
        facts = path.stat()
        build = f"{self.model.lib.llama_print_system_info()}:{FLASH_ATTENTION}"
        self._identity = f"{path.name}:{facts.st_size}:{facts.st_mtime_ns}:{self.context.size}:{build}"
        self.cached_tokens = 0
        """Tokens of the last request that were already in the cache."""
        self.prompt_tokens = 0
        """Tokens of the last request."""

    def stream(self, request: ChatRequest) -> Iterator[Token]:
        """Yield the reply's tokens; see LanguageModel.stream."""
        prompt = self._prompt(request.messages)
        room = self.context.size - len(prompt)
        sampler = NativeSampler(self.model, request.sampling, request.grammar)
        self.context.abort.lower()
        try:
            with request.cancelled.calling(self.context.abort.raise_):
                if self._extend_to(prompt, last_logits=True):
                    question = " " + request.messages[-1].content
                    asked = self.model.tokenize(question) if self.guesses and self.model.can_forget else []
                    yield from self._decode(sampler, request, min(request.max_tokens, room), asked)
        finally:
            self.context.abort.lower()
            sampler.close()

    def _prompt(self, messages: Sequence[Message]) -> list[int]:
        """Return the tokens of a chat up to where the reply begins."""
        prompt = self.model.tokenize(self._render(messages, True))
        if len(prompt) >= self.context.size:
            raise PromptTooLong(len(prompt), self.context.size)
        return prompt

    def _decode(
        self, sampler: NativeSampler, request: ChatRequest, most: int, asked: list[int]
    ) -> Iterator[Token]:
        """Yield sampled tokens; a token is decoded together with those that `asked`, the question, suggests behind it.

        `ahead` are the suggested ones that are in the cache, but not sampled; `place` says where in the last batch
        the logits of the next token are.
        """
        text = codecs.getincrementaldecoder("utf-8")("replace")
        words, said = [self._text(token) for token in asked], list[str]()
        ahead, place = list[int](), -1
        try:
            for left in range(most - 1, -1, -1):
                token = self.context.sampled(sampler, place)
                if self.model.ends_reply(token) or request.cancelled.is_set():
                    return
                yield Token(text.decode(self.model.piece(token)), token)
                said.append(self._text(token))
                if left == 0 or request.cancelled.is_set():
                    return
                if ahead[:1] == [token]:
                    ahead, place = ahead[1:], place + 1
                    continue
                self._forget(len(ahead))
                ahead, place = [asked[index] for index in follow(words, said)][: left - 1], 0
                if not self._append([token, *ahead], range(1 + len(ahead))):
                    ahead = []
                    return
        finally:
            self._forget(len(ahead))

    def _text(self, token: int) -> str:
        return self.model.piece(token).decode(errors="replace")

    def _forget(self, tokens: int) -> None:
        """Take the last `tokens` out of the cache."""
        if tokens:
            del self._cached[-tokens:]
            self._sampleable = False
            self.context.keep(len(self._cached))

    def prefill(self, messages: tuple[Message, ...]) -> int:
        """Bring an unfinished chat into the cache; return the tokens computed. See LanguageModel.prefill."""
        prompt = self.model.tokenize(unfinished(self._render, messages))[:-UNSTABLE_TOKENS]
        if len(prompt) > self.context.size:
            return 0
        before = common(self._cached, prompt)
        self._extend_to(prompt, last_logits=False)
        return len(prompt) - before

    def ends_with(self, messages: tuple[Message, ...], marks: str, tokens: Sequence[int]) -> float:
        """Return the probability that one of `tokens` follows the last message without the `marks` behind it.

        A reply to `messages` that is asked for next costs no further prefill.
        """
        last = messages[-1]
        bare = (*messages[:-1], replace(last, content=last.content.rstrip(marks)))
        words = self.model.tokenize(unfinished(self._render, bare))
        prompt = self._prompt(messages)
        place = common(words, prompt) - 1
        self.context.abort.lower()
        self._extend_to(prompt, last_logits=True, asked=place)
        return float(self.context.probabilities(self._asked_at)[list(tokens)].sum())

    def restore(self, messages: tuple[Message, ...]) -> bool:
        """Load the saved state of a persona's prefix, or compute and save it; return whether it was saved before."""
        prompt = self.model.tokenize(self._render(messages, False))
        key = hashlib.sha256(f"{self._identity}:{prompt}".encode()).hexdigest()[:24]
        path = self._state_dir / f"prefix-{key}.kv" if self._state_dir else None
        self.context.keep(0)
        self._cached = []
        if path and (state := read_saved(path)) and self.context.set_state(state):
            self._cached, self._sampleable = prompt, False
            return True
        self._extend_to(prompt, last_logits=False)
        if path:
            save(path, self.context.state())
        return False

    def forget(self) -> None:
        """Empty the cache: what is asked next gets the same tokens whatever was asked before.

        Behind a cached prefix a prompt is computed in other batches, whose sums differ in their last bits.
        """
        self.context.keep(0)
        self._cached, self._sampleable = [], False

    def touch(self) -> None:
        """Decode one token and forget it, so that the weights stay in memory."""
        if self._cached and len(self._cached) < self.context.size:
            self.context.decode(self._cached[-1:], len(self._cached))
            self.context.keep(len(self._cached))
            self._sampleable = False

    def room(self, messages: tuple[Message, ...]) -> int:
        """Return how many tokens of the context these messages leave for a reply. See LanguageModel.room."""
        return self.context.size - self.count_tokens(messages)

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Return how many tokens of the context a chat takes before its reply."""
        return len(self.model.tokenize(self._render(messages, True)))

    def _extend_to(self, prompt: list[int], *, last_logits: bool, asked: int | None = None) -> bool:
        """Make the cache hold exactly `prompt`; return False when cancelled before that.

        With `last_logits` those of the last token can be sampled then; those of token `asked` are kept, too.
        """
        same = common(self._cached, prompt)
        if last_logits and not (
            self._sampleable and asked is None and same == len(self._cached) == len(prompt)
        ):
            same = min(same, len(prompt) - 1)  # the last token must be decoded for its logits
        if asked is not None:
            same = min(same, asked)
        if not self.context.keep(same):
            same = 0
        self.cached_tokens, self.prompt_tokens = same, len(prompt)
        del self._cached[same:]
        return self._append(prompt[same:], () if asked is None else (asked - same,))

    def _append(self, tokens: list[int], asked: Sequence[int]) -> bool:
        """Decode tokens behind the cached ones, in batches; return False when cancelled.

        Logits are kept of the last batch's last token, and of its tokens at `asked`, counted in all of `tokens`.
        """
        for start in range(0, len(tokens), BATCH_TOKENS):
            batch = tokens[start : start + BATCH_TOKENS]
            places = [place - start for place in asked]
            self._asked_at = places[0] if places else -1
            self._sampleable = False
            if not self.context.decode(batch, len(self._cached), places):
                self.context.keep(len(self._cached))
                return False
            self._cached += batch
            self._sampleable = True
        return True

    def close(self) -> None:
        """Free the weights and the cache."""
        self.context.close()
        self.model.close()


def common(some: Sequence[int], others: Sequence[int]) -> int:
    """Return how many tokens two sequences have in common from the start."""
    same = 0
    for one, other in zip(some, others, strict=False):
        if one != other:
            break
        same += 1
    return same
