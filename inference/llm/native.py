"""llama.cpp through its C interface: a model, a context with one sequence, a chain of samplers.

Nothing here knows chats. Pointers are owned by the objects and freed by `close()`.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from inference.errors import GrammarError, ModelCorrupt
from inference.types import Sampling

BATCH_TOKENS = 512
FLASH_ATTENTION = 0
"""Off (`llama_flash_attn_type`): on two cores it takes 73 ms instead of 39 to prefill 16 tokens behind 180, and 10.2 ms
instead of 8.1 to decode one (measured)."""
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
        parameters.use_mmap = False
        parameters.vocab_only = vocab_only
        parameters.n_gpu_layers = 0
        _errors.clear()
        self.pointer = self.lib.llama_model_load_from_file(str(path).encode(), parameters)
        if not self.pointer:
            raise ModelCorrupt(path, f"llama.cpp can't load it ({_last_error()})", "use another GGUF file")
        self.vocab = self.lib.llama_model_get_vocab(self.pointer)
        self.context_limit = int(self.lib.llama_model_n_ctx_train(self.pointer))
        self.vocab_size = int(self.lib.llama_vocab_n_tokens(self.vocab))
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
    """One sequence of tokens in a KV cache. Aborting leaves the cache valid up to `keep(n)`."""

    def __init__(self, model: NativeModel, context_tokens: int, threads: int) -> None:
        self.model, self.lib = model, model.lib
        self.abort = AbortFlag()
        parameters = self.lib.llama_context_default_params()
        parameters.n_ctx = context_tokens
        parameters.n_batch = parameters.n_ubatch = BATCH_TOKENS
        parameters.flash_attn_type = FLASH_ATTENTION
        parameters.n_threads = parameters.n_threads_batch = threads
        parameters.abort_callback = ctypes.cast(self.abort.callback, type(parameters.abort_callback))
        parameters.abort_callback_data = self.abort.data
        self.pointer = self.lib.llama_init_from_model(model.pointer, parameters)
        if not self.pointer:
            raise MemoryError(f"llama.cpp can't make a context of {context_tokens} tokens ({_last_error()})")
        self.size = int(self.lib.llama_n_ctx(self.pointer))
        self._memory = self.lib.llama_get_memory(self.pointer)
        self._batch = self.lib.llama_batch_init(BATCH_TOKENS, 0, 1)
        for place in range(BATCH_TOKENS):
            self._batch.n_seq_id[place], self._batch.seq_id[place][0] = 1, 0

    def decode(self, tokens: Sequence[int], at: int = 0, asked: Sequence[int] = ()) -> bool:
        """Append at most BATCH_TOKENS tokens at position `at`; return False when aborted.

        Logits are kept of the last token, and of those at the places `asked` in `tokens`.
        """
        batch, count = self._batch, len(tokens)
        batch.n_tokens = count
        for place, token in enumerate(tokens):
            batch.token[place], batch.pos[place] = token, at + place
            batch.logits[place] = place == count - 1 or place in asked
        status = self.lib.llama_decode(self.pointer, batch)
        if status not in (0, DECODE_ABORTED):
            raise RuntimeError(f"llama_decode failed with status {status} ({_last_error()})")
        return bool(status == 0)

    def probabilities(self, place: int) -> npt.NDArray[np.float32]:
        """Return the probability of every token to follow the one at `place` in the last decode, where it was asked
        for; -1 is the last. Shape (vocabulary,)."""
        logits = np.ctypeslib.as_array(
            self.lib.llama_get_logits_ith(self.pointer, place), (self.model.vocab_size,)
        )
        odds = np.exp(logits - logits.max(), dtype=np.float32)
        return cast("npt.NDArray[np.float32]", odds / odds.sum())

    def sampled(self, sampler: NativeSampler, place: int) -> int:
        """Return a token to follow the one at `place` of the last decode, whose logits were asked for; -1: the last."""
        return int(self.lib.llama_sampler_sample(sampler.pointer, self.pointer, place))

    def keep(self, tokens: int) -> bool:
        """Forget everything behind the first `tokens`; return False where the model can't forget a part."""
        if self.lib.llama_memory_seq_rm(self._memory, 0, tokens, -1):
            return True
        self.lib.llama_memory_clear(self._memory, True)
        return False

    def state(self) -> bytes:
        """Return the sequence's part of the cache."""
        size = self.lib.llama_state_seq_get_size(self.pointer, 0)
        buffer = (ctypes.c_uint8 * size)()
        return bytes(buffer[: self.lib.llama_state_seq_get_data(self.pointer, buffer, size, 0)])

    def set_state(self, state: bytes) -> bool:
        """Take over a state of the same model and context size; return whether it fits.

        llama.cpp aborts the process on a damaged one: the caller vouches for every byte.
        """
        buffer = (ctypes.c_uint8 * len(state)).from_buffer_copy(state)
        return bool(self.lib.llama_state_seq_set_data(self.pointer, buffer, len(state), 0))

    def close(self) -> None:
        if self.pointer:
            self.lib.llama_batch_free(self._batch)
            self.lib.llama_free(self.pointer)
            self.pointer = None


class NativeSampler:
    """A chain of samplers. Raises GrammarError for a grammar that llama.cpp can't read."""

    def __init__(self, model: NativeModel, sampling: Sampling, grammar: str | None) -> None:
        lib = self.lib = model.lib
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

    def choose(self, logits: npt.NDArray[np.float32]) -> int:
        """Return a token by logits that llama.cpp did not compute, shape (vocabulary,), and remember it."""
        rows = np.zeros(len(logits), [("id", np.int32), ("logit", np.float32), ("p", np.float32)])
        rows["id"], rows["logit"] = np.arange(len(logits)), logits
        data = ctypes.cast(rows.ctypes.data, self.lib.llama_token_data_p)
        candidates = self.lib.llama_token_data_array(data=data, size=len(rows), selected=-1, sorted=False)
        self.lib.llama_sampler_apply(self.pointer, ctypes.byref(candidates))
        token = int(candidates.data[candidates.selected].id)
        self.lib.llama_sampler_accept(self.pointer, token)
        return token

    def close(self) -> None:
        if self.pointer:
            self.lib.llama_sampler_free(self.pointer)
            self.pointer = None
