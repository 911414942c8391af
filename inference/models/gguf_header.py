"""The header of a GGUF file, read by the emulator's reader before llama.cpp sees the file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from inference.errors import ModelCorrupt
from lpu_backend.errors import GgufError
from lpu_backend.model.gguf_file import GgufTensor, Value, open_gguf


@dataclass(frozen=True, slots=True)
class GgufFacts:
    """The content of the header of a sound GGUF file."""

    version: int
    architecture: str
    file_type: int | None
    """`llama_ftype` as declared by whoever made the file; the tensors decide."""
    context_length: int | None
    """Tokens the model was trained for."""
    has_chat_template: bool
    tensors: tuple[GgufTensor, ...]


def inspect_gguf(path: Path) -> GgufFacts:
    """Return the facts of a GGUF file. Raises ModelCorrupt for a file that llama.cpp should not see."""
    try:
        gguf = open_gguf(path)
    except GgufError as error:
        raise ModelCorrupt(path, error.what, error.how) from error
    return GgufFacts(
        version=gguf.version,
        architecture=gguf.architecture,
        file_type=_whole(gguf.metadata.get("general.file_type")),
        context_length=_whole(gguf.metadata.get(f"{gguf.architecture}.context_length")),
        has_chat_template="tokenizer.chat_template" in gguf.metadata,
        tensors=tuple(gguf.tensors.values()),
    )


def _whole(value: Value) -> int | None:
    return value if isinstance(value, int) else None
