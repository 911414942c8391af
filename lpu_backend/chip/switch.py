"""The SXM's operations on byte planes of 320 lanes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lpu_backend.chip.isa import Opcode

Bytes = npt.NDArray[np.uint8]


def switch(
    opcode: Opcode, address: int, operands: tuple[Bytes, Bytes | None], maps: npt.NDArray[np.int16]
) -> Bytes:
    """Return the result's byte planes, shape (width of the result, 320), from those of the operands a, b."""
    a, b = operands
    match opcode:
        case Opcode.SHIFT:
            return shifted(a, address)
        case Opcode.ROTATE:
            return rotated(a, address)
        case Opcode.SELECT:
            assert b is not None
            return np.where(maps[address] != 0, a, b)
        case Opcode.TRANSPOSE:
            return np.ascontiguousarray(a.reshape(16, 20, 16).transpose(2, 1, 0)).reshape(16, 320)
        case _:
            sources = maps[address]
            return np.where(sources >= 0, a[:, sources], np.uint8(0))


def shifted(a: Bytes, lanes: int) -> Bytes:
    """Return lanes moved up by `lanes` (down if negative), zeros moving in."""
    out = np.zeros_like(a)
    if lanes >= 0:
        out[:, lanes:] = a[:, : 320 - lanes]
    else:
        out[:, :lanes] = a[:, -lanes:]
    return out


def rotated(a: Bytes, n: int) -> Bytes:
    """Return n² planes: plane n·i + j is a_i, each superlane rotated up by j lanes; the rest of 16 is zero."""
    out = np.zeros((16, 320), np.uint8)
    for i in range(n):
        for j in range(n):
            out[n * i + j] = np.roll(a[i].reshape(20, 16), j, axis=1).reshape(320)
    return out
