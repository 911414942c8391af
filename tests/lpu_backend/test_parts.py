"""A model in parts, a chip each: what crosses the links makes the bits of the whole."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from lpu_backend.chip.links import LinkedPrograms, Port, Wire, verify_linked
from lpu_backend.chip.lockstep_links import run_linked
from lpu_backend.chip.spec import PRODUCT
from lpu_backend.compiler import image
from lpu_backend.compiler.compile import compile_placed
from lpu_backend.compiler.place import Placement
from lpu_backend.errors import CapacityError, GraphError
from lpu_backend.model.fast import FastEngine
from lpu_backend.model.graph import ModelGraph, build_graph
from lpu_backend.model.part import Part, chips_for, cut, whole
from lpu_backend.model.quantise import QuantisedModel
from lpu_backend.system.pipeline import link_up
from tests.lpu_backend.test_compile import equal_bits, small_shape
from tests.lpu_backend.test_compile_real import smollm2
from tests.lpu_backend.test_fast import tiny_model
from tests.lpu_backend.tiny_model import Tiny

LATENCY = 300


@dataclass(slots=True)
class Chips:
    """A model's step in parts, linked in one time, with the caches of every chip."""

    model: QuantisedModel
    graphs: list[ModelGraph]
    placements: list[Placement]
    linked: LinkedPrograms
    constants: list[image.Image]
    states: list[image.Image]

    def step(self, tokens: list[int], position: int) -> np.ndarray:
        images = [
            {**constants, **state, **image.inputs(self.model, graph, tokens, position)}
            for graph, constants, state in zip(self.graphs, self.constants, self.states, strict=True)
        ]
        runs = run_linked(self.linked, images, PRODUCT)
        self.states = [
            {name: run.outputs[name] for name in state} for run, state in zip(runs, self.states, strict=True)
        ]
        return image.logits_of(runs[-1].outputs["logits"], self.model.shape.vocabulary)


def chips(model: QuantisedModel, parts: tuple[Part, ...], rows: int, positions: int) -> Chips:
    kind = "decode" if rows == 1 else "prefill"
    graphs = [build_graph(model.shape, kind, rows, positions, part) for part in parts]
    made = [compile_placed(graph, PRODUCT) for graph in graphs]
    placements = [placement for _, placement, _ in made]
    linked = link_up(tuple(program for program, _, _ in made), wires(parts))
    verify_linked(linked, PRODUCT)
    constants = [image.constants(model, placement) for placement in placements]
    return Chips(model, graphs, placements, linked, constants, [image.empty_state(p) for p in placements])


def wires(parts: tuple[Part, ...]) -> tuple[Wire, ...]:
    """From every part to the next."""
    ends = [
        (chip, before.sends_on, after.receives_on) for chip, (before, after) in enumerate(pairwise(parts))
    ]
    return tuple(
        Wire(Port(chip, sends or 0), Port(chip + 1, receives or 0), LATENCY) for chip, sends, receives in ends
    )


@pytest.mark.parametrize("positions", [256, 1024])
@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("chips", [1, 2, 4, 8, 30])
def test_parts_are_all_of_a_model_in_order_and_alike(chips: int, tied: bool, positions: int) -> None:
    """Layers follow one another; the ends are at the ends; no part can give a layer to another and help the largest."""
    shape = replace(smollm2(), tied=tied)
    parts = cut(shape, chips, positions)
    held = [part.sram_bytes(shape, positions) for part in parts]
    layer = Part(0, 1, 0, 8).sram_bytes(shape, positions)

    assert [layer for part in parts for layer in part.layers] == list(range(30))
    assert [part.has_embedding for part in parts] == [True] + [False] * (chips - 1)
    assert [part.has_head for part in parts] == [False] * (chips - 1) + [True]
    assert whole(shape).sram_bytes(shape, positions) == shape.sram_bytes(positions)
    assert min(held) + layer >= max(held) or len(parts[held.index(max(held))].layers) == 1


@pytest.mark.parametrize("chips", [0, -1, 31])
def test_a_model_is_not_cut_into_more_parts_than_layers(chips: int) -> None:
    """Nor into none."""
    with pytest.raises(GraphError, match="of 1 to 30 chips, not of"):
        cut(smollm2(), chips, 256)


@pytest.mark.slow
def test_what_no_chip_holds_says_how_many_do() -> None:
    """Sixty layers: two chips by bytes, and the parts of two are proven. A table at both ends counts twice."""
    assert (
        chips_for(replace(small_shape(), layers=70, vocabulary=100_000, ffn=1536), 16, PRODUCT.sram_bytes)
        == 4
    )
    shape = replace(small_shape(), layers=60, ffn=1536)
    with pytest.raises(CapacityError, match="it takes 2 chips"):
        compile_placed(build_graph(shape, "decode", 1, 16), PRODUCT)
    assert chips_for(shape, 16, PRODUCT.sram_bytes) == 2
    parts = cut(shape, 2, 16)
    programs = [compile_placed(build_graph(shape, "decode", 1, 16, part), PRODUCT)[0] for part in parts]
    verify_linked(link_up(tuple(programs), wires(parts)), PRODUCT)
    assert sum(program.sram_bytes() for program in programs) > PRODUCT.sram_bytes


def test_a_part_that_no_chip_holds_says_how_many_do() -> None:
    """160 layers on two chips: it takes four."""
    shape = replace(small_shape(), layers=160, ffn=1536)
    with pytest.raises(CapacityError, match=r"layers 80 to 159 .* it takes 4 chips"):
        compile_placed(build_graph(shape, "decode", 1, 16, cut(shape, 2, 16)[1]), PRODUCT)


WIDE = Tiny(layers=3, heads=4, kv_heads=2, head_width=34, width=352, ffn=700, vocabulary=700)


@pytest.mark.slow
@pytest.mark.parametrize(("count", "rows"), [(2, 1), (3, 1), (2, 16), (3, 32)])
def test_parts_in_lockstep_equal_the_whole_to_the_bit(tmp_path: Path, count: int, rows: int) -> None:
    """Two steps, decode and prefill, of two and three chips: the logits of the definition, and its caches."""
    model = tiny_model(tmp_path, WIDE, positions=64)
    compiled, fast = chips(model, cut(model.shape, count, 64), rows, 64), FastEngine(model)
    tokens = np.random.default_rng(rows).integers(0, WIDE.vocabulary, 2 * rows).tolist()
    for position in (0, rows):
        given = tokens[position : position + rows]
        wanted = fast.values(given, position)
        assert equal_bits(compiled.step(given, position), wanted["logits"][0])
    for graph, state in zip(compiled.graphs, compiled.states, strict=True):
        for layer in graph.part.layers:
            keys = wanted[f"L{layer}.keys"].reshape(2, 64, -1)[0, : 2 * rows]
            held = state[f"keys.{layer}.hi"].view(np.int8)[: 2 * rows, : keys.shape[1]]
            assert np.array_equal(held, keys)
