"""Re-quantises a GGUF once, into the cache, to types that llama.cpp has faster CPU kernels for.

llama.cpp repacks Q4_0, IQ4_NL and Q4_K at load time into blocks that suit AVX2, AVX-512 and NEON, and has fast kernels
for Q8_0 (ggml/src/ggml-cpu/repack.cpp); Q4_1 and Q6_K stay on a slow path. `tests/bench/quantise.py` measures what
every recipe brings and what it costs.
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

_SPARE_BYTES = 64 << 20
_Q8_0 = 8
"""`ggml_type`; llama_cpp names only file types."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """Which type every tensor gets, and of which models it makes a quicker one."""

    ftype: int
    """`llama_ftype` of the blocks."""
    kept: tuple[str, ...] = ()
    """Parts of tensor names that get Q8_0: within 0.4 % of the largest value of a block of 32."""
    pure: bool = False
    """Whether the embedding, which small models also use as output layer, is quantised like the blocks."""
    mostly: str = ""
    """The type of most weight bytes of the blocks of such a model."""
    slow: str = ""
    """A type that some tensor of it has, and none of the copy."""
    most_bytes: int = 0
    """What its blocks take at most: the gain is measured up to this size, and more takes minutes and much disk."""


FAST = Recipe(ftype=25, kept=("attn_",), mostly="Q4_1", slow="Q4_1", most_bytes=512 << 20)
"""IQ4_NL for the large matrices of each block (llama.cpp gives `ffn_down` of the first blocks Q5_K), Q8_0 for the
attention and the embedding."""
EVEN = Recipe(ftype=15, pure=True, mostly="Q4_K", slow="Q6_K", most_bytes=2 << 30)
"""Q4_K throughout, of a Q4_K_M file. What is Q4_K there is copied as it is; Q6_K has no repacked kernels on x86, and
is most of the work of each row of logits. With 1.5B parameters on two cores a token takes 27 ms for 32, eight 124 for
161, sixteen with seven rows of logits 183 for 219; 61 of 72 questions are answered, of 62 (measured)."""
RECIPES = (FAST, EVEN)


def prepare_gguf(path: Path, cache: Path) -> Path:
    """Return what llama.cpp should load for the model at `path`: itself, or a faster copy in `cache`.

    The copy is made once, by one process at a time: in about a second for 135 M parameters, in 20 s for 1.5 B. When
    there is no room or no permission for it, `path` itself is returned. Raises ModelCorrupt when `path` is no sound
    GGUF.
    """
    for recipe in RECIPES:
        if (target := _copy_path(path, cache, recipe)).is_file():
            return target
    found = recipe_for(inspect_gguf(path))
    if found is None:
        return path
    try:
        return _make_copy(path, _copy_path(path, cache, found), found)
    except (OSError, ModelError) as error:
        _log.warning("%s is used as it is, with slower kernels: %s", path, error)
        return path


def recipe_for(facts: GgufFacts) -> Recipe | None:
    """Return by which recipe a model gains; None where none is known to help."""
    blocks = [tensor for tensor in facts.tensors if tensor.name.startswith("blk.")]
    sizes = Counter[str]()
    for tensor in blocks:
        sizes[tensor.type] += tensor.size_bytes
    types = {tensor.type for tensor in facts.tensors}
    return next(
        (
            recipe
            for recipe in RECIPES
            if sizes.total() <= recipe.most_bytes
            and sizes[recipe.mostly] > sizes.total() / 2
            and recipe.slow in types
        ),
        None,
    )


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


def _make_copy(source: Path, target: Path, recipe: Recipe) -> Path:
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
            requantise(source, part, recipe)
            inspect_gguf(part)
            with part.open("rb") as file:
                os.fsync(file.fileno())
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
    return target


def _copy_path(path: Path, cache: Path, recipe: Recipe) -> Path:
    """Return a path whose name changes whenever the source file or the recipe does."""
    try:
        status = path.stat()
        version = f"{status.st_size}|{status.st_mtime_ns}"
    except (OSError, ValueError):
        version = "absent"
    key = f"{path.absolute()}|{version}|{recipe}"
    name = f"{path.stem}-{hashlib.sha256(os.fsencode(key)).hexdigest()[:16]}.gguf"
    return cache / "quantised" / name


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
