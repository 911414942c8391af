"""Metadata become a graph, or one clear error."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lpu_backend.chip.spec import PRODUCT
from lpu_backend.errors import CapacityError, GraphError
from lpu_backend.model.gguf_file import open_gguf
from lpu_backend.model.graph import Last, ModelGraph, build_graph, check, last_uses
from lpu_backend.model.part import whole
from lpu_backend.model.shape import ModelShape, read_shape
from tests.lpu_backend.tiny_model import Tiny, write_model

GOLDEN = Path(__file__).parent / "golden" / "decode_graph.txt"
SMOLLM2 = ModelShape("llama", 30, 576, 9, 3, 64, 1536, 49152, 8192, 1e-5, 1e5, "neighbours", True, False)
LLAMA_1B = ModelShape(
    "llama", 16, 2048, 32, 8, 64, 8192, 128256, 131072, 1e-5, 5e5, "neighbours", True, False
)
LLAMA_8B = ModelShape(
    "llama", 32, 4096, 32, 8, 128, 14336, 128256, 131072, 1e-5, 5e5, "neighbours", False, False
)


def shape_of(folder: Path, tiny: Tiny, **metadata: Any) -> ModelShape:
    return read_shape(open_gguf(write_model(folder / "tiny.gguf", tiny, **metadata)))


def test_a_graph_reads_as_a_list_of_operations(tmp_path: Path) -> None:
    """The decode graph of one layer is the committed listing, a line a node."""
    graph = build_graph(shape_of(tmp_path, Tiny("qwen2", tied=False)), "decode", 1, 128)
    assert graph.text() == GOLDEN.read_text()


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("architecture", ["llama", "qwen2"])
def test_the_shape_comes_from_the_metadata(tmp_path: Path, architecture: str, tied: bool) -> None:
    """Dimensions, tied heads, biases and rotary pairs are what the file says, for every architecture."""
    tiny = Tiny(architecture, layers=2, heads=4, kv_heads=2, tied=tied)
    shape = shape_of(tmp_path, tiny)
    dimensions = (shape.layers, shape.heads, shape.kv_heads, shape.head_width, shape.width, shape.ffn)
    assert dimensions == (2, 4, 2, 32, 64, 96)
    assert (shape.vocabulary, shape.tied, shape.biases) == (50, tied, architecture == "qwen2")
    assert shape.pairs == {"llama": "neighbours", "qwen2": "halves"}[architecture]
    assert len(shape.matrices()) == 1 + (not tied) + 14


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"block_count": 2}, r"blk\.1\..*absent"),
        ({"block_count": 1 << 19}, "only 11 tensors"),
        ({"block_count": 0}, "block_count is 0"),
        ({"embedding_length": 65}, "must have the shape"),
        ({"embedding_length": 1 << 30}, "embedding_length is 1073741824"),
        ({"attention.head_count": 3}, "must have the shape"),
        ({"attention.head_count_kv": 3}, "make no attention"),
        ({"attention.key_length": 33}, "make no attention"),
        ({"attention.layer_norm_rms_epsilon": 0.0}, "rms_epsilon is 0"),
        ({"attention.sliding_window": 64}, "sliding window"),
        ({"rope.dimension_count": 16}, "16 of 32 elements"),
        ({"rope.scaling.type": "yarn"}, "'yarn'"),
        ({"rope.freq_base": float("nan")}, "freq_base is nan"),
        ({"expert_count": 8}, "experts"),
    ],
)
def test_what_can_not_be_computed_is_refused(tmp_path: Path, metadata: dict[str, Any], message: str) -> None:
    """Contradictory, absurd and unsupported metadata are a GraphError of one line."""
    with pytest.raises(GraphError, match=message) as caught:
        shape_of(tmp_path, Tiny(), **metadata)
    assert "\n" not in str(caught.value)


def test_an_unknown_architecture_is_refused_with_those_that_are_known(tmp_path: Path) -> None:
    """The error lists the supported architectures."""
    with pytest.raises(GraphError, match=r"'mamba' is not supported; these are: llama, qwen2"):
        shape_of(tmp_path, Tiny("mamba"))


def test_an_impossible_step_is_refused() -> None:
    """No rows, more rows than positions, and a decode of two tokens are a GraphError."""
    for kind, rows, positions in (("prefill", 0, 4), ("prefill", 5, 4), ("decode", 2, 4)):
        with pytest.raises(GraphError, match="impossible"):
            build_graph(SMOLLM2, kind, rows, positions)  # type: ignore[arg-type]


def test_a_graph_that_breaks_a_rule_names_the_node() -> None:
    """Double assignment, use before assignment, a width that does not fit, and a dead node are found."""
    small = replace(SMOLLM2, layers=1)
    graph = build_graph(small, "prefill", 4, 128)
    nodes = list(graph.nodes)
    assert isinstance(nodes[-3].op, Last)
    broken = {
        "twice": [*nodes[:4], nodes[3], *nodes[4:]],
        "before": [nodes[1], nodes[0], *nodes[2:]],
        "nothing": [*nodes[:-1], replace(nodes[-4], name="idle"), nodes[-1]],
        "widths": [
            *nodes[:2],
            replace(nodes[2], inputs=("x",), op=replace(nodes[2].op, columns=9)),
            *nodes[3:],
        ],  # type: ignore[call-arg]
    }
    for message, changed in broken.items():
        with pytest.raises(GraphError, match=message):
            check(ModelGraph(small, "prefill", 4, 128, tuple(changed), whole(small)))


def test_values_live_until_their_last_use() -> None:
    """Every value but the output dies exactly once, at its last reader."""
    graph = build_graph(replace(SMOLLM2, layers=2), "decode", 1, 128)
    dead = last_uses(graph)
    for place, (node, names) in enumerate(zip(graph.nodes, dead, strict=True)):
        assert set(names) <= set(node.inputs)
        assert not any(name in later.inputs for name in names for later in graph.nodes[place + 1 :])
    assert sorted(name for names in dead for name in names) == sorted(node.name for node in graph.nodes[:-1])


def test_the_embedded_model_fits_one_chip_with_a_context_of_1024() -> None:
    """SmolLM2-135M takes 214,364,160 of 230,686,720 bytes with 1024 positions, and does not fit with 2048."""
    assert SMOLLM2.sram_bytes(1024) == 214_364_160
    SMOLLM2.check_fits(1024, PRODUCT.sram_bytes)
    with pytest.raises(CapacityError, match="it takes 2 chips") as caught:
        SMOLLM2.check_fits(2048, PRODUCT.sram_bytes)
    assert (caught.value.need_bytes, caught.value.have_bytes) == (SMOLLM2.sram_bytes(2048), 230_686_720)


def test_larger_models_say_how_many_chips_they_take() -> None:
    """A model of 1.2 billion weights takes 8 chips with 2048 positions, one of 8 billion more than 35."""
    with pytest.raises(CapacityError) as small:
        LLAMA_1B.check_fits(2048, PRODUCT.sram_bytes)
    with pytest.raises(CapacityError) as large:
        LLAMA_8B.check_fits(2048, PRODUCT.sram_bytes)
    assert small.value.chips == 8
    assert 35 < large.value.chips < 50
