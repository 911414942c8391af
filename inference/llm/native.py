"""llama.cpp through its C interface: a model, a context with sequences, a chain of samplers.

Nothing here knows messages. Pointers are owned by the objects and freed by `close()`.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from inference.errors import GrammarError, ModelCorrupt
from inference.own_cores import OwnCores
from inference.types import Cancel, Sampling

Logits = npt.NDArray[np.float32]
"""Of the token that comes next, shape (vocabulary,)."""

BATCH_TOKENS = 512
FLASH_ATTENTION = 0
"""Off (`llama_flash_attn_type`): on two cores it takes 73 ms instead of 39 to prefill 16 tokens after 180, and 10.2 ms
instead of 8.1 to decode one (measured)."""
FULL_TILE = 16
"""Rows of a tile of llama.cpp's kernels for quantised weights: a batch of 16 tokens takes 181 ms where one of 12 takes
196 and one of 14 takes 227, with 1.5B parameters on two cores (measured)."""
WORTH_FILLING = range(12, FULL_TILE)
"""Batches that are filled up to a tile."""
LAST_TOKENS = 64
"""How many recent tokens the repeat penalty looks at (llama.cpp's own default)."""
DECODE_ABORTED = 2
"""What `llama_decode` returns when the abort callback said so (llama.h)."""


def _library() -> Any:
    """Import the bindings and silence their log; importing costs 0.2 s, so it waits for the first model."""
    from llama_cpp import llama_cpp

    if not hasattr(_library, "log"):
        _library.log = llama_cpp.llama_log_callback(_keep_errors)  # type: ignore[attr-defined]
        llama_cpp.llama_log_set(_library.log, ctypes.c_void_p(0))  # type: ignore[attr-defined]
        llama_cpp.llama_backend_init()
    return llama_cpp


_errors: list[str] = []
LOG_LEVEL_ERROR = 4


def _keep_errors(level: int, text: bytes, _data: object) -> None:
    if level == LOG_LEVEL_ERROR:
        del _errors[:-4]
        _errors.append(text.decode(errors="replace").strip())


def _last_error() -> str:
    return _errors[-1] if _errors else "llama.cpp gives no reason"


class AbortFlag:
    """A flag that llama.cpp can read without Python.

    llama.cpp asks an abort callback before every node of its graph, about a thousand times a token; a Python
    callback there would cost a tenth of the speed. libc's `strlen` has a fitting signature: of an empty string
    it returns 0 (go on), of a one-character string 1 (stop).
    """

    def __init__(self) -> None:
        self._text = ctypes.create_string_buffer(2)
        self.data = ctypes.cast(self._text, ctypes.c_void_p)
        self.callback = ctypes.CDLL(None).strlen

    def raise_(self) -> None:
        self._text[0] = b"x"

    def lower(self) -> None:
        self._text[0] = b"\0"


class NativeModel:
    """A GGUF's weights and vocabulary, in anonymous memory.

    Not memory-mapped: page cache that idles for seconds may be taken back, and is then read from disk in the
    middle of a turn. With `vocab_only` there are no weights. Raises ModelCorrupt when llama.cpp refuses the file.
    """

    def __init__(self, path: Path, *, vocab_only: bool = False) -> None:
        self.lib = _library()
        parameters = self.lib.llama_model_default_params()
        parameters.load_mode = self.lib.LLAMA_LOAD_MODE_NONE
        parameters.vocab_only = vocab_only
        parameters.n_gpu_layers = 0
        _errors.clear()
        self.pointer = self.lib.llama_model_load_from_file(str(path).encode(), parameters)
        if not self.pointer:
            raise ModelCorrupt(path, f"llama.cpp can't load it ({_last_error()})", "use another GGUF file")
        self.vocab = self.lib.llama_model_get_vocab(self.pointer)
        self.context_limit = int(self.lib.llama_model_n_ctx_train(self.pointer))
        self.vocab_size = int(self.lib.llama_vocab_n_tokens(self.vocab))
        self.parameters = int(self.lib.llama_model_n_params(self.pointer))
        self.can_forget = not (
            self.lib.llama_model_is_recurrent(self.pointer) or self.lib.llama_model_is_hybrid(self.pointer)
        )
        """Whether the last tokens of a sequence can be taken out of its cache."""

    def meta(self, key: str) -> str | None:
        """Return a metadata value as text, None where the file has none."""
        length = self.lib.llama_model_meta_val_str(self.pointer, key.encode(), None, 0)
        if length < 0:
            return None
        buffer = ctypes.create_string_buffer(length + 1)
        self.lib.llama_model_meta_val_str(self.pointer, key.encode(), buffer, length + 1)
        return buffer.value.decode(errors="replace")

    def tokenize(self, text: str) -> list[int]:
        """Return the tokens of a rendered prompt; control tokens written in it count as such."""
        data = text.encode()
        room = len(data) + 8
        tokens = (self.lib.llama_token * room)()
        begins = text.startswith(self.text_of_special(self.lib.llama_vocab_bos(self.vocab)) or "\0")
        count = self.lib.llama_tokenize(self.vocab, data, len(data), tokens, room, not begins, True)
        return list(tokens[: max(count, 0)])

    def piece(self, token: int) -> bytes:
        """Return the bytes of an ordinary token; empty for control tokens."""
        return self._piece(token, special=False)

    def text_of_special(self, token: int) -> str:
        """Return how a control token is written; empty where the vocabulary has none."""
        return self._piece(token, special=True).decode(errors="replace") if token >= 0 else ""

    def _piece(self, token: int, *, special: bool) -> bytes:
        buffer = ctypes.create_string_buffer(256)
        length = self.lib.llama_token_to_piece(self.vocab, token, buffer, len(buffer), 0, special)
        return buffer.raw[:length] if length > 0 else b""

    def ends_reply(self, token: int) -> bool:
        return bool(self.lib.llama_vocab_is_eog(self.vocab, token))

    def close(self) -> None:
        if self.pointer:
            self.lib.llama_model_free(self.pointer)
            self.pointer = None


class NativeContext:
    """Sequences of tokens, numbered from 0, each with a KV cache of its own of `size` tokens: they never mix.

    A sequence computes the same bits whatever the others do, since every decode is of one sequence, and returns copies
    of its logits. The cache of one takes 23 KB a token with SmolLM2 135M: 45 MB for 2048 (measured). One thread at a
    time; a cancel may come from any, and ends the decode that it was given to, no other.
    """

    def __init__(self, model: NativeModel, context_tokens: int, threads: int, sequences: int = 1) -> None:
        self.model, self.lib = model, model.lib
        self._abort = AbortFlag()
        self._cores = OwnCores(threads)
        self.sequences = sequences
        self.pointer = self._new(context_tokens * sequences, threads, sequences=sequences)
        self._warm = self._new(1, threads, batch=1)
        """A context of its own for `keep_warm`: 8 MB (measured)."""
        self.size = int(self.lib.llama_n_ctx_seq(self.pointer))
        self._memory = self.lib.llama_get_memory(self.pointer)
        self._batch = self.lib.llama_batch_init(BATCH_TOKENS, 0, 1)
        for place in range(BATCH_TOKENS):
            self._batch.n_seq_id[place] = 1

    def _new(self, tokens: int, threads: int, sequences: int = 1, batch: int = BATCH_TOKENS) -> Any:
        parameters = self.lib.llama_context_default_params()
        parameters.n_ctx, parameters.n_seq_max, parameters.kv_unified = tokens, sequences, False
        parameters.n_batch = parameters.n_ubatch = batch
        parameters.flash_attn_type = FLASH_ATTENTION
        parameters.n_threads = parameters.n_threads_batch = threads
        parameters.abort_callback = ctypes.cast(self._abort.callback, type(parameters.abort_callback))
        parameters.abort_callback_data = self._abort.data
        pointer = self.lib.llama_init_from_model(self.model.pointer, parameters)
        if not pointer:
            raise MemoryError(f"llama.cpp can't make a context of {tokens} tokens ({_last_error()})")
        return pointer

    def decode(
        self, sequence: int, tokens: Sequence[int], at: int, asked: Sequence[int], cancelled: Cancel
    ) -> list[Logits] | None:
        """Append at most BATCH_TOKENS tokens to a sequence that has `at` already; return None when cancelled.

        Returned are the logits after each of the places `asked` in `tokens`. After a cancelled decode the cache is
        valid up to `keep(sequence, at)`.
        """
        if cancelled.is_set():
            return None
        batch, wanted = self._batch, set(asked)
        filled = self._filled(tokens, at)
        batch.n_tokens = len(filled)
        for place, token in enumerate(filled):
            batch.token[place], batch.pos[place], batch.seq_id[place][0] = token, at + place, sequence
            batch.logits[place] = place in wanted
        try:
            with cancelled.calling(self._abort.raise_), self._cores.held():
                status = self.lib.llama_decode(self.pointer, batch)
        finally:
            self._abort.lower()
        if status not in (0, DECODE_ABORTED):
            raise RuntimeError(f"llama_decode failed with status {status} ({_last_error()})")
        if status == 0 and len(filled) > len(tokens):
            self.keep(sequence, at + len(tokens))
        return [self._logits(place) for place in asked] if status == 0 else None

    def _filled(self, tokens: Sequence[int], at: int) -> Sequence[int]:
        """Return a batch with tokens after it that nobody asks about, where it takes less time with them."""
        if len(tokens) in WORTH_FILLING and at + FULL_TILE <= self.size and self.model.can_forget:
            return [*tokens, *[tokens[-1]] * (FULL_TILE - len(tokens))]
        return tokens

    def _logits(self, place: int) -> Logits:
        row = self.lib.llama_get_logits_ith(self.pointer, place)
        return np.ctypeslib.as_array(row, (self.model.vocab_size,)).copy()

    def keep(self, sequence: int, tokens: int) -> bool:
        """Forget all of a sequence after its first `tokens`; where the model can't forget a part, forget it whole and
        return False."""
        return bool(
            self.lib.llama_memory_seq_rm(self._memory, sequence, tokens, -1)
            or (self.lib.llama_memory_seq_rm(self._memory, sequence, -1, -1) and tokens == 0)
        )

    def keep_warm(self) -> None:
        """Decode a token where no sequence is, which reads the weights."""
        batch = self.lib.llama_batch_get_one((self.lib.llama_token * 1)(0), 1)
        with self._cores.held():  # as in `decode`: its time is what numbers of threads are compared by
            self.lib.llama_decode(self._warm, batch)
        self.lib.llama_memory_clear(self.lib.llama_get_memory(self._warm), False)

    def use_threads(self, threads: int) -> None:
        """Decode with so many threads from now on; logits keep their bits, since a thread sums up whole rows.

        Costs nothing: those that are not needed sleep, and no call wakes them (measured).
        """
        self._cores.threads = threads
        for context in (self.pointer, self._warm):
            self.lib.llama_set_n_threads(context, threads, threads)

    def state(self, sequence: int) -> bytes:
        """Return a sequence's part of the cache."""
        size = self.lib.llama_state_seq_get_size(self.pointer, sequence)
        buffer = (ctypes.c_uint8 * size)()
        return bytes(buffer[: self.lib.llama_state_seq_get_data(self.pointer, buffer, size, sequence)])

    def set_state(self, sequence: int, state: bytes) -> bool:
        """Take over a state of the same model and context size; return whether it fits.

        llama.cpp aborts the process on a damaged one: the caller vouches for every byte.
        """
        buffer = (ctypes.c_uint8 * len(state)).from_buffer_copy(state)
        return bool(self.lib.llama_state_seq_set_data(self.pointer, buffer, len(state), sequence))

    def close(self) -> None:
        if self.pointer:
            self.lib.llama_batch_free(self._batch)
            self.lib.llama_free(self._warm)
            self.lib.llama_free(self.pointer)
            self.pointer = None


class NativeSampler:
    """A chain of samplers. Raises GrammarError for a grammar that llama.cpp can't read."""

    def __init__(self, model: NativeModel, sampling: Sampling, grammar: str | None) -> None:
        lib = self.lib = model.lib
        self._fresh = np.zeros((model.vocab_size, 3), np.int32)
        self._fresh[:, 0] = np.arange(model.vocab_size)
        self._rows = self._fresh.copy()
        """llama.cpp's `llama_token_data`: a token, its logit and its probability, the last two float32."""
        data = ctypes.cast(self._rows.ctypes.data, lib.llama_token_data_p)
        self._candidates = lib.llama_token_data_array(data=data, size=model.vocab_size)
        self.pointer = lib.llama_sampler_chain_init(lib.llama_sampler_chain_default_params())
        if grammar is not None:
            _errors.clear()
            rules = lib.llama_sampler_init_grammar(model.vocab, grammar.encode(), b"root")
            if not rules:
                self.close()
                raise GrammarError(f"llama.cpp can't read the grammar ({_last_error()})")
            lib.llama_sampler_chain_add(self.pointer, rules)
        for sampler in self._samplers(model.vocab_size, sampling):
            lib.llama_sampler_chain_add(self.pointer, sampler)

    def _samplers(self, vocab_size: int, sampling: Sampling) -> list[Any]:
        lib, chain = self.lib, []
        if sampling.repeat_penalty != 1.0:
            penalty = sampling.repeat_penalty
            chain.append(lib.llama_sampler_init_penalties(vocab_size, LAST_TOKENS, penalty, 0.0, 0.0))
        if sampling.temperature <= 0:
            return [*chain, lib.llama_sampler_init_greedy()]
        return [
            *chain,
            lib.llama_sampler_init_top_k(sampling.top_k),
            lib.llama_sampler_init_top_p(sampling.top_p, 1),
            lib.llama_sampler_init_min_p(sampling.min_p, 1),
            lib.llama_sampler_init_temp(sampling.temperature),
            lib.llama_sampler_init_dist(sampling.seed),
        ]

    def choose(self, logits: Logits) -> int:
        """Return a token by its logits, and remember it."""
        self._rows[:] = self._fresh  # samplers sort and cut them
        self._rows.view(np.float32)[:, 1] = logits
        candidates = self._candidates
        candidates.size, candidates.selected, candidates.sorted = len(self._rows), -1, False
        self.lib.llama_sampler_apply(self.pointer, ctypes.byref(candidates))
        token = int(candidates.data[candidates.selected].id)
        self.lib.llama_sampler_accept(self.pointer, token)
        return token

    def close(self) -> None:
        if self.pointer:
            self.lib.llama_sampler_free(self.pointer)
            self.pointer = None
