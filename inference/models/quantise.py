"""Re-quantises a small Q4_1 GGUF once, into the cache, to types that llama.cpp has faster CPU kernels for.

llama.cpp repacks Q4_0 and IQ4_NL at load time into blocks that suit AVX2, AVX-512 and NEON, and has fast kernels for
Q8_0 (ggml/src/ggml-cpu/repack.cpp); Q4_1 stays on a slow path. `tests/bench/quantise.py` measures what every
recipe brings and what it costs.
"""

from __future__ import annotations

import ctypes
import hashlib
import logging
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from inference.errors import ModelError
from inference.models.gguf_header import GgufFacts, inspect_gguf

_log = logging.getLogger(__name__)

SLOW_TYPE = "Q4_1"
MAX_WEIGHT_BYTES = 512 << 20
"""Larger models take minutes and much disk; the gain is measured for small ones only."""
_SPARE_BYTES = 64 << 20
_Q8_0 = 8
"""`ggml_type`; llama_cpp names only file types."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """Which type every tensor gets."""

    ftype: int
    """`llama_ftype` of the blocks."""
    kept: tuple[str, ...] = ()
    """Parts of tensor names that get Q8_0: within 0.4 % of the largest value of a block of 32."""
    pure: bool = False
    """Whether the embedding, which small models also use as output layer, is quantised like the blocks."""


FAST = Recipe(ftype=25, kept=("attn_",))
"""IQ4_NL for the large matrices of each block (llama.cpp gives `ffn_down` of the first blocks Q5_K), Q8_0 for the
attention and the embedding."""


def prepare_gguf(path: Path, cache: Path) -> Path:
    """Return what llama.cpp should load for the model at `path`: itself, or a faster copy in `cache`.

    The copy is made once, in about a second for 135 M parameters, by one process at a time. When there is no
    room or no permission for it, `path` itself is returned. Raises ModelCorrupt when `path` is no sound GGUF.
    """
    target = cache / "quantised" / _copy_name(path)
    if target.is_file():
        return target
    if not gains_from_requantising(inspect_gguf(path)):
        return path
    try:
        return _make_copy(path, target)
    except (OSError, ModelError) as error:
        _log.warning("%s is used as it is, with slower kernels: %s", path, error)
        return path


def gains_from_requantising(facts: GgufFacts) -> bool:
    """Return whether the model is small and most weight bytes of its blocks have the slow type."""
    sizes = Counter[str]()
    for tensor in facts.tensors:
        if tensor.name.startswith("blk."):
            sizes[tensor.type] += tensor.size_bytes
    return sizes.total() <= MAX_WEIGHT_BYTES and sizes[SLOW_TYPE] > sizes.total() / 2


def requantise(source: Path, target: Path, recipe: Recipe) -> None:
    """Write `source` anew by `recipe`. Raises ModelError. `source` must have passed `inspect_gguf`."""
    import llama_cpp

    parameters = llama_cpp.llama_model_quantize_default_params()
    parameters.ftype = recipe.ftype
    parameters.allow_requantize = True
    parameters.pure = recipe.pure
    overrides = (llama_cpp.llama_model_tensor_override * (len(recipe.kept) + 1))()
    for override, part in zip(overrides, recipe.kept, strict=False):
        override.pattern, override.type = part.encode(), _Q8_0
    parameters.tt_overrides = overrides
    with _quiet_llama():
        failed = llama_cpp.llama_model_quantize(
            os.fsencode(source), os.fsencode(target), ctypes.byref(parameters)
        )
    if failed:
        raise ModelError(f"{source}: llama.cpp can't re-quantise this file")


def _make_copy(source: Path, target: Path) -> Path:
    from filelock import FileLock

    target.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(target.with_suffix(".lock")):
        if target.is_file():
            return target
        free_bytes = shutil.disk_usage(target.parent).free
        if free_bytes < 2 * source.stat().st_size + _SPARE_BYTES:
            raise ModelError(f"{target.parent} has only {free_bytes >> 20} MB free")
        part = target.with_suffix(".part")
        try:
            requantise(source, part, FAST)
            inspect_gguf(part)
            with part.open("rb") as file:
                os.fsync(file.fileno())
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
    return target


def _copy_name(path: Path) -> str:
    """Return a name that changes whenever the source file or the recipe does."""
    try:
        status = path.stat()
        version = f"{status.st_size}|{status.st_mtime_ns}"
    except (OSError, ValueError):
        version = "absent"
    key = f"{path.absolute()}|{version}|{FAST}"
    return f"{path.stem}-{hashlib.sha256(os.fsencode(key)).hexdigest()[:16]}.gguf"


@contextmanager
def _quiet_llama() -> Iterator[None]:
    """Keep llama.cpp's table of tensors off the terminal: its log is printed at this logger's level."""
    logger = logging.getLogger("llama-cpp-python")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(level)
