"""A real model: one layer of it to the bit, and the whole of it as a program for one chip."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from inference.models.store import ModelStore
from lpu_backend.chip.simulate import simulate
from lpu_backend.chip.spec import PRODUCT
from lpu_backend.compiler.compile import compile_placed
from lpu_backend.compiler.reservation import Reservation
from lpu_backend.model.fast import FastEngine
from lpu_backend.model.gguf_file import open_gguf
from lpu_backend.model.graph import build_graph
from lpu_backend.model.quantise import QuantisedModel, Weights, quantise
from lpu_backend.model.shape import ModelShape, read_shape
from tests.lpu_backend.test_compile import chip, equal_bits
from tests.lpu_backend.test_quality import EMBEDDED

pytestmark = pytest.mark.model
VOCABULARY = 330


@pytest.fixture(scope="module")
def whole() -> QuantisedModel:
    """The embedded model."""
    gguf = open_gguf(ModelStore().find(EMBEDDED, "llm").path)
    return quantise(gguf, read_shape(gguf), 64)


@pytest.fixture(scope="module")
def one_layer(whole: QuantisedModel) -> QuantisedModel:
    """The first layer of the embedded model, with the first rows of its vocabulary."""
    matrices = {name: held for name, held in whole.matrices.items() if name.startswith("blk.0.")}
    head = whole.matrices["token_embd"]
    matrices["token_embd"] = Weights(head.planes[:VOCABULARY], head.scale[:VOCABULARY], None)
    gains = {name: gain for name, gain in whole.gains.items() if name.startswith(("blk.0.", "output"))}
    return replace(
        whole,
        shape=replace(whole.shape, layers=1, vocabulary=VOCABULARY),
        matrices=matrices,
        embedding_scale=whole.embedding_scale[:VOCABULARY],
        gains=gains,
        score_scales=whole.score_scales[:1],
    )


@pytest.mark.parametrize("rows", [1, 16])
def test_a_real_layer_equals_the_definition_to_the_bit(one_layer: QuantisedModel, rows: int) -> None:
    """Logits and caches of two steps, for decode and for a prefill of 16 tokens."""
    compiled, fast = chip(one_layer, rows, 64), FastEngine(one_layer)
    tokens = np.random.default_rng(rows).integers(0, VOCABULARY, 2 * rows).tolist()
    for position in (0, rows):
        given = tokens[position : position + rows]
        logits, _ = compiled.step(given, position)
        wanted = fast.values(given, position)
        assert equal_bits(logits, wanted[compiled.graph.output][0])
    keys = wanted["L0.keys"].reshape(2, 64, -1)
    assert np.array_equal(compiled.keys(0)[:, : 2 * rows], keys[:, : 2 * rows])


def test_a_step_of_the_whole_model_equals_the_definition_to_the_bit(whole: QuantisedModel) -> None:
    """Embedding, 30 layers, 49,152 logits: 0.8 million instructions on streams, in as many cycles as foretold."""
    compiled, fast = chip(whole, 1, 64), FastEngine(whole)
    logits, cycles = compiled.step([504], 0)
    assert equal_bits(logits, fast.step([504], 0))
    assert cycles == simulate(compiled.program, PRODUCT).cycles


def smollm2() -> ModelShape:
    """The shape of SmolLM2-135M."""
    return ModelShape(
        architecture="llama",
        layers=30,
        width=576,
        heads=9,
        kv_heads=3,
        head_width=64,
        ffn=1536,
        vocabulary=49152,
        context=8192,
        eps=1e-5,
        rope_theta=1e5,
        pairs="neighbours",
        tied=True,
        biases=False,
    )


def test_the_whole_model_is_proven_on_one_chip_with_1024_positions() -> None:
    """A decode step that sees 256 of them: verified, in SRAM with its caches, and shorter than 100 µs."""
    graph = build_graph(smollm2(), "decode", 1, 256)
    program, _, memory = compile_placed(graph, PRODUCT, reservation=Reservation(1024, ((1, 1024),)))

    assert program.sram_bytes() < PRODUCT.sram_bytes
    assert memory.count("MEM_") == PRODUCT.mem_slices
    assert simulate(program, PRODUCT).seconds < 100e-6
