"""SECDED on streams: nine check bits a 16-byte word are made where a vector is driven and checked where it is sampled.

One wrong bit of the 137 is corrected and counted, two are detected and end the run. That there are nine bits a word of
128, made by the producer and checked by the consumer, is published; which code it is, is not: this is an extended
Hamming code.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lpu_backend.chip.floorplan import EDGE_SLOT, STREAMS
from lpu_backend.chip.isa import Streams
from lpu_backend.chip.streams import REGISTERS, StreamRegisters
from lpu_backend.errors import ExecutionError

Bytes = npt.NDArray[np.uint8]
Checks = npt.NDArray[np.uint16]
DATA_BITS, CHECK_BITS = 128, 9

_CODES = np.array([code for code in range(256) if code & (code - 1)][:DATA_BITS], np.uint16)
"""The syndrome of every data bit: neither 0 nor a power of two, which are those of the eight Hamming bits."""
_BIT_OF_SYNDROME = np.full(256, -1)
_BIT_OF_SYNDROME[_CODES] = np.arange(DATA_BITS)
_BIT_OF_SYNDROME[1 << np.arange(8)] = DATA_BITS + np.arange(8)


def _parity(values: Checks) -> Checks:
    """Return the parity of eight bits."""
    folded = values
    for shift in (4, 2, 1):
        folded = folded ^ (folded >> np.uint16(shift))
    return folded & np.uint16(1)


def _contributions() -> Checks:
    """Return what a byte at each of the 16 places of a word contributes to its nine check bits, shape (16, 256)."""
    of_bit = (_CODES | ((np.uint16(1) ^ _parity(_CODES)) << np.uint16(8))).reshape(16, 8)
    table = np.zeros((16, 256), np.uint16)
    for byte in range(256):
        for bit in range(8):
            if byte >> bit & 1:
                table[:, byte] ^= of_bit[:, bit]
    return table


_TABLE = _contributions()


def check_bits(planes: Bytes) -> Checks:
    """Return nine bits a word of byte planes: shape (planes, 320) → (planes, 20). Bit 8 is the parity of all 136."""
    words = planes.reshape(-1, 20, 16)
    bits: Checks = np.bitwise_xor.reduce(_TABLE[np.arange(16), words], axis=-1)
    return bits


def correct(planes: Bytes, checks: Checks) -> tuple[Bytes, int]:
    """Return the planes, single errors corrected, and how many words had one; raises ExecutionError for two."""
    difference = check_bits(planes) ^ checks
    if not difference.any():
        return planes, 0
    syndrome = difference & np.uint16(255)
    odd = (difference >> np.uint16(8)) ^ _parity(syndrome)
    at = _BIT_OF_SYNDROME[syndrome]
    lost = (difference != 0) & ((odd == 0) | ((syndrome != 0) & (at < 0)))
    if lost.any():
        raise ExecutionError(f"two bits of superlane {int(np.argwhere(lost)[0][1])} are wrong")
    fixed = planes.copy().reshape(-1, 20, 16)
    for plane, word in np.argwhere((odd == 1) & (at >= 0) & (at < DATA_BITS)):
        bit = int(at[plane, word])
        fixed[plane, word, bit // 8] ^= np.uint8(1 << bit % 8)
    return fixed.reshape(planes.shape), int((odd == 1).sum())


@dataclass(frozen=True, slots=True)
class Fault:
    """A bit that flips on a stream in a cycle, in the register east of `slot` (−13 … 12).

    `bit`: 0 … 127 of the superlane's 16 bytes, 128 … 136 of its check bits. Where no value is, nothing happens.
    """

    cycle: int
    stream: int
    slot: int
    superlane: int
    bit: int

    def __post_init__(self) -> None:
        within = (
            0 <= self.stream < STREAMS
            and -EDGE_SLOT <= self.slot < EDGE_SLOT
            and 0 <= self.superlane < 20
            and 0 <= self.bit < DATA_BITS + CHECK_BITS
        )
        if not within:
            raise ValueError(f"{self} lies outside the chip")


class ProtectedStreams(StreamRegisters):
    """Stream registers with check bits, on which faults strike."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__()
        self.checks = np.zeros((STREAMS, REGISTERS, 20), np.uint16)
        self._faults = faults
        self._now = -1

    def advance(self) -> None:
        """Advance one cycle; check bits travel with their vectors."""
        super().advance()
        self.move(self.checks)
        self._now += 1

    def drive(self, queue: int, streams: Streams, data: Bytes) -> None:
        """Check bits are made where the vector is driven."""
        super().drive(queue, streams, data)
        register = self.driven_register(queue, streams)
        if register is not None:
            self.checks[streams.first : streams.first + streams.width, register] = check_bits(data)

    def strike(self) -> None:
        """Apply the faults of this cycle to what the registers hold after everything is driven."""
        for fault in self._faults:
            if fault.cycle == self._now:
                place = fault.stream, fault.slot + EDGE_SLOT
                if fault.bit < DATA_BITS:
                    lane = 16 * fault.superlane + fault.bit // 8
                    self.data[(*place, lane)] ^= np.uint8(1 << fault.bit % 8)
                else:
                    self.checks[(*place, fault.superlane)] ^= np.uint16(1 << (fault.bit - DATA_BITS))

    def sample(self, queue: int, streams: Streams) -> Bytes:
        """Return the byte planes that arrive, corrected and counted; what passes on, passes on as it is."""
        planes = super().sample(queue, streams)
        register = self.sampled_register(queue, streams)
        checks = self.checks[streams.first : streams.first + streams.width, register]
        corrected, words = correct(planes, checks)
        self.corrected += words
        return corrected
