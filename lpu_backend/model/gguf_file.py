"""Reads a GGUF file's metadata and tensors with bounded time and memory, whoever made it.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, versions 2 and 3, little-endian. Every
count and length is compared with the bytes that are left before it is believed.
"""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NoReturn

import numpy as np
import numpy.typing as npt

from lpu_backend.errors import GgufError

MAX_HEADER_BYTES = 64 << 20
"""A vocabulary of 260 000 tokens with its merges takes 12 MB."""
MAX_KEYS = 4096
MAX_TENSORS = 65_536
MAX_STRINGS = 1 << 21
"""Strings in all arrays of one file: the tokens and merges of the largest vocabularies are 600 000."""
MAX_KEY_BYTES = 65_535
MAX_TENSOR_NAME_BYTES = 63
"""GGML_MAX_NAME less its terminator."""
MAX_DIMENSIONS = 4
MAX_ALIGNMENT = 1 << 16
MAX_ELEMENTS = 1 << 48

TENSOR_TYPES: dict[int, tuple[str, int, int]] = {
    0: ("F32", 1, 4),
    1: ("F16", 1, 2),
    2: ("Q4_0", 32, 18),
    3: ("Q4_1", 32, 20),
    6: ("Q5_0", 32, 22),
    7: ("Q5_1", 32, 24),
    8: ("Q8_0", 32, 34),
    9: ("Q8_1", 32, 36),
    10: ("Q2_K", 256, 84),
    11: ("Q3_K", 256, 110),
    12: ("Q4_K", 256, 144),
    13: ("Q5_K", 256, 176),
    14: ("Q6_K", 256, 210),
    15: ("Q8_K", 256, 292),
    16: ("IQ2_XXS", 256, 66),
    17: ("IQ2_XS", 256, 74),
    18: ("IQ3_XXS", 256, 98),
    19: ("IQ1_S", 256, 50),
    20: ("IQ4_NL", 32, 18),
    21: ("IQ3_S", 256, 110),
    22: ("IQ2_S", 256, 82),
    23: ("IQ4_XS", 256, 136),
    24: ("I8", 1, 1),
    25: ("I16", 1, 2),
    26: ("I32", 1, 4),
    27: ("I64", 1, 8),
    28: ("F64", 1, 8),
    29: ("IQ1_M", 256, 56),
    30: ("BF16", 1, 2),
    34: ("TQ1_0", 256, 54),
    35: ("TQ2_0", 256, 66),
    39: ("MXFP4", 32, 17),
    40: ("NVFP4", 64, 36),
    41: ("Q1_0", 128, 18),
    42: ("Q2_0", 64, 18),
}
"""ggml type: name, elements a block, bytes a block (`ggml_blck_size`, `ggml_type_size`)."""

_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "B", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
_WANTED = frozenset({"general.architecture", "general.alignment", "general.file_type", "split.count"})
_WANTED_ENDING = ".rope.scaling.type"
_WANTED_STRING_BYTES = 64

Value = int | float | str | None


F32 = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class GgufTensor:
    """One tensor of a GGUF file; its data lie within the file."""

    name: str
    type: str
    """As in `TENSOR_TYPES`, e.g. `Q4_1`."""
    shape: tuple[int, ...]
    """Fastest dimension first, as stored."""
    size_bytes: int
    offset_bytes: int
    """From the start of the tensors' data."""


@dataclass(frozen=True, slots=True)
class Gguf:
    """The header of a sound GGUF file."""

    path: Path
    version: int
    architecture: str
    metadata: Mapping[str, Value]
    """Numbers, and the strings of `_WANTED`; None stands for other strings and for arrays."""
    tensors: Mapping[str, GgufTensor]
    data_bytes: int
    """Offset of the tensors' data in the file, bytes."""


def open_gguf(path: Path) -> Gguf:
    """Return the header of a GGUF file. Raises GgufError for one that is not sound."""
    try:
        with path.open("rb") as file:
            return _Header(path, file).read()
    except (OSError, OverflowError) as error:
        raise _unreadable(path, error) from error


