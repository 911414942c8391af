"""Parts of layers: their instructions compute what the definition says, and their cost is that of verified programs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lpu_backend.chip import lockstep
from lpu_backend.chip.spec import PRODUCT
from lpu_backend.chip.vectors import byte_planes, from_byte_planes
from lpu_backend.compiler import image
from lpu_backend.compiler.compile import compile_placed
from lpu_backend.compiler.shard import ends_cost, layer_cost
from lpu_backend.errors import CapacityError, GraphError
from lpu_backend.model.fast import FastEngine
from lpu_backend.model.quantise import QuantisedModel, Weights
from lpu_backend.model.segments import (
    LAYER,
    Segment,
    embedding_shard,
    experts_at_once,
    head_shard,
    layer_shard,
    segment_graph,
)
from lpu_backend.model.shape import ModelShape
from tests.lpu_backend.reference import Reference
from tests.lpu_backend.test_compile import equal_bits
from tests.lpu_backend.test_fast import tiny_model
from tests.lpu_backend.tiny_model import Tiny

LLAMA_70B = ModelShape(
    "llama", 80, 8192, 64, 8, 128, 28672, 32000, 4096, 1e-5, 1e4, "neighbours", False, False, two_planes=()
)
WIDE = Tiny(heads=6, kv_heads=3, head_width=128, width=352, ffn=700, vocabulary=40)
LONG = Tiny(heads=2, kv_heads=2, head_width=34, width=2600, ffn=4500, vocabulary=40, architecture="qwen2")


class Part:
    """The two segments of a chip's part of a layer, in lockstep, with its cache."""

    def __init__(self, model: QuantisedModel, rows: int, positions: int) -> None:
        self._model, self._rows = model, rows
        self._graphs = {name: segment_graph(model.shape, name, rows, positions) for name in LAYER}
        self._compiled = {name: compile_placed(graph, PRODUCT) for name, graph in self._graphs.items()}
        placement = self._compiled["attention"][1]
        self._state = image.empty_state(placement)
        self._constants = image.constants(self._model, placement)

    def run(self, name: str, x: np.ndarray, y: np.ndarray, tokens: list[int], position: int) -> np.ndarray:
        """Its part of the sum."""
        program, placement, _ = self._compiled[name]
        given = image.inputs(self._model, self._graphs[name], tokens, position)
        state = {**self._state, **vectors("x", x)}
        run = lockstep.run(program, {**self._constants, **given, **state, **vectors("y", y)}, PRODUCT)
        self._state = {key: run.outputs[key] for key in self._state if key[0] != "x"}
        found = from_byte_planes(run.outputs[self._graphs[name].output], np.float32)
        self.residual = np.concatenate(
            [from_byte_planes(run.outputs[key], np.float32) for key in vectors("x", x)], axis=1
        )[:, : x.shape[1]]
        chunks = found.reshape(-1, self._rows, 320).transpose(1, 0, 2)
        return chunks.reshape(self._rows, -1)[:, : x.shape[1]]


