"""The operations of an ALU on vectors of 320 lanes of 32 bits, as int32 arrays. See `numerics.py` for the functions."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from lpu_backend import numerics
from lpu_backend.chip.isa import Opcode
from lpu_backend.numerics import F32, I32


def _f(bits: I32) -> F32:
    return bits.view(np.float32)


def _bits(values: npt.NDArray[np.float32]) -> I32:
    return np.ascontiguousarray(values, np.float32).view(np.int32)


def _saturated(values: npt.NDArray[np.int64]) -> I32:
    return np.clip(values, -(2**31), 2**31 - 1).astype(np.int32)


def _wide(bits: I32) -> npt.NDArray[np.int64]:
    return bits.astype(np.int64)


UNARY: dict[Opcode, Callable[[I32], I32]] = {
    Opcode.COPY: lambda a: a,
    Opcode.NOT: np.invert,
    Opcode.NEG_I32: np.negative,
    Opcode.NEG_F32: lambda a: a ^ np.int32(-(2**31)),
    Opcode.ABS_F32: lambda a: a & np.int32(2**31 - 1),
    Opcode.RELU_F32: lambda a: _bits(numerics.maximum(_f(a), np.zeros_like(_f(a)))),
    Opcode.EXP: lambda a: _bits(numerics.exp(_f(a))),
    Opcode.RSQRT: lambda a: _bits(numerics.rsqrt(_f(a))),
    Opcode.TANH: lambda a: _bits(numerics.tanh(_f(a))),
    Opcode.I32_TO_F32: lambda a: _bits(a.astype(np.float32)),
    Opcode.F32_TO_I32: lambda a: numerics.f32_to_i32(_f(a)),
    Opcode.F16_TO_F32: lambda a: _bits(a.astype(np.int16).view(np.float16).astype(np.float32)),
    Opcode.F32_TO_F16: lambda a: numerics.f32_to_f16(_f(a)).view(np.int16).astype(np.int32),
    Opcode.I32_TO_I16: numerics.saturate_i16,
    Opcode.I32_TO_I8: numerics.saturate_i8,
}
"""From a to the result."""

BINARY: dict[Opcode, Callable[[I32, I32], I32]] = {
    Opcode.ADD_F32: lambda a, b: _bits(_f(a) + _f(b)),
    Opcode.SUB_F32: lambda a, b: _bits(_f(a) - _f(b)),
    Opcode.MUL_F32: lambda a, b: _bits(_f(a) * _f(b)),
    Opcode.MAX_F32: lambda a, b: _bits(numerics.maximum(_f(a), _f(b))),
    Opcode.MIN_F32: lambda a, b: _bits(numerics.minimum(_f(a), _f(b))),
    Opcode.ADD_I32: np.add,
    Opcode.SUB_I32: np.subtract,
    Opcode.MUL_I32: np.multiply,
    Opcode.ADD_SAT_I32: lambda a, b: _saturated(_wide(a) + b),
    Opcode.SUB_SAT_I32: lambda a, b: _saturated(_wide(a) - b),
    Opcode.MUL_SAT_I32: lambda a, b: _saturated(_wide(a) * b),
    Opcode.MAX_I32: np.maximum,
    Opcode.MIN_I32: np.minimum,
    Opcode.AND: np.bitwise_and,
    Opcode.OR: np.bitwise_or,
    Opcode.XOR: np.bitwise_xor,
    Opcode.SHL_I32: lambda a, b: np.left_shift(a, b & 31),
    Opcode.SHR_I32: lambda a, b: np.right_shift(a, b & 31),
}
"""From a and b to the result; integers wrap unless the name says SAT, SHR keeps the sign, shifts count modulo 32."""


def compute(opcode: Opcode, a: I32, b: I32 | None) -> I32:
    """Compute one ALU instruction on vectors of int32 bits, shape (320,)."""
    with np.errstate(all="ignore"):
        return UNARY[opcode](a) if b is None else BINARY[opcode](a, b)


def from_streams(planes: npt.NDArray[np.uint8]) -> I32:
    """Return the 32-bit lanes of 1, 2 or 4 byte planes, shape (planes, 320): sign-extended."""
    packed = np.ascontiguousarray(planes.T)
    return packed.view(f"<i{len(planes)}")[:, 0].astype(np.int32)


def to_streams(lanes: I32, width: int) -> npt.NDArray[np.uint8]:
    """Return the `width` low byte planes of 32-bit lanes, shape (width, 320)."""
    return np.ascontiguousarray(lanes.astype("<i4").view(np.uint8).reshape(-1, 4).T[:width])
