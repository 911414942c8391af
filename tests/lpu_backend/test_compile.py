"""Whole models compiled: the instructions, run in lockstep, compute what the definition says, to the bit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lpu_backend.chip import lockstep
from lpu_backend.chip.program import Program
from lpu_backend.chip.simulate import simulate
from lpu_backend.chip.spec import PRODUCT
from lpu_backend.compiler import image
from lpu_backend.compiler.compile import compile_placed
from lpu_backend.compiler.place import Placement
from lpu_backend.model.fast import FastEngine
from lpu_backend.model.graph import ModelGraph, build_graph
from lpu_backend.model.quantise import QuantisedModel
from lpu_backend.model.shape import ModelShape
from tests.lpu_backend.hash_seeds import printed_under_two_seeds
from tests.lpu_backend.test_fast import tiny_model
from tests.lpu_backend.tiny_model import Tiny

WIDE = Tiny(layers=2, heads=4, kv_heads=2, head_width=34, width=352, ffn=700, vocabulary=700)


@dataclass(slots=True)
class Chip:
    """A compiled step of a model on the lockstep engine, its caches, and the same model on the fast engine."""

    model: QuantisedModel
    graph: ModelGraph
    program: Program
    placement: Placement
    constants: image.Image
    state: image.Image

    def step(self, tokens: list[int], position: int) -> tuple[np.ndarray, int]:
        given = image.inputs(self.model, self.graph, tokens, position)
        run = lockstep.run(self.program, {**self.constants, **self.state, **given}, PRODUCT)
        self.state = {name: run.outputs[name] for name in self.state}
        return image.logits_of(run.outputs["logits"], self.model.shape.vocabulary), run.cycles

    def keys(self, layer: int) -> np.ndarray:
        width = self.model.shape.kv_heads * self.model.shape.head_width
        return np.stack(
            [self.state[f"keys.{layer}.{plane}"][:, :width].view(np.int8) for plane in ("hi", "lo")]
        )

    def values(self, layer: int) -> np.ndarray:
        """By position, from rows of 320 positions."""
        width = self.model.shape.kv_heads * self.model.shape.head_width
        padded = -(-width // 16) * 16
        planes = [
            self.state[f"values.{layer}.{plane}"].view(np.int8).reshape(-1, padded, 320).transpose(0, 2, 1)
            for plane in ("hi", "lo")
        ]
        return np.stack([plane.reshape(-1, padded)[:, :width] for plane in planes])


def chip(model: QuantisedModel, rows: int, positions: int) -> Chip:
    graph = build_graph(model.shape, "decode" if rows == 1 else "prefill", rows, positions)
    program, placement, _ = compile_placed(graph, PRODUCT)
    constants = image.constants(model, placement)
    return Chip(model, graph, program, placement, constants, image.empty_state(placement))


def equal_bits(a: np.ndarray, b: np.ndarray) -> bool:
    return np.array_equal(a.view(np.int32), b.view(np.int32))


TINY = st.builds(
    Tiny,
    architecture=st.sampled_from(["llama", "qwen2"]),
    layers=st.sampled_from([1, 2]),
    heads=st.sampled_from([3, 6]),
    kv_heads=st.sampled_from([1, 3]),
    head_width=st.sampled_from([2, 8, 34]),
    width=st.sampled_from([5, 64, 352]),
    ffn=st.sampled_from([7, 96, 700]),
    vocabulary=st.sampled_from([40, 350]),
    tied=st.booleans(),
    seed=st.integers(0, 1000),
)


@pytest.mark.slow
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tiny=TINY, tokens=st.lists(st.integers(0, 39), min_size=1, max_size=3))
def test_decode_of_random_models_equals_the_definition_to_the_bit(
    tmp_path: Path, tiny: Tiny, tokens: list[int]
) -> None:
    """Logits and caches after every token; the program passes verification; its cycles are the simulator's."""
    model = tiny_model(tmp_path, tiny)
    compiled, fast = chip(model, 1, 16), FastEngine(model)
    for position, token in enumerate(tokens):
        logits, cycles = compiled.step([token], position)
        wanted = fast.values([token], position)
        assert equal_bits(logits, wanted[compiled.graph.output][0])
        assert cycles == simulate(compiled.program, PRODUCT).cycles
    seen = len(tokens)
    for layer in range(tiny.layers):
        keys, values = wanted[f"L{layer}.keys"], wanted[f"L{layer}.values"]
        assert np.array_equal(compiled.keys(layer)[:, :seen], keys.reshape(2, 16, -1)[:, :seen])
        assert np.array_equal(compiled.values(layer)[:, :seen], values.reshape(2, 16, -1)[:, :seen])


