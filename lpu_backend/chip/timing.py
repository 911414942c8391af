"""T = N + d_func + δ: the delays of a spec by opcode.

δ, the cycles on the way, is `floorplan.transit`. N, the 20 tiles an instruction climbs, is the same for all
instructions of full vectors and is added once, at the end of a program: tile t does in cycle T + t what the bottom tile
does in T.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from lpu_backend.chip.floorplan import QUEUES, SLICES_A_SIDE, SLICES_A_SLOT, STREAMS_A_DIRECTION, Unit
from lpu_backend.chip.isa import SIGNATURES, Opcode
from lpu_backend.chip.spec import ChipSpec
from lpu_backend.errors import SpecError

ACC_OPCODES = (Opcode.ACC_SET, Opcode.ACC_ADD, Opcode.ACC_SET_OUT, Opcode.ACC_ADD_OUT, Opcode.ACC_OUT)


@dataclass(frozen=True, slots=True)
class Timing:
    """Delays in cycles, indexed by opcode (128 entries).

    `skew`: stream operands are sampled in T − skew. `delay`: the result is driven (Write, Scatter: can be read;
    ABC: reaches the accumulators; IW: can be used) in T + delay. `busy`: cycles until the unit takes the next.
    """

    skew: tuple[int, ...]
    delay: tuple[int, ...]
    busy: tuple[int, ...]


@lru_cache(maxsize=64)
def timing(spec: ChipSpec) -> Timing:
    """Return the delays of a chip by opcode; raises SpecError for a chip of another geometry than the floor plan's."""
    _check_geometry(spec)
    skew, delay, busy = [0] * 128, [0] * 128, [1] * 128
    special = {
        Opcode.READ: spec.mem_read_cycles,
        Opcode.WRITE: spec.mem_write_cycles,
        Opcode.GATHER: spec.mem_gather_cycles,
        Opcode.SCATTER: spec.mem_write_cycles,
        Opcode.LW: 1,
        Opcode.RECEIVE: 1,
        Opcode.IW: spec.mxm_install_cycles,
        Opcode.ABC_I8: spec.mxm_dot_cycles,
        Opcode.ABC_F16: spec.mxm_dot_cycles,
        Opcode.SHIFT: spec.sxm_shift_cycles,
        Opcode.ROTATE: spec.sxm_rotate_cycles,
        Opcode.SELECT: spec.sxm_select_cycles,
        Opcode.PERMUTE: spec.sxm_permute_cycles,
        Opcode.DISTRIBUTE: spec.sxm_distribute_cycles,
        Opcode.TRANSPOSE: spec.sxm_transpose_cycles,
        **dict.fromkeys(ACC_OPCODES, spec.mxm_exit_cycles),
    }
    entry = {Unit.VXM: spec.vxm_entry_cycles, Unit.MXM_WEIGHTS: spec.mxm_entry_cycles}
    entry[Unit.MXM_ACTIVATIONS] = spec.mxm_entry_cycles
    for opcode in Opcode:
        unit = SIGNATURES[opcode].unit
        if unit is Unit.VXM:
            delay[opcode] = spec.vxm_alu_cycles + spec.vxm_exit_cycles
        if unit is not None and unit.name.startswith("SXM"):
            entry[unit] = spec.sxm_entry_cycles
        skew[opcode] = entry.get(unit, 0) if unit is not None else 0
        delay[opcode] = special.get(opcode, delay[opcode])
    busy[Opcode.ABC_F16] = spec.mxm_fp16_share // 2
    busy[Opcode.SYNC] = spec.barrier_cycles
    busy[Opcode.SEND] = spec.c2c_vector_cycles
    return Timing(tuple(skew), tuple(delay), tuple(busy))


def _check_geometry(spec: ChipSpec) -> None:
    """Check that places, queues, lanes and banks are the floor plan's; delays and clock may vary."""
    drawn = {
        "mem_slices_per_hemisphere": SLICES_A_SIDE,
        "mem_slices_per_hop": SLICES_A_SLOT,
        "streams_per_direction": STREAMS_A_DIRECTION,
        "queues": QUEUES,
        "lanes": 320,
        "tiles": 20,
        "mem_words": 8192,
        "mem_banks_per_slice": 2,
        "mxm_planes": 4,
        "mxm_rows": 320,
        "mxm_weight_streams": 16,
        "vxm_alus": 16,
    }
    for name, value in drawn.items():
        if getattr(spec, name) != value:
            raise SpecError(
                f"{spec.name}: {name} is {getattr(spec, name)}; the floor plan is drawn for {value}"
            )
