"""The programs of a model together: how a prompt is cut, what its cycles are, what is kept on disk."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lpu_backend.chip.simulate import simulate
from lpu_backend.chip.spec import PRODUCT
from lpu_backend.compiler.cache import cached_program
from lpu_backend.compiler.compile import compile_placed
from lpu_backend.compiler.reservation import Reservation
from lpu_backend.compiler.steps import CompiledSteps
from lpu_backend.errors import CapacityError, ExecutionError, GraphError
from lpu_backend.model.graph import build_graph
from tests.lpu_backend.test_compile import small_shape

STEPS = CompiledSteps(small_shape(), PRODUCT, 300)


@settings(max_examples=100)
@given(tokens=st.integers(1, 304), position=st.integers(0, 303))
def test_a_prompt_is_cut_into_programs_that_append_all_of_it(tokens: int, position: int) -> None:
    """Prefills start at blocks of 16 and every program sees all positions it needs; too much is refused."""
    if position + tokens > 304:
        with pytest.raises(ExecutionError, match="the KV cache holds 304"):
            list(STEPS.cut(tokens, position))
        return
    for rows, positions in STEPS.cut(tokens, position):
        assert rows == 1 or position % 16 == 0
        position += rows
        assert position <= positions
    assert tokens > 0


def test_cycles_are_the_simulators_of_the_programs(tmp_path: Path) -> None:
    """A prompt of 33 tokens: a program of 32 and a decode step."""
    steps = CompiledSteps(small_shape(), PRODUCT, 128, folder=tmp_path)
    parts = [steps.program(32, 128), steps.program(1, 128)]
    assert steps.prefill_cycles(33, 0) == sum(simulate(part, PRODUCT).cycles for part in parts)
    assert (
        CompiledSteps(small_shape(), PRODUCT, 128, folder=tmp_path).decode_cycles(33)
        == simulate(parts[1], PRODUCT).cycles
    )


@pytest.mark.slow
def test_prepared_programs_are_all_that_a_first_prompt_takes(tmp_path: Path) -> None:
    """48 tokens compile nothing that `prepare` has not."""
    CompiledSteps(small_shape(), PRODUCT, 128, folder=tmp_path).prepare()
    known = set(tmp_path.iterdir())
    CompiledSteps(small_shape(), PRODUCT, 128, folder=tmp_path).prefill_cycles(49, 0)
    assert set(tmp_path.iterdir()) == known


def test_constants_lie_in_the_same_place_in_all_programs_of_a_model(tmp_path: Path) -> None:
    """Between a prefill and a decode nothing moves in SRAM."""
    shape, reservation = small_shape(), Reservation(64, ((1, 64), (32, 64)))
    held = []
    for kind, rows, positions in (("decode", 1, 32), ("decode", 1, 64), ("prefill", 32, 64)):
        program, _, _ = compile_placed(
            build_graph(shape, kind, rows, positions), PRODUCT, reservation=reservation
        )
        stays = program.regions[(program.regions["kind"] == 1) | (program.regions["kind"] == 4)]
        held.append(
            {
                (
                    program.tensors[r["tensor"]],
                    int(r["first"]),
                    int(r["slice"]),
                    int(r["address"]),
                    int(r["words"]),
                )
                for r in stays
            }
        )
    assert held[0] == held[1] == held[2]


def test_a_program_is_kept_and_a_damaged_file_is_compiled_again(tmp_path: Path) -> None:
    """What is on disk is used as long as its digest holds."""
    graph, reservation = build_graph(small_shape(), "decode", 1, 32), Reservation(32, ((1, 32),))
    first = cached_program(graph, PRODUCT, reservation, tmp_path)
    (path,) = tmp_path.iterdir()
    assert cached_program(graph, PRODUCT, reservation, tmp_path).digest == first.digest
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert cached_program(graph, PRODUCT, reservation, tmp_path).digest == first.digest
    assert path.read_bytes() != data


def test_what_does_not_fit_says_how_many_chips_it_takes() -> None:
    """Seventy layers of the small shape with a large vocabulary."""
    shape = replace(small_shape(), layers=70, vocabulary=100_000, ffn=1536)
    with pytest.raises(CapacityError, match="it takes 2 chips") as caught:
        compile_placed(build_graph(shape, "decode", 1, 16), PRODUCT)
    assert caught.value.need_bytes > caught.value.have_bytes


@pytest.mark.parametrize(("rows", "positions"), [(7, 32), (1, 20)])
def test_shapes_that_have_no_lowering_are_named(rows: int, positions: int) -> None:
    """Prefills and caches are whole blocks of 16."""
    kind = "decode" if rows == 1 else "prefill"
    with pytest.raises(GraphError, match="whole blocks of 16"):
        compile_placed(build_graph(small_shape(), kind, rows, positions), PRODUCT)
