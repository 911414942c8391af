"""llama.cpp as a LanguageModel: one chat whose stable prefix stays in the KV cache."""

from __future__ import annotations

import codecs
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from inference.errors import PromptTooLong
from inference.llm.native import BATCH_TOKENS, NativeContext, NativeModel, NativeSampler
from inference.llm.prompt import chat_template, unfinished
from inference.llm.saved import read_whole, write_whole
from inference.types import ChatRequest, Message, Token

UNSTABLE_TOKENS = 1
"""Tokens at the end of an unfinished message that a longer message may tokenise otherwise."""


class LlamaCpp:
    """A GGUF model. Not for two threads at once; `request.cancelled` may be set from any.

    The KV cache always holds the tokens in `_cached`; a request reuses the longest common prefix. `stream`
    and `prefill` are the protocol; `restore` makes the first turn as fast as the tenth.
    """

    def __init__(
        self, path: Path, *, context_tokens: int = 2048, threads: int = 2, state_dir: Path | None = None
    ) -> None:
        self.model = NativeModel(path)
        self.context = NativeContext(
            self.model, min(context_tokens, self.model.context_limit or context_tokens), threads
        )
        lib, vocab = self.model.lib, self.model.vocab
        self._render = chat_template(
            self.model.meta("tokenizer.chat_template"),
            bos=self.model.text_of_special(lib.llama_vocab_bos(vocab)),
            eos=self.model.text_of_special(lib.llama_vocab_eos(vocab)),
        )
        self._cached: list[int] = []
        self._state_dir = state_dir
        facts = path.stat()
        build = self.model.lib.llama_print_system_info()
        self._identity = f"{path.name}:{facts.st_size}:{facts.st_mtime_ns}:{self.context.size}:{build}"
        self.cached_tokens = 0
        """Tokens of the last request that were already in the cache."""
        self.prompt_tokens = 0
        """Tokens of the last request."""

    def stream(self, request: ChatRequest) -> Iterator[Token]:
        """Yield the reply's tokens; see LanguageModel.stream."""
        prompt = self.model.tokenize(self._render(request.messages, True))
        room = self.context.size - len(prompt)
        if room < 1:
            raise PromptTooLong(len(prompt), self.context.size)
        sampler = NativeSampler(self.model, request.sampling, request.grammar)
        self.context.abort.lower()
        try:
            with request.cancelled.calling(self.context.abort.raise_):
                if self._extend_to(prompt, last_logits=True):
                    yield from self._decode(sampler, request, min(request.max_tokens, room))
        finally:
            self.context.abort.lower()
            sampler.close()

    def _decode(self, sampler: NativeSampler, request: ChatRequest, most: int) -> Iterator[Token]:
        text = codecs.getincrementaldecoder("utf-8")("replace")
        for left in range(most - 1, -1, -1):
            token = sampler.sample(self.context)
            if self.model.ends_reply(token) or request.cancelled.is_set():
                return
            yield Token(text.decode(self.model.piece(token)), token)
            if left == 0 or request.cancelled.is_set() or not self.context.decode([token]):
                return
            self._cached.append(token)

    def prefill(self, messages: tuple[Message, ...]) -> int:
        """Bring an unfinished chat into the cache; return the tokens computed. See LanguageModel.prefill."""
        prompt = self.model.tokenize(unfinished(self._render, messages))[:-UNSTABLE_TOKENS]
        if len(prompt) > self.context.size:
            raise PromptTooLong(len(prompt), self.context.size)
        before = self._common(prompt)
        self._extend_to(prompt, last_logits=False)
        return len(prompt) - before

    def restore(self, messages: tuple[Message, ...]) -> bool:
        """Load the saved state of a persona's prefix, or compute and save it; return whether it was saved before."""
        prompt = self.model.tokenize(self._render(messages, False))
        key = hashlib.sha256(f"{self._identity}:{prompt}".encode()).hexdigest()[:24]
        path = self._state_dir / f"prefix-{key}.kv" if self._state_dir else None
        self.context.keep(0)
        self._cached = []
        if path and (state := read_whole(path)) and self.context.set_state(state):
            self._cached = prompt
            return True
        self._extend_to(prompt, last_logits=False)
        if path:
            write_whole(path, self.context.state())
        return False

    def touch(self) -> None:
        """Decode one token and forget it, so that the weights stay in memory."""
        if self._cached and len(self._cached) < self.context.size:
            self.context.decode(self._cached[-1:])
            self.context.keep(len(self._cached))

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Return how many tokens of the context a chat takes before its reply."""
        return len(self.model.tokenize(self._render(messages, True)))

    def _common(self, prompt: list[int]) -> int:
        same = 0
        for old, new in zip(self._cached, prompt, strict=False):
            if old != new:
                break
            same += 1
        return same

    def _extend_to(self, prompt: list[int], *, last_logits: bool) -> bool:
        """Make the cache hold exactly `prompt`; return False when cancelled before that."""
        same = self._common(prompt)
        if last_logits:  # the last token must be decoded for its logits
            same = min(same, len(prompt) - 1)
        if not self.context.keep(same):
            same = 0
        self.cached_tokens, self.prompt_tokens = same, len(prompt)
        del self._cached[same:]
        for start in range(same, len(prompt), BATCH_TOKENS):
            batch = prompt[start : start + BATCH_TOKENS]
            if not self.context.decode(batch):
                self.context.keep(len(self._cached))
                return False
            self._cached += batch
        return True

    def close(self) -> None:
        """Free the weights and the cache."""
        self.context.close()
        self.model.close()
