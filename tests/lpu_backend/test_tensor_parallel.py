"""Chips that share every layer: INT32 parts, exchanged and added, make the bits of one chip."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lpu_backend.chip.isa import Opcode
from lpu_backend.chip.links import LinkedPrograms, verify_linked
from lpu_backend.chip.lockstep_links import run_linked
from lpu_backend.chip.spec import PRODUCT
from lpu_backend.compiler import image
from lpu_backend.compiler.compile import compile_placed
from lpu_backend.compiler.place import Placement
from lpu_backend.errors import GraphError, ScheduleError
from lpu_backend.model.fast import FastEngine
from lpu_backend.model.graph import ModelGraph, build_graph
from lpu_backend.model.shape import ModelShape
from lpu_backend.model.tensor_parallel import sharded_model, sharded_shape
from lpu_backend.system.tensor_parallel import tensor_parallel_group
from tests.lpu_backend.test_compile import equal_bits
from tests.lpu_backend.test_compile_real import smollm2
from tests.lpu_backend.test_fast import tiny_model
from tests.lpu_backend.tiny_model import Tiny

MODEL = Tiny(layers=2, heads=8, kv_heads=4, head_width=34, width=352, ffn=700, vocabulary=400)


def tensor_parallel_programs(
    shape: ModelShape, tp_degree: int, rows: int
) -> tuple[ModelGraph, Placement, LinkedPrograms]:
    """A step of a model whose layers so many chips share: all run one program, from one cycle on."""
    part, wires = tensor_parallel_group(shape, tp_degree)
    kind = "decode" if rows == 1 else "prefill"
    graph = build_graph(sharded_shape(shape, tp_degree), kind, rows, 32, part)
    program, placement, _ = compile_placed(graph, PRODUCT)
    return graph, placement, LinkedPrograms((program,) * tp_degree, (0,) * tp_degree, wires)


@pytest.mark.slow
@pytest.mark.parametrize(("tp_degree", "rows"), [(2, 1), (4, 1), (2, 16)])
@pytest.mark.parametrize("architecture", ["llama", "qwen2"])
def test_chips_that_share_layers_make_the_bits_of_one(
    tmp_path: Path, architecture: str, tp_degree: int, rows: int
) -> None:
    """Two steps in lockstep; every chip ends with the same logits, those of the definition."""
    model = tiny_model(tmp_path, replace(MODEL, architecture=architecture), positions=32)
    graph, placement, linked = tensor_parallel_programs(model.shape, tp_degree, rows)
    verify_linked(linked, PRODUCT)
    held = [sharded_model(model, tp_degree, chip) for chip in range(tp_degree)]
    states = [image.empty_state(placement) for _ in held]
    fast, tokens = FastEngine(model), np.random.default_rng(tp_degree).integers(0, 400, 2 * rows).tolist()
    for position in (0, rows):
        given = tokens[position : position + rows]
        images = [
            {**image.constants(mine, placement), **state, **image.inputs(mine, graph, given, position)}
            for mine, state in zip(held, states, strict=True)
        ]
        runs = run_linked(linked, images, PRODUCT)
        states = [
            {name: run.outputs[name] for name in state} for run, state in zip(runs, states, strict=True)
        ]
        wanted = fast.step(given, position)
        assert wanted is not None
        for run in runs:
            assert equal_bits(image.logits_of(run.outputs["logits"], 400), wanted)


@pytest.mark.slow
def test_a_send_of_an_exchange_that_moves_is_caught() -> None:
    """On one chip of four, a cycle earlier or later."""
    _, _, linked = tensor_parallel_programs(
        replace(smollm2(), layers=1, vocabulary=400, kv_heads=4, heads=8), 4, 1
    )
    program = linked.programs[2]
    sends = np.flatnonzero(program.rows["opcode"] == Opcode.SEND)
    assert len(sends) == 3 * 2 * 4 * 3
    for row in sends[::7]:
        for by in (-1, 1):
            rows = program.rows.copy()
            rows["cycle"][row] += by
            programs = (*linked.programs[:2], replace(program, rows=rows), linked.programs[3])
            with pytest.raises(ScheduleError, match=r"chip \d "):
                verify_linked(replace(linked, programs=programs), PRODUCT)


@pytest.mark.parametrize(
    ("shape", "tp_degree", "message"),
    [
        (smollm2(), 2, "3 heads of keys can't be dealt evenly to 2 chips"),
        (
            replace(smollm2(), kv_heads=9, ffn=1537),
            3,
            "1537 elements of the feed-forward can't be dealt evenly",
        ),
        (smollm2(), 0, "to 0 chips"),
        (replace(smollm2(), kv_heads=4, heads=8, ffn=4096), 4, "sums over more than 2,240 columns"),
    ],
)
def test_what_cannot_be_dealt_is_one_line(shape: ModelShape, tp_degree: int, message: str) -> None:
    """Uneven shares, and sums that are no INT32."""
    with pytest.raises(GraphError, match=message):
        sharded_shape(shape, tp_degree)
