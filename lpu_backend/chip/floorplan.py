"""Where the units stand on the stream axis, and the 144 instruction queues.

One row of the chip, west to east, with the slot of each unit on the stream axis (slot 0 is the VXM):

    slot    -13   -12   -11 … -1      0    1 … 11     12    13
            MXM   SXM   MEM W43…W0   VXM   MEM E0…E43  SXM   MXM
            0 1   W     4 a slot           4 a slot    E     2 3

MEM slice i of a hemisphere stands at slot 1 + i // 4 of its side. A stream register lies between neighbouring slots.
A unit samples the register on the side the stream comes from, and drives the one on the side it goes to. So:

  * What a unit at slot u drives in cycle t is sampled at slot v, downstream, in cycle t + |v − u| − 1 (`transit`):
    neighbours in the same cycle, VXM → SXM after 11 cycles, the published crossing of 44 slices.
  * A unit never sees what its own slot drives in that cycle; it may consume a stream and refill it in one cycle.
  * Two units of one slot (four MEM slices of a group, two MXM planes) see the same registers. They may not drive the
    same stream in the same cycle.
  * A value moves on until a unit downstream drives its stream in the cycle it passes, which replaces it, or until it
    falls off at the edge. Sampling does not remove it: several units may use one value.

Streams are numbered 0…63: 0…31 flow east (E0…E31), 32…63 flow west (W0…W31).

The split of the queues is not published. Ours: 88 MEM (one a slice, whose instruction word has a read half and a write
half), 16 VXM (one an ALU), 12 MXM (three a plane: weights for LW and IW, activations for ABC, accumulators for ACC),
12 SXM (six a side), 16 C2C (one a link). A side has 44 + 6 + 6 + 8, as the press counts it, and the VXM 16.
"""

from __future__ import annotations

from enum import IntEnum

SLICES_A_SIDE = 44
SLICES_A_SLOT = 4
SXM_SLOT = 12
EDGE_SLOT = 13
STREAMS_A_DIRECTION = 32
STREAMS = 2 * STREAMS_A_DIRECTION
QUEUES = 144

MEM_QUEUES = range(0, 88)
VXM_QUEUES = range(88, 104)
MXM_QUEUES = range(104, 116)
SXM_QUEUES = range(116, 128)
C2C_QUEUES = range(128, 144)


class Unit(IntEnum):
    """Units that a queue can feed."""

    MEM = 0
    VXM = 1
    MXM_WEIGHTS = 2
    MXM_ACTIVATIONS = 3
    MXM_ACCUMULATORS = 4
    SXM_SHIFT = 5
    SXM_SELECT = 6
    SXM_PERMUTE = 7
    SXM_DISTRIBUTE = 8
    SXM_TRANSPOSE = 9
    C2C = 10


_MXM_UNITS = (Unit.MXM_WEIGHTS, Unit.MXM_ACTIVATIONS, Unit.MXM_ACCUMULATORS)
_SXM_UNITS = (
    Unit.SXM_SHIFT,  # also Rotate
    Unit.SXM_SELECT,
    Unit.SXM_PERMUTE,
    Unit.SXM_DISTRIBUTE,
    Unit.SXM_TRANSPOSE,
    Unit.SXM_TRANSPOSE,
)
_MXM_NAMES = ("W", "A", "ACC")
_SXM_NAMES = ("SHIFT", "SELECT", "PERMUTE", "DISTRIBUTE", "TRANSPOSE0", "TRANSPOSE1")


def mem(side: str, index: int) -> int:
    """Return the queue, also the number, of MEM slice `index` (0 next to the VXM … 43) of side "W" or "E"."""
    return _side(side) * SLICES_A_SIDE + _within(index, SLICES_A_SIDE, "MEM slice")


def vxm(alu: int) -> int:
    """Return the queue of ALU 0…15: row alu // 4, rank alu % 4."""
    return VXM_QUEUES[_within(alu, 16, "ALU")]


def mxm(plane: int, unit: Unit) -> int:
    """Return one of the three queues of plane 0, 1 (west) or 2, 3 (east)."""
    return MXM_QUEUES[3 * _within(plane, 4, "MXM plane") + _MXM_UNITS.index(unit)]


