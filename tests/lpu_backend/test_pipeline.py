"""A model on a pipeline of chips: the cables it takes, the bits it makes, the cycles a token has."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lpu_backend.chip.isa import Opcode
from lpu_backend.chip.links import LinkedPrograms, verify_linked
from lpu_backend.chip.lockstep_links import run_linked
from lpu_backend.chip.program import Program
from lpu_backend.chip.simulate import length
from lpu_backend.chip.spec import PRODUCT
from lpu_backend.chip.timing import timing
from lpu_backend.compiler import image
from lpu_backend.compiler.compile import compile_placed
from lpu_backend.errors import CapacityError, GraphError, ScheduleError, TopologyError
from lpu_backend.model.fast import MOST_ROWS, FastEngine
from lpu_backend.model.graph import build_graph
from lpu_backend.system.collectives import hand_over
from lpu_backend.system.pipeline import chip_order, link_up, pipeline
from lpu_backend.system.pipeline_engine import PipelineEngine
from lpu_backend.system.pipeline_steps import PipelineSteps, steps_on
from lpu_backend.system.topology import system_of
from lpu_backend.system.wire import WIRE
from tests.lpu_backend.hash_seeds import printed_under_two_seeds
from tests.lpu_backend.test_compile import equal_bits, small_shape
from tests.lpu_backend.test_compile_real import smollm2
from tests.lpu_backend.test_fast import tiny_model
from tests.lpu_backend.tiny_model import Tiny

FOUR = small_shape(layers=4)
SMALL = Tiny(layers=8, heads=2, kv_heads=1, head_width=32, width=64, ffn=96, vocabulary=50)


@pytest.mark.parametrize("chips", [1, 2, 4, 8, 16, 24])
def test_every_chip_is_cabled_to_the_next_by_the_ports_its_part_names(chips: int) -> None:
    """All chips once; a wire is a cable; no chip receives and sends by one port."""
    system, made = system_of(chips), pipeline(smollm2(), chips, 256)
    order = chip_order(system)

    assert sorted(order) == list(system.working)
    assert len(made.parts) == chips
    for (here, there), wire in zip(pairwise(order), made.wires, strict=True):
        source, target = here * WIRE.ports + wire.source.link, there * WIRE.ports + wire.target.link
        assert system.peers[source] == target
        assert made.parts[wire.source.chip].sends_on == wire.source.link
        assert made.parts[wire.target.chip].receives_on == wire.target.link
    assert all(part.sends_on != part.receives_on for part in made.parts if chips > 1)


@pytest.mark.parametrize(
    ("chips", "error", "message"),
    [
        (0, TopologyError, "0 chips: a system has 1 to 10,440"),
        (-3, TopologyError, "-3 chips"),
        (7, TopologyError, "7 chips: take 1, 2, 4 or whole nodes of 8, such as 8"),
        (32, GraphError, "a model of 30 layers can be a pipeline of 1 to 30 chips, not of 32"),
        (20_000, TopologyError, "20,000 chips"),
    ],
)
def test_impossible_numbers_of_chips_are_one_line(chips: int, error: type[Exception], message: str) -> None:
    """What is wrong, and what there is."""
    with pytest.raises(error) as caught:
        pipeline(smollm2(), chips, 256)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    chips=st.sampled_from([1, 2, 4, 8]),
    tied=st.booleans(),
    architecture=st.sampled_from(["llama", "qwen2"]),
    tokens=st.lists(st.integers(0, 49), min_size=2, max_size=9),
    cut=st.integers(1, 8),
)
def test_parts_in_turn_make_the_bits_of_the_whole(
    tmp_path: Path, chips: int, tied: bool, architecture: str, tokens: list[int], cut: int
) -> None:
    """On the fast engine: a prompt in one step or two, and every token after it."""
    model = tiny_model(tmp_path, replace(SMALL, tied=tied, architecture=architecture))
    one, many = FastEngine(model), PipelineEngine(model, pipeline(model.shape, chips, 16).parts)
    cut = min(cut, len(tokens) - 1)
    for first, last in ((0, cut), (cut, len(tokens))):
        given = tokens[first:last]
        wanted, found = one.step(given, first), many.step(given, first)
        assert wanted is not None
        assert found is not None
        assert equal_bits(wanted, found)


def test_a_long_prompt_and_a_stop(tmp_path: Path) -> None:
    """More tokens than the engine takes at once; a stop between two chips leaves what was cached valid."""
    positions = 2 * MOST_ROWS + 16
    model = tiny_model(tmp_path, SMALL, positions=positions)
    one, many = FastEngine(model), PipelineEngine(model, pipeline(model.shape, 4, positions).parts)
    tokens = np.random.default_rng(0).integers(0, 50, positions).tolist()
    wanted = one.step(tokens, 0)
    asked = iter(range(10**6))

    assert many.step(tokens, 0, lambda: next(asked) > 100) is None
    assert wanted is not None
    found = many.step(tokens, 0)
    assert found is not None
    assert equal_bits(wanted, found)


@pytest.mark.slow
@pytest.mark.parametrize("chips", [4, 8])
def test_compiled_parts_in_lockstep_make_the_bits_of_the_whole(tmp_path: Path, chips: int) -> None:
    """Every instruction on every chip, by the ports and with the latency of the system: two tokens."""
    model = tiny_model(tmp_path, SMALL)
    made = pipeline(model.shape, chips, 16)
    graphs = [build_graph(model.shape, "decode", 1, 16, part) for part in made.parts]
    programs, placements, _ = zip(*(compile_placed(graph, PRODUCT) for graph in graphs), strict=True)
    linked = link_up(programs, made.wires)
    verify_linked(linked, PRODUCT)
    states = [image.empty_state(placement) for placement in placements]
    fast = FastEngine(model)
    for position, token in enumerate((7, 42)):
        images = [
            {**image.constants(model, placement), **state, **image.inputs(model, graph, [token], position)}
            for graph, placement, state in zip(graphs, placements, states, strict=True)
        ]
        runs = run_linked(linked, images, PRODUCT)
        states = [
            {name: run.outputs[name] for name in state} for run, state in zip(runs, states, strict=True)
        ]
        wanted = fast.step([token], position)
        assert wanted is not None
        assert equal_bits(image.logits_of(runs[-1].outputs["logits"], 50), wanted)


def linked_step(chips: int = 2, rows: int = 1) -> LinkedPrograms:
    """A step of four layers on so many chips."""
    made = pipeline(FOUR, chips, 32)
    kind = "decode" if rows == 1 else "prefill"
    graphs = [build_graph(FOUR, kind, rows, 32, part) for part in made.parts]
    return link_up(tuple(compile_placed(graph, PRODUCT)[0] for graph in graphs), made.wires)


def digest_of_a_step() -> str:
    """Of two chips."""
    return linked_step().digest


@pytest.mark.slow
def test_digests_of_several_chips_do_not_depend_on_the_hash_seed() -> None:
    """Programs, starts and wires made in two processes with different seeds."""
    code = "import sys, tests.lpu_backend.test_pipeline as t; sys.stdout.write(t.digest_of_a_step())"
    assert printed_under_two_seeds(code) == {digest_of_a_step()}


def of_op(program: Program, name: str, opcode: Opcode) -> list[tuple[int, int]]:
    """First and last cycle of the rows of an operation with an opcode."""
    rows = program.rows
    found = rows[(rows["op"] == program.ops.index(name)) & (rows["opcode"] == opcode)]
    return [(int(r["cycle"]), int(r["cycle"] + (r["count"] - 1) * r["interval"])) for r in found]


@pytest.mark.parametrize("rows", [1, 16])
def test_a_hand_over_takes_what_the_network_says(rows: int) -> None:
    """From the first Read to the last vector in SRAM: to the cycle what the scheduled network has for two chips."""
    linked = linked_step(2, rows)
    before, after = linked.programs
    first_read = min(first for first, _ in of_op(before, "sent", Opcode.READ)) + linked.starts[0]
    last_write = max(last for _, last in of_op(after, "x", Opcode.WRITE)) + linked.starts[1]
    took = last_write + timing(PRODUCT).delay[Opcode.WRITE] - first_read

    assert took == hand_over(system_of(2), [0], [1], 8 * rows).cycles


@pytest.mark.slow
def test_a_send_of_a_model_that_moves_is_caught() -> None:
    """Every Send and every Receive of a real step, a cycle earlier and later: the chip and the cycle are named."""
    linked = linked_step(4)
    for chip, program in enumerate(linked.programs):
        for row in np.flatnonzero(np.isin(program.rows["opcode"], (Opcode.SEND, Opcode.RECEIVE))):
            for by in (-1, 1):
                rows = program.rows.copy()
                rows["cycle"][row] += by
                if rows["cycle"][row] < 0:
                    continue
                programs = list(linked.programs)
                programs[chip] = replace(program, rows=rows)
                with pytest.raises(ScheduleError, match=f"chip {chip} "):
                    verify_linked(replace(linked, programs=tuple(programs)), PRODUCT)


def test_a_token_takes_its_stages_and_hand_overs(tmp_path: Path) -> None:
    """The sum of both is the step's length, which is the last chip's end; the disk gives the same again."""
    steps = PipelineSteps(FOUR, PRODUCT, 32, 4, folder=tmp_path)
    found, linked = steps.summary(1, 32), steps.linked(1, 32)
    computed = sum(stage["compute_cycles"] for stage in found["stages"])

    assert found["cycles"] == linked.cycles(PRODUCT) == steps.decode_cycles(20)
    assert computed + sum(found["hand_over_cycles"]) == found["cycles"]
    assert found["cycles"] == linked.starts[-1] + length(linked.programs[-1], PRODUCT)
    assert (found["chips"], found["program_digest"]) == (4, linked.digest)
    assert found["power_w"] >= 4 * PRODUCT.idle_w
    again = PipelineSteps(FOUR, PRODUCT, 32, 4, folder=tmp_path)
    assert again.summary(1, 32) == found
    assert again.program_digest == steps.program_digest


@pytest.mark.slow
def test_programs_of_a_prompt_follow_one_another_closely(tmp_path: Path) -> None:
    """While one chip computes a block of a prompt, the one before computes the next; none has two at a time."""
    steps = PipelineSteps(FOUR, PRODUCT, 64, 2, folder=tmp_path)
    block = steps.summary(32, 64)
    slowest = max(stage["cycles"] for stage in block["stages"])

    assert steps.prefill_cycles(32, 0) == block["cycles"]
    assert block["cycles"] + slowest <= steps.prefill_cycles(64, 0) < 2 * block["cycles"]


def test_one_chip_is_no_pipeline(tmp_path: Path) -> None:
    """Its steps are those of a single compiled program; a part too large for its chip says how many it takes."""
    assert not isinstance(steps_on(FOUR, PRODUCT, 32), PipelineSteps)
    with pytest.raises(CapacityError, match="it takes 4 chips"):
        PipelineSteps(replace(small_shape(), layers=160, ffn=1536), PRODUCT, 16, 2, folder=tmp_path)
