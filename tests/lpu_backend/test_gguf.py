"""A GGUF file's tensors are read as they were written, or refused in one line, whatever is in the file."""

from __future__ import annotations

import ctypes
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from gguf import GGMLQuantizationType
from gguf.quants import dequantize, quantize
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lpu_backend.errors import GgufError, GraphError
from lpu_backend.model.gguf_file import TENSOR_TYPES, open_gguf, read_tensor
from lpu_backend.model.quantise import quantise
from lpu_backend.model.shape import read_shape
from tests.lpu_backend.tiny_model import Tiny, tensor_sizes, write_model

TYPES = ["F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1"]
"""Those the gguf package writes; it reads more."""


@pytest.mark.parametrize("kind", ["F32", *TYPES])
def test_tensors_are_read_as_they_were_written(tmp_path: Path, kind: str) -> None:
    """Shapes and values of matrices and vectors come back, within what their type can hold."""
    gguf = open_gguf(write_model(tmp_path / "tiny.gguf", Tiny(type=kind)))
    rng = np.random.default_rng(0)
    for name, size in tensor_sizes(Tiny()).items():
        flat = len(size) == 1
        values = rng.normal(float(flat), 0.3 if flat else 3 / np.sqrt(size[-1]), size).astype(np.float32)
        exact = flat or kind == "F32"
        wanted = values if exact else dequantize(quantize(values, type_of(kind)), type_of(kind))
        found = read_tensor(gguf, name)
        assert found.dtype == np.float32
        assert np.array_equal(found, wanted)


def type_of(kind: str) -> GGMLQuantizationType:
    return GGMLQuantizationType[kind]


@pytest.mark.parametrize("value", [np.nan, np.inf], ids=["nan", "inf"])
def test_a_scale_that_is_not_finite_is_refused(tmp_path: Path, value: float) -> None:
    """A NaN or an infinity among a block's scales is a GgufError that names the tensor."""
    path = write_model(tmp_path / "tiny.gguf", Tiny(type="Q8_0"))
    gguf = open_gguf(path)
    content = bytearray(path.read_bytes())
    at = gguf.data_bytes + gguf.tensors["blk.0.ffn_up.weight"].offset_bytes
    content[at : at + 2] = np.float16(value).tobytes()
    path.write_bytes(content)
    with pytest.raises(GgufError, match=r"ffn_up.*not finite"):
        read_tensor(gguf, "blk.0.ffn_up.weight")


def test_a_file_that_shrinks_after_its_header_is_refused(tmp_path: Path) -> None:
    """Data that are gone when they are read, an absent tensor and an absent file are a GgufError each."""
    path = write_model(tmp_path / "tiny.gguf", Tiny())
    gguf = open_gguf(path)
    with pytest.raises(GgufError, match="no tensor"):
        read_tensor(gguf, "blk.9.ffn_up.weight")
    path.write_bytes(path.read_bytes()[:-4096])
    last = max(gguf.tensors.values(), key=lambda tensor: tensor.offset_bytes)
    with pytest.raises(GgufError, match="cut off"):
        read_tensor(gguf, last.name)
    path.unlink()
    with pytest.raises(GgufError, match="can't be read"):
        read_tensor(gguf, "output_norm.weight")


def test_a_type_nobody_decodes_is_refused(tmp_path: Path) -> None:
    """A block type that the gguf package can't decode is a GgufError that names a common one."""
    path = tmp_path / "odd.gguf"
    key = struct.pack("<Q", 20) + b"general.architecture" + struct.pack("<IQ", 8, 5) + b"llama"
    tensor = struct.pack("<Q", 1) + b"t" + struct.pack("<IQQIQ", 2, 256, 1, 15, 0)
    header = b"GGUF" + struct.pack("<IQQ", 3, 1, 1) + key + tensor
    path.write_bytes(header + bytes(-len(header) % 32) + bytes(292))
    with pytest.raises(GgufError, match="Q8_K, which is not decoded"):
        read_tensor(open_gguf(path), "t")


@pytest.fixture
def compiled(tmp_path: Path) -> None:
    """Quantise once, so that what compiling takes is not counted."""
    gguf = open_gguf(write_model(tmp_path / "first.gguf", SMALL))
    quantise(gguf, read_shape(gguf), 4)


SMALL = Tiny(heads=1, head_width=32, width=32, ffn=32, vocabulary=4, type="Q4_0")


@pytest.mark.slow
@pytest.mark.usefixtures("compiled")
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    mutations=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=6),
    header=st.booleans(),
    length=st.one_of(st.just(1.0), st.floats(0, 1)),
)
def test_a_mutated_model_is_a_model_or_one_clear_error(
    tmp_path: Path, mutations: list[tuple[float, int]], header: bool, length: float
) -> None:
    """Whatever happens to a file's bytes, reading and quantising it ends in a model or an error, in little memory."""
    path = write_model(tmp_path / "small.gguf", SMALL)
    content = bytearray(path.read_bytes())
    end = open_gguf(path).data_bytes if header else len(content)
    for place, value in mutations:
        content[int(place * end)] = value
    path.write_bytes(content[: round(length * len(content))])
    tracemalloc.start()
    try:
        gguf = open_gguf(path)
        model = quantise(gguf, read_shape(gguf), 4)
        assert all(np.isfinite(weights.scale).all() for weights in model.matrices.values())
    except (GgufError, GraphError) as error:
        assert "\n" not in str(error)  # noqa: PT017 - either outcome is right
    finally:
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
        tracemalloc.stop()


def test_tensor_types_are_those_of_llama_cpp() -> None:
    """Block and byte sizes of every known type equal what the installed ggml says."""
    from llama_cpp import _ggml

    library = _ggml.libggml
    library.ggml_type_size.restype = ctypes.c_size_t
    library.ggml_blck_size.restype = ctypes.c_int64
    library.ggml_type_name.restype = ctypes.c_char_p
    for kind, (name, block, block_bytes) in TENSOR_TYPES.items():
        assert library.ggml_type_name(kind).decode().upper() == name.upper()
        assert (library.ggml_blck_size(kind), library.ggml_type_size(kind)) == (block, block_bytes)
