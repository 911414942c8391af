"""Values through streams: programs written by hand against numpy, and what ends a run."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lpu_backend import numerics
from lpu_backend.chip.floorplan import mem
from lpu_backend.chip.isa import E, Opcode, read, write
from lpu_backend.chip.lockstep import run
from lpu_backend.chip.program import Kind, Labels, Program, ProgramBuilder
from lpu_backend.chip.spec import PRODUCT
from lpu_backend.chip.vectors import byte_planes, from_byte_planes
from lpu_backend.errors import ExecutionError, ScheduleError
from lpu_backend.estimate.probes import vector_sum
from tests.lpu_backend.examples import matmul_tile
from tests.lpu_backend.zoo import accumulated, image_of, lane_sum, memory, shuffles, softmax_like, transposed


def outputs(program: Program, seed: int = 3) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """The random image and what the program makes of it."""
    image = image_of(program, seed)
    return image, run(program, image, PRODUCT).outputs


def test_row_10_a_vector_sum_takes_26_cycles_from_read_to_readable() -> None:
    """y = (a + b) · 3, wrapping; read → 2 ALUs → write is 26 cycles. It defines the delays: a regression test."""
    rng = np.random.default_rng(1)
    a, b = rng.integers(-(2**31), 2**31, (2, 4, 320), dtype=np.int32)
    result = run(vector_sum(4), {"a": byte_planes(a), "b": byte_planes(b)}, PRODUCT)

    np.testing.assert_array_equal(from_byte_planes(result.outputs["y"], np.int32), (a + b) * np.int32(3))
    assert (
        run(vector_sum(1), {"a": byte_planes(a), "b": byte_planes(b)}, PRODUCT).cycles == 26 + PRODUCT.tiles
    )


def test_a_tile_of_a_matrix_product() -> None:
    """320 × 320 INT8 weights against INT8 activations, exact in INT32."""
    image, out = outputs(matmul_tile(2))
    w, x = image["w"].view(np.int8).astype(np.int32), image["x"].view(np.int8).astype(np.int32)

    np.testing.assert_array_equal(from_byte_planes(out["y"], np.int32), x @ w.T)


def test_shuffles_of_the_sxm() -> None:
    """Shift, Permute, Distribute, Select on int32; Rotate on bytes."""
    image, out = outputs(shuffles())
    x, y, z = (from_byte_planes(image[name], np.int32) for name in "xyz")
    lanes = np.arange(320)
    down = np.zeros_like(x)
    down[:, :-5] = x[:, 5:]
    spread = np.where(lanes % 16 < 8, x[:, lanes // 16 * 16 + 3], 0)

    np.testing.assert_array_equal(from_byte_planes(out["shifted"], np.int32), down)
    np.testing.assert_array_equal(from_byte_planes(out["permuted"], np.int32), x[:, lanes ^ 1])
    np.testing.assert_array_equal(from_byte_planes(out["spread"], np.int32), spread)
    np.testing.assert_array_equal(from_byte_planes(out["chosen"], np.int32), np.where(lanes % 3 == 0, y, z))
    for i in range(3):
        for j in range(3):
            superlanes = image["r"][i].reshape(20, 16)
            np.testing.assert_array_equal(out["turned"][3 * i + j], np.roll(superlanes, j, 1).reshape(-1))


def test_a_transpose_is_its_own_inverse() -> None:
    """In every superlane, stream i lane j becomes stream j lane i."""
    image, out = outputs(transposed())
    squares = image["x"].reshape(16, 20, 16)

    np.testing.assert_array_equal(out["turned"].reshape(16, 20, 16), squares.transpose(2, 1, 0))


def test_gather_scatter_and_words_written_twice() -> None:
    """Tiles pick their words, negative entries give zeros or leave the word; a second version replaces the first."""
    image, out = outputs(memory())
    index, places = (np.ascontiguousarray(image[n].T).view("<i2")[::16, 0] for n in ("index", "places"))
    table, data = image["table"].reshape(64, 20, 16), image["data"].reshape(20, 16)
    gathered = np.stack([table[at, tile] if at >= 0 else np.zeros(16) for tile, at in enumerate(index)])
    cache = image["cache"].reshape(16, 20, 16).copy()
    for tile, at in enumerate(places):
        if at >= 0:
            cache[at, tile] = data[tile]

    assert (index < 0).any() or (places < 0).any()
    np.testing.assert_array_equal(out["gathered"].reshape(20, 16), gathered)
    np.testing.assert_array_equal(out["cache"].reshape(16, 20, 16), cache)
    np.testing.assert_array_equal(out["cached"].reshape(20, 16), cache[3])
    np.testing.assert_array_equal(out["p-again"], image["p"])
    np.testing.assert_array_equal(out["q-again"], image["q"])


def test_products_accumulate_over_tiles() -> None:
    """K of 640 in two tiles; outputs beyond the installed rows are zero."""
    image, out = outputs(accumulated())
    want = np.zeros(320, np.int32)
    for tile in "12":
        w, x = image[f"w{tile}0"].view(np.int8).astype(np.int32), image[f"x{tile}"].view(np.int8)[0]
        want[:32] += w @ x.astype(np.int32)

    np.testing.assert_array_equal(from_byte_planes(out["y"], np.int32)[0], want)


def test_fp16_products_are_rounded_once_and_added_in_float32() -> None:
    """Low bytes of the weights in plane 0, high bytes in plane 1, activations on two streams."""
    program = accumulated(half_floats=True)
    rng = np.random.default_rng(5)
    w, x = rng.normal(0, 3, (2, 32, 320)).astype(np.float16), rng.normal(0, 3, (2, 1, 320)).astype(np.float16)
    image = {f"x{t + 1}": byte_planes(x[t]) for t in range(2)}
    for t in range(2):
        low_high = np.ascontiguousarray(w[t]).view(np.uint8).reshape(32, 320, 2)
        image |= {f"w{t + 1}{plane}": np.ascontiguousarray(low_high[:, :, plane]) for plane in range(2)}
    y = from_byte_planes(run(program, image, PRODUCT).outputs["y"], np.float32)[0]

    np.testing.assert_array_equal(y[:32], numerics.dot_f16(w[0], x[0, 0]) + numerics.dot_f16(w[1], x[1, 0]))
    np.testing.assert_array_equal(y[32:], 0)


def test_a_chain_of_alus() -> None:
    """exp(a) · rsqrt(b) + 1 without a stream between; a byte result keeps the low byte of the int32."""
    program = softmax_like()
    rng = np.random.default_rng(6)
    a, b = rng.normal(0, 1, (1, 320)).astype(np.float32), rng.uniform(0.1, 9, (1, 320)).astype(np.float32)
    out = run(program, {"a": byte_planes(a), "b": byte_planes(b)}, PRODUCT).outputs
    want = numerics.exp(a) * numerics.rsqrt(b) + np.float32(1)

    np.testing.assert_array_equal(from_byte_planes(out["float"], np.float32), want)
    np.testing.assert_array_equal(
        out["byte"].view(np.int8)[0], np.rint(want[0]).astype(np.int32).astype(np.int8)
    )


def test_a_sum_over_lanes_has_the_same_bits_in_every_lane() -> None:
    """Rotations by 160, 80, 40, 20, 10, 5, then ((((r0 + r1) + r2) + r3) + r4) of the residues modulo 5, in float32."""
    x = np.random.default_rng(7).normal(0, 1, (1, 320)).astype(np.float32)
    result = run(lane_sum(), {"x": byte_planes(x)}, PRODUCT)
    s = x[0]
    for by in (160, 80, 40, 20, 10, 5):
        s = s + np.roll(s, -by)
    total = (((s[0] + s[1]) + s[2]) + s[3]) + s[4]

    np.testing.assert_array_equal(from_byte_planes(result.outputs["sum"], np.float32)[0], np.full(320, total))
    assert abs(total - x.astype(np.float64).sum()) < 1e-4


@pytest.mark.parametrize(
    ("image", "message"),
    [
        ({}, "the program wants 'a', the image has []"),
        ({"a": np.zeros((4, 320), np.int8)}, "a: vectors are uint8 of shape (n, 320), not int8 (4, 320)"),
        ({"a": np.zeros((4, 16), np.uint8)}, "not uint8 (4, 16)"),
        (dict.fromkeys("ab", np.zeros((3, 320), np.uint8)), "a has 3 vectors, the program wants vector 3"),
    ],
)
def test_an_image_that_does_not_fit_is_refused(image: dict[str, np.ndarray], message: str) -> None:
    """Before anything runs."""
    with pytest.raises(ExecutionError) as caught:
        run(vector_sum(1), image, PRODUCT)

    assert message in str(caught.value)


def changed(program: Program, where: Opcode, /, **fields: int) -> Program:
    rows = program.rows.copy()
    row = int(np.flatnonzero(rows["opcode"] == where)[0])
    for name, value in fields.items():
        rows[name][row] = value
    return replace(program, rows=rows)


@pytest.mark.parametrize(
    ("program", "opcode", "fields", "message"),
    [
        (vector_sum(1), Opcode.ADD_I32, {"cycle": 14}, "cycle 10, VXM0, ADD_I32 W0-3 E4-7: nothing arrives on W0-3"),
        (vector_sum(1), Opcode.MUL_I32, {"cycle": 16}, "VXM0 has no result in this cycle"),
        (vector_sum(1), Opcode.ADD_I32, {"cycle": 2}, "sampled before the program starts"),
        (vector_sum(1), Opcode.ADD_I32, {"cycle": 10_000_001}, "longer than 10,000,000 cycles"),
        (matmul_tile(1), Opcode.ACC_SET_OUT, {"cycle": 52}, "no product arrives in this cycle"),
        (matmul_tile(1), Opcode.ACC_SET_OUT, {"opcode": 24}, "accumulator 0 holds nothing"),
        (accumulated(), Opcode.IW, {"cycle": 83}, "the last IW was"),
        (shuffles(), Opcode.SHIFT, {"out": 36}, "W4-7 is driven twice at slot 12"),
        (memory(), Opcode.GATHER, {"span": 1}, "a map points at word"),
    ],
)  # fmt: skip
def test_what_the_chip_can_not_do_ends_the_run(
    program: Program, opcode: Opcode, fields: dict[str, int], message: str
) -> None:
    """With cycle, unit and instruction, without a look at labels."""
    broken = changed(program, opcode, **fields)
    with pytest.raises(ExecutionError) as caught:
        run(broken, image_of(program), PRODUCT)

    assert message in str(caught.value)


def copy(read_address: int, beside: int) -> Program:
    """A word from slice 0 to word 0 of slice 20, which in the cycle of the write also reads `beside`."""
    b = ProgramBuilder("copy", "product")
    source, target = mem("E", 0), mem("E", 20)
    at_x, at_y = (
        b.region(Kind.CONSTANT, (source, 0, 2), "x"),
        b.region(Kind.OUTPUT, (target, 0, 1), "y", writes=1),
    )
    at_z, x = b.region(Kind.CONSTANT, (target, 1, 8191), "z"), b.value()
    b.issue(0, source, read(read_address, E(0)), Labels(makes=x, region=at_x))
    b.issue(5, target, write(0, E(0)), Labels(x, region=at_y))
    b.issue(5, target, read(beside, E(1)), Labels(makes=b.value(), region=at_z))
    return b.build()


def test_a_slice_reads_and_writes_in_one_cycle_in_different_banks() -> None:
    """In one bank it can't."""
    image = image_of(copy(0, 4096))

    np.testing.assert_array_equal(run(copy(0, 4096), image, PRODUCT).outputs["y"][0], image["x"][0])
    with pytest.raises(
        ExecutionError, match="cycle 5, MEM_E20, WRITE 0 E0: bank 0 is used twice in this cycle"
    ):
        run(copy(0, 4095), image, PRODUCT)


def test_a_queue_issues_one_instruction_a_cycle() -> None:
    """Two reads of a slice are one too many, whatever their banks."""
    program = copy(0, 4096)
    twice = replace(program, rows=program.rows[[0, 0, 1, 2]])
    with pytest.raises(
        ExecutionError, match="cycle 0, MEM_E0, READ 0 -> E0: the queue issues two instructions"
    ):
        run(twice, image_of(program), PRODUCT)


def test_a_second_chip_is_not_there() -> None:
    """Send and Receive are defined, and refused on one chip."""
    receiving = changed(copy(0, 4096), Opcode.READ, opcode=int(Opcode.RECEIVE), queue=143)
    with pytest.raises(ScheduleError, match="needs a second chip"):
        run(receiving, {}, PRODUCT)