def read_tensor(gguf: Gguf, name: str) -> F32:
    """Return a tensor as float32, slowest dimension first. Takes memory for its elements: know its shape before.

    Raises GgufError when it is absent, changed since, of a type nobody decodes, or not finite.
    """
    tensor = gguf.tensors.get(name)
    if tensor is None:
        raise GgufError(gguf.path, f"has no tensor {name!r}", "get another file of this model")
    try:
        with gguf.path.open("rb") as file:
            file.seek(gguf.data_bytes + tensor.offset_bytes)
            data = file.read(tensor.size_bytes)
    except OSError as error:
        raise _unreadable(gguf.path, error) from error
    if len(data) != tensor.size_bytes:
        raise GgufError(gguf.path, f"is cut off in the tensor {name!r}")
    values = _decoded(gguf.path, tensor, data)
    if not np.isfinite(values).all():
        raise GgufError(gguf.path, f"has values in the tensor {name!r} that are not finite")
    return values


def _decoded(path: Path, tensor: GgufTensor, data: bytes) -> F32:
    from gguf import GGMLQuantizationType
    from gguf.quants import dequantize

    _, block, block_bytes = next(row for row in TENSOR_TYPES.values() if row[0] == tensor.type)
    rows = tuple(reversed(tensor.shape[1:]))
    raw = np.frombuffer(data, np.uint8).reshape(*rows, tensor.shape[0] // block * block_bytes)
    try:
        with np.errstate(all="ignore"):
            values = dequantize(raw, GGMLQuantizationType[tensor.type])
    except (NotImplementedError, KeyError) as error:
        what = f"has the tensor {tensor.name!r} in {tensor.type}, which is not decoded here"
        raise GgufError(path, what, "get a file in F16, Q8_0, Q4_K or another common type") from error
    return np.ascontiguousarray(values.reshape(*rows, tensor.shape[0]), np.float32)


def _unreadable(path: Path, error: Exception) -> GgufError:
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return GgufError(path, f"can't be read ({reason})", "check the path and its permissions")


class _Header:
    """The cursor over one header."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self._path = path
        self._file = file
        self._size = os.fstat(file.fileno()).st_size
        self._end = min(self._size, MAX_HEADER_BYTES)
        self._at = 0
        self._strings_left = MAX_STRINGS

    def read(self) -> Gguf:
        if self._bytes(4) != b"GGUF":
            self._fail("is not a GGUF file")
        version = self._integer("I")
        if version not in (2, 3):
            self._fail(f"has GGUF version {version}; 2 and 3 are known")
        tensor_count = self._count(MAX_TENSORS, "tensors", least_bytes=24)
        key_count = self._count(MAX_KEYS, "metadata keys", least_bytes=13)
        values = self._metadata(key_count)
        if values.get("split.count") not in (None, 0, 1):
            self._fail("is one part of a split model; join the parts first")
        architecture = values.get("general.architecture")
        if not isinstance(architecture, str) or not architecture.isprintable():
            self._fail("names no architecture")
        alignment = values.get("general.alignment", 32)
        if not isinstance(alignment, int) or not _is_alignment(alignment):
            self._fail(f"has the alignment {alignment!r}")
        tensors = self._tensors(tensor_count, alignment)
        return Gguf(self._path, version, architecture, values, tensors, _padded(self._at, alignment))

    def _metadata(self, count: int) -> dict[str, Value]:
        values: dict[str, Value] = {}
        for _ in range(count):
            key = self._text(MAX_KEY_BYTES, "a metadata key")
            if key in values:
                self._fail(f"has the key {key[:80]!r} twice")
            values[key] = self._value(key)
        return values

    def _value(self, key: str) -> Value:
        kind = self._integer("I")
        if kind == _ARRAY:
            self._skip_array(key)
            return None
        if kind == _STRING:
            if key in _WANTED or key.endswith(_WANTED_ENDING):
                return self._text(_WANTED_STRING_BYTES, key)
            self._skip(self._integer("Q"))
            return None
        return self._number(self._scalar(kind, key))

    def _skip_array(self, key: str) -> None:
        kind, count = self._integer("I"), self._integer("Q")
        if kind != _STRING:
            self._skip(count * struct.calcsize(self._scalar(kind, key)))
            return
        self._strings_left -= count
        if self._strings_left < 0 or count * 8 > self._end - self._at:
            self._fail(f"declares {count} strings in {key[:80]!r}")
        for _ in range(count):
            self._skip(self._integer("Q"))

    def _tensors(self, count: int, alignment: int) -> dict[str, GgufTensor]:
        tensors: dict[str, GgufTensor] = {}
        data_bytes = last_bytes = 0
        for _ in range(count):
            tensor = self._tensor()
            if tensor.name in tensors:
                self._fail(f"has the tensor {tensor.name!r} twice")
            if tensor.offset_bytes != data_bytes:
                self._fail(f"places the tensor {tensor.name!r} at {tensor.offset_bytes}, not {data_bytes}")
            tensors[tensor.name] = tensor
            last_bytes = tensor.size_bytes
            data_bytes += _padded(last_bytes, alignment)
        if not tensors:
            self._fail("holds no tensors")
        needed = _padded(self._at, alignment) + data_bytes - _padded(last_bytes, alignment) + last_bytes
        if needed > self._size:
            self._fail(f"is cut off: {self._size} bytes of {needed}")
        return tensors

    def _tensor(self) -> GgufTensor:
        name = self._text(MAX_TENSOR_NAME_BYTES, "a tensor name")
        dimensions = self._integer("I")
        if not 1 <= dimensions <= MAX_DIMENSIONS:
            self._fail(f"gives the tensor {name!r} {dimensions} dimensions")
        shape = tuple(self._integer("Q") for _ in range(dimensions))
        kind, offset = self._integer("I"), self._integer("Q")
        if kind not in TENSOR_TYPES:
            self._fail(f"gives the tensor {name!r} the unknown type {kind}")
        type_name, block, block_bytes = TENSOR_TYPES[kind]
        elements = math.prod(shape)
        if not 0 < elements <= MAX_ELEMENTS or shape[0] % block:
            self._fail(f"gives the tensor {name!r} the shape {shape}")
        return GgufTensor(name, type_name, shape, elements // block * block_bytes, offset)

    def _count(self, most: int, what: str, least_bytes: int) -> int:
        count = self._integer("Q")
        if count > most or count * least_bytes > self._size:
            self._fail(f"declares {count} {what}")
        return count

    def _text(self, most_bytes: int, what: str) -> str:
        length = self._integer("Q")
        if length > most_bytes:
            self._fail(f"declares {length} bytes for {what}")
        try:
            return self._bytes(length).decode("utf-8")
        except UnicodeDecodeError:
            self._fail(f"has {what} that is not UTF-8")

    def _scalar(self, kind: int, key: str) -> str:
        if kind not in _SCALARS:
            self._fail(f"gives {key[:80]!r} the unknown type {kind}")
        return _SCALARS[kind]

    def _number(self, code: str) -> int | float:
        value: int | float = struct.unpack("<" + code, self._bytes(struct.calcsize(code)))[0]
        return value

    def _integer(self, code: str) -> int:
        return int(self._number(code))

    def _bytes(self, count: int) -> bytes:
        self._take(count)
        data = self._file.read(count)
        if len(data) != count:
            self._fail("is cut off in its header")
        return data

    def _skip(self, count: int) -> None:
        self._take(count)
        self._file.seek(count, os.SEEK_CUR)

    def _take(self, count: int) -> None:
        self._at += count
        if self._at > self._end:
            if self._end < self._size:
                self._fail(f"has a header of more than {MAX_HEADER_BYTES >> 20} MB")
            self._fail("is cut off in its header")

    def _fail(self, what: str) -> NoReturn:
        raise GgufError(self._path, what)


def _is_alignment(value: int) -> bool:
    return 0 < value <= MAX_ALIGNMENT and value & (value - 1) == 0


def _padded(size: int, alignment: int) -> int:
    return -(-size // alignment) * alignment