def sxm(side: str, unit: Unit, index: int = 0) -> int:
    """Return a queue of the SXM of side "W" or "E"; `index` is that of one of the two transposers."""
    if index not in (0, 1) or (index and unit is not Unit.SXM_TRANSPOSE):
        raise ValueError(f"an SXM has no {unit.name} {index}")
    return SXM_QUEUES[6 * _side(side) + _SXM_UNITS.index(unit) + index]


def c2c(link: int) -> int:
    """Return the queue of link 0…7 (west edge) or 8…15 (east edge)."""
    return C2C_QUEUES[_within(link, 16, "C2C link")]


def _side(side: str) -> int:
    if side not in ("W", "E"):
        raise ValueError(f"a side is 'W' or 'E', not {side!r}")
    return int(side == "E")


def _within(index: int, count: int, what: str) -> int:
    if not 0 <= index < count:
        raise ValueError(f"{what} {index}: there are 0…{count - 1}")
    return index


def _describe(queue: int) -> tuple[Unit, int, str]:
    """Return unit, slot and name of a queue."""
    if queue in MEM_QUEUES:
        side, index = divmod(queue, SLICES_A_SIDE)
        return Unit.MEM, (1 + index // SLICES_A_SLOT) * (1 if side else -1), f"MEM_{'WE'[side]}{index}"
    if queue in VXM_QUEUES:
        return Unit.VXM, 0, f"VXM{queue - VXM_QUEUES.start}"
    if queue in MXM_QUEUES:
        plane, part = divmod(queue - MXM_QUEUES.start, 3)
        return _MXM_UNITS[part], EDGE_SLOT if plane >= 2 else -EDGE_SLOT, f"MXM{plane}_{_MXM_NAMES[part]}"
    if queue in SXM_QUEUES:
        side, part = divmod(queue - SXM_QUEUES.start, 6)
        return _SXM_UNITS[part], SXM_SLOT if side else -SXM_SLOT, f"SXM_{'WE'[side]}_{_SXM_NAMES[part]}"
    link = queue - C2C_QUEUES.start
    return Unit.C2C, EDGE_SLOT if link >= 8 else -EDGE_SLOT, f"C2C{link}"


_DESCRIBED = tuple(_describe(queue) for queue in range(QUEUES))
UNIT_OF_QUEUE: tuple[Unit, ...] = tuple(unit for unit, _, _ in _DESCRIBED)
SLOT_OF_QUEUE: tuple[int, ...] = tuple(slot for _, slot, _ in _DESCRIBED)
QUEUE_NAMES: tuple[str, ...] = tuple(name for _, _, name in _DESCRIBED)
WEST_TO_EAST: tuple[int, ...] = tuple(
    sorted(
        range(QUEUES),
        key=lambda queue: (SLOT_OF_QUEUE[queue], queue if SLOT_OF_QUEUE[queue] >= 0 else -queue),
    )
)
"""All queues as they stand, from the west edge to the east edge."""
QUEUE_BY_NAME: dict[str, int] = {name: queue for queue, name in enumerate(QUEUE_NAMES)}


def plane_of(queue: int) -> int:
    """Return the MXM plane that a queue of the MXM feeds."""
    return (queue - MXM_QUEUES.start) // 3


def is_east(stream: int) -> bool:
    """Return whether a stream flows east."""
    return stream < STREAMS_A_DIRECTION


def stream_name(stream: int) -> str:
    """Return the name of a stream: E0…E31, W0…W31."""
    return f"{'E' if is_east(stream) else 'W'}{stream % STREAMS_A_DIRECTION}"


def transit(producer: int, consumer: int, stream: int) -> int:
    """Return the cycles from a value's drive by queue `producer` to its sampling by `consumer`, along a stream.

    Raises ValueError when the consumer does not stand downstream.
    """
    hops = (SLOT_OF_QUEUE[consumer] - SLOT_OF_QUEUE[producer]) * (1 if is_east(stream) else -1)
    if hops < 1:
        names = f"{QUEUE_NAMES[consumer]} is not downstream of {QUEUE_NAMES[producer]}"
        raise ValueError(f"{names} on {stream_name(stream)}")
    return hops - 1