def vectors(name: str, values: np.ndarray) -> dict[str, np.ndarray]:
    padded = np.pad(values, ((0, 0), (0, -values.shape[1] % 320)))
    return {
        f"{name}.{chunk}": byte_planes(np.ascontiguousarray(padded[:, 320 * chunk : 320 * chunk + 320]))
        for chunk in range(padded.shape[1] // 320)
    }


@pytest.mark.slow
@pytest.mark.parametrize(("tiny", "rows"), [(WIDE, 1), (WIDE, 16), (LONG, 1)])
def test_the_segments_of_one_chip_are_the_layer_of_the_definition(
    tmp_path: Path, tiny: Tiny, rows: int
) -> None:
    """Key heads in several vectors, sums of several groups: values as the fast engine has them, token by token."""
    model = tiny_model(tmp_path, tiny, positions=32)
    part, fast = Part(dealt(model, 1, 0), rows, 32), FastEngine(model)
    for position in (0, rows):
        tokens = list(range(position, position + rows))
        wanted = fast.values(tokens, position)
        x = wanted["x"]
        attended = part.run("attention", x, np.zeros_like(x), tokens, position)
        assert equal_bits(x + attended, wanted["L0.x1"])
        ffn = part.run("feed_forward", x, attended, tokens, position)
        assert equal_bits(part.residual, wanted["L0.x1"])
        assert equal_bits(part.residual + ffn, wanted["L0.x2"])


def dealt(model: QuantisedModel, tp_degree: int, number: int) -> QuantisedModel:
    """The weights of a layer that chip `number` of `tp_degree` has."""
    shape, shard = model.shape, layer_shard(model.shape, tp_degree)
    width, kv_heads = shape.head_width, shape.kv_heads // tp_degree
    heads = shape.heads // tp_degree

    def span(each: int) -> np.ndarray:
        return np.arange(number * each, (number + 1) * each)

    keys = np.repeat(span(kv_heads * width).reshape(kv_heads, -1), shard.kv_heads // kv_heads, axis=0).ravel()
    spans = {
        "attn_q": span(heads * width),
        "attn_k": keys,
        "attn_v": keys,
        "ffn_gate": span(shard.ffn),
        "ffn_up": span(shard.ffn),
    }
    columns = {"attn_output": span(heads * width), "ffn_down": span(shard.ffn)}
    matrices = {}
    for matrix in shard.layer_matrices(0):
        weights, kind = model.matrices[matrix.name], matrix.name.rpartition(".")[2]
        rows = spans.get(kind, slice(None))
        planes = np.ascontiguousarray(weights.planes[rows, :, columns.get(kind, slice(None))])
        bias = None if weights.bias is None else weights.bias[rows]
        matrices[matrix.name] = Weights(planes, weights.scale[rows], bias)
    scores = (model.score_scales[0][span(heads)],)
    return replace(model, shape=shard, matrices=matrices, score_scales=scores)


@pytest.mark.slow
@pytest.mark.parametrize("tp_degree", [2, 4])
def test_the_parts_of_several_chips_are_those_of_their_weights(tmp_path: Path, tp_degree: int) -> None:
    """Each chip's part of both sums, for two tokens, as plain numpy has it from the weights dealt to that chip."""
    tiny = Tiny(heads=8, kv_heads=4, head_width=34, width=352, ffn=700, vocabulary=40)
    model = tiny_model(tmp_path, tiny, positions=16)
    parts = [dealt(model, tp_degree, number) for number in range(tp_degree)]
    chips = [Part(part, 1, 16) for part in parts]
    references = [Reference(part) for part in parts]
    rng = np.random.default_rng(tp_degree)
    for position in range(2):
        x = rng.normal(size=(1, tiny.width)).astype(np.float32)
        y = np.zeros_like(x)
        for name in LAYER:
            sums = []
            for chip, reference, part in zip(chips, references, parts, strict=True):
                values = {"x": x[0], "y": y[0]}
                for node in segment_graph(part.shape, name, 1, 16).nodes[2:]:
                    given = [values[source] for source in node.inputs]
                    values[node.name] = reference.value(node, given, 0, position)
                sums.append(chip.run(name, x, y, [0], position))
                assert equal_bits(sums[-1][0], values[node.name].astype(np.float32))
            x = x + y
            y = sum(sums[1:], sums[0])


@pytest.mark.parametrize("tied", [True, False])
def test_embedding_by_columns_and_head_by_rows(tmp_path: Path, tied: bool) -> None:
    """What two chips have of the ends makes the embedding and the logits of the definition."""
    tiny = Tiny(width=700, vocabulary=700, tied=tied)
    model = tiny_model(tmp_path, tiny, positions=16)
    wanted = FastEngine(model).values([333], 0)
    table = model.matrices["token_embd"]
    found = []
    for columns in (slice(0, 640), slice(640, 700)):
        planes = np.ascontiguousarray(table.planes[:, :, columns])
        shape = replace(embedding_shard(model.shape, 2), width=planes.shape[2])
        held = replace(model, shape=shape, matrices={"token_embd": replace(table, planes=planes)}, gains={})
        found += [chunk[0] for chunk in run_end(held, "embedding", {}, [333]).values()]
    assert equal_bits(np.concatenate(found)[:700], wanted["x"][0])
    head, x = model.matrices[model.shape.head_matrix], wanted["last"]
    given = {**vectors("x", x - x), **vectors("y", x)}
    parts = []
    for rows in (slice(0, 350), slice(350, 700)):
        mine = Weights(head.planes[rows], head.scale[rows], None)
        held = replace(model, shape=head_shard(model.shape, 2), matrices={"token_embd": mine})
        parts.append(run_end(held, "head", given, [0])["logits"].reshape(-1)[:350])
    assert equal_bits(np.concatenate(parts), wanted["logits"][0])


def run_end(
    model: QuantisedModel, name: Segment, given: image.Image, tokens: list[int]
) -> dict[str, np.ndarray]:
    """The outputs of a segment without a cache, float32 vectors."""
    graph = segment_graph(model.shape, name, 1, 16)
    program, placement, _ = compile_placed(graph, PRODUCT)
    image_of = {**image.constants(model, placement), **image.inputs(model, graph, tokens, 0), **given}
    outputs = lockstep.run(program, image_of, PRODUCT).outputs
    return {key: from_byte_planes(outputs[key], np.float32) for key in outputs if key[:2] != "y."}


@pytest.mark.parametrize("tp_degree", [1, 8])
def test_the_ends_of_70b_are_counted_without_weights(tmp_path: Path, tp_degree: int) -> None:
    """A table of 32,000 rows, gathered and as a matrix; one chip has nothing to exchange, and it is too small."""
    if tp_degree == 1:
        with pytest.raises(CapacityError):
            ends_cost(LLAMA_70B, tp_degree, 1, PRODUCT, folder=tmp_path)
        return
    one, many = (ends_cost(LLAMA_70B, tp_degree, rows, PRODUCT, folder=tmp_path) for rows in (1, 16))
    assert many.embedding.cycles == 16 * one.embedding.cycles
    assert (many.head, many.embedding_bytes) == (one.head, one.embedding_bytes)
    assert one.embedding_exchange is not None
    assert (one.embedding_exchange.kind, one.embedding_exchange.vectors) == ("all_gather", 104)
    assert one.head_bytes > 32000 * 8192 // 8


@pytest.mark.slow
def test_a_layer_of_70b_on_eight_chips_is_counted_without_weights(tmp_path: Path) -> None:
    """Programs that verification passes, the same each time; an exchange of 26 · 4 vectors after each segment."""
    cost = layer_cost(LLAMA_70B, 8, 1, 4096, PRODUCT, folder=tmp_path)
    assert [segment.name for segment in cost.segments] == list(LAYER)
    assert [(e.kind, e.vectors) for e in cost.exchanges] == [("all_reduce", 104)] * 2
    weights = (8192 * (1024 + 2 * 128 + 1024) + 3 * 3584 * 8192) // PRODUCT.vector_bytes
    # No plane takes a tile of 320 rows in less than 26 cycles.
    least = weights / 320 / PRODUCT.mxm_planes * PRODUCT.mxm_install_interval_cycles
    assert least < cost.cycles
    assert weights * 320 < cost.sram_bytes < PRODUCT.sram_bytes
    assert layer_cost(LLAMA_70B, 8, 1, 4096, PRODUCT, folder=tmp_path) == cost


@pytest.mark.slow
def test_more_chips_have_less_each(tmp_path: Path) -> None:
    """Twice the chips: fewer cycles, fewer bytes; heads that don't divide are dealt to the largest part."""
    few, many = (layer_cost(LLAMA_70B, tp_degree, 1, 512, PRODUCT, folder=tmp_path) for tp_degree in (8, 16))
    assert many.cycles < few.cycles
    assert many.sram_bytes < few.sram_bytes
    shard = layer_shard(LLAMA_70B, 16)
    assert (shard.heads, shard.kv_heads, shard.ffn) == (4, 2, 1792)  # a head of keys twice in 320 lanes
    assert layer_shard(LLAMA_70B, 3).kv_heads == 3


def test_experts_are_counted_as_many_as_tokens_take(tmp_path: Path) -> None:
    """Two of eight for one token, all of them for a prompt; the others lie in SRAM; the router's products are made."""
    dense = replace(LLAMA_70B, width=1024, heads=8, kv_heads=4, ffn=3584, two_planes=("attn_v",))
    mixture = replace(dense, experts=8, experts_used=2)
    assert [experts_at_once(mixture, rows) for rows in (1, 3, 16)] == [2, 6, 8]
    assert layer_shard(mixture, 4, rows=3).ffn == 6 * 896
    plain, mixed, twice = (
        layer_cost(shape, 4, 1, 64, PRODUCT, folder=tmp_path)
        for shape in (dense, mixture, replace(dense, ffn=2 * 3584))
    )
    graph = segment_graph(layer_shard(mixture, 4), "feed_forward", 1, 64)
    assert graph.further == ("L0.router",)
    assert plain.cycles < twice.cycles <= mixed.cycles < twice.cycles + 200
    one_expert = 3 * 896 * 1024
    assert 7 * one_expert < mixed.sram_bytes - plain.sram_bytes < 9 * one_expert
    assert (len(plain.notes), len(mixed.notes)) == (0, 1)


def test_what_can_not_be_dealt_is_one_clear_error() -> None:
    """More chips than heads; no tokens."""
    with pytest.raises(GraphError, match="take 1 to 64"):
        layer_cost(LLAMA_70B, 65, 1, 512, PRODUCT)
    with pytest.raises(CapacityError, match="takes 4 chips"):
        layer_cost(LLAMA_70B, 2, 1, 512, PRODUCT)
    with pytest.raises(GraphError, match="0 tokens"):
        layer_cost(LLAMA_70B, 8, 0, 512, PRODUCT)