@pytest.mark.slow
@pytest.mark.parametrize("rows", [16, 32])
def test_prefill_equals_the_definition_to_the_bit(tmp_path: Path, rows: int) -> None:
    """Three prefills, one after another, across 320 positions: logits and caches."""
    model = tiny_model(tmp_path, WIDE, positions=352)
    compiled, fast = chip(model, rows, 352), FastEngine(model)
    tokens = np.random.default_rng(rows).integers(0, WIDE.vocabulary, 352).tolist()
    start = 320 - 2 * rows
    wanted = fast.values(tokens[:start], 0)
    for layer in range(WIDE.layers):
        fill(compiled, layer, wanted, start)
    for position in range(start, start + 3 * rows, rows):
        given = tokens[position : position + rows]
        logits, _ = compiled.step(given, position)
        wanted = fast.values(given, position)
        assert equal_bits(logits, wanted[compiled.graph.output][0])
    for layer in range(WIDE.layers):
        values = wanted[f"L{layer}.values"].reshape(2, 352, -1)
        assert np.array_equal(compiled.values(layer)[:, : position + rows], values[:, : position + rows])


@pytest.mark.slow
@pytest.mark.parametrize(("positions", "start"), [(48, 14), (352, 318)])
def test_decode_crosses_blocks_of_16_and_of_320_positions(tmp_path: Path, positions: int, start: int) -> None:
    """The caches are where the next token looks for them."""
    model = tiny_model(tmp_path, WIDE, positions=positions)
    compiled, fast = chip(model, 1, positions), FastEngine(model)
    tokens = np.random.default_rng(1).integers(0, WIDE.vocabulary, start + 4).tolist()
    wanted = fast.values(tokens[:start], 0)
    for layer in range(WIDE.layers):
        fill(compiled, layer, wanted, start)
    for position in range(start, start + 4):
        logits, _ = compiled.step([tokens[position]], position)
        assert equal_bits(logits, fast.step([tokens[position]], position))


def fill(compiled: Chip, layer: int, values: dict[str, np.ndarray], seen: int) -> None:
    """Puts caches that the fast engine has filled where the program has them."""
    for index, plane in enumerate(("hi", "lo")):
        keys = values[f"L{layer}.keys"].reshape(2, -1, compiled.graph.model.kv_heads * 34)[index]
        rows = values[f"L{layer}.values"].reshape(keys.shape[0] * 2, -1)[
            index * len(keys) : (index + 1) * len(keys)
        ]
        compiled.state[f"keys.{layer}.{plane}"][: len(keys), : keys.shape[1]] = keys.view(np.uint8)
        cache = compiled.state[f"values.{layer}.{plane}"].reshape(-1, 80, 320)
        for position in range(seen):
            cache[position // 320, : rows.shape[1], position % 320] = rows[position].view(np.uint8)
        first = seen // 16 * 16
        newest = rows[first:seen].view(np.uint8)
        compiled.state[f"ring.{layer}.{plane}"][: len(newest), : rows.shape[1]] = newest


@pytest.mark.slow
def test_digests_do_not_depend_on_the_hash_seed() -> None:
    """Compiled in two processes with different seeds: the same bytes."""
    code = (
        "from tests.lpu_backend.test_compile import digest_of_a_program as d\n"
        "import sys; sys.stdout.write(d())"
    )
    assert printed_under_two_seeds(code) == {digest_of_a_program()}


def digest_of_a_program() -> str:
    """A decode step of a small shape."""
    shape = small_shape()
    return compile_placed(build_graph(shape, "decode", 1, 32), PRODUCT)[0].digest


def small_shape(layers: int = 1) -> ModelShape:
    """Two chunks of width, grouped heads."""
    return ModelShape(
        architecture="llama",
        layers=layers,
        width=576,
        heads=9,
        kv_heads=3,
        head_width=64,
        ffn=640,
        vocabulary=400,
        context=512,
        eps=1e-5,
        rope_theta=1e4,
        pairs="neighbours",
        tied=True,
        biases=False,
    )
