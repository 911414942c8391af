"""One MXM plane of the functional model: weight buffer, installed array, products on their way, accumulators."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lpu_backend.chip.isa import Opcode
from lpu_backend.chip.spec import ChipSpec
from lpu_backend.errors import ExecutionError
from lpu_backend.numerics import dot_f16, dot_i8

I8 = npt.NDArray[np.int8]
I32 = npt.NDArray[np.int32]
_ADDING = (Opcode.ACC_ADD, Opcode.ACC_ADD_OUT)


class Plane:
    """A 320 × 320 array of weights; row n is output n, lanes are K. Times are cycles of issue."""

    def __init__(self, spec: ChipSpec) -> None:
        self._spec = spec
        self._buffer = np.zeros((320, 320), np.int8)
        self._loads: list[tuple[int, int, I8]] = []
        self._installed = np.zeros((320, 320), np.int8)
        self._floats: npt.NDArray[np.float32] | None = None
        self._coming: list[tuple[int, I8]] = []
        self._last_install = -(10**9)
        self._products: dict[int, tuple[I32, bool]] = {}
        self._accumulators: dict[int, I32] = {}

    def load(self, now: int, row: int, weights: I8) -> None:
        """Execute LW: set rows 16·row … of the buffer from the next cycle on."""
        self._loads.append((now + 1, row, weights))

    def install(self, now: int, groups: int) -> None:
        """Execute IW: the buffer as it is becomes the array after the install's delay."""
        if now - self._last_install < self._spec.mxm_install_interval_cycles:
            raise ExecutionError(f"the last IW was {now - self._last_install} cycles ago")
        self._last_install = now
        for ready, row, weights in self._loads:
            if ready <= now:
                self._buffer[16 * row : 16 * row + 16] = weights
        self._loads = [load for load in self._loads if load[0] > now]
        array = np.zeros((320, 320), np.int8)
        array[: 16 * groups] = self._buffer[: 16 * groups]
        self._coming.append((now + self._spec.mxm_install_cycles, array))

    def _settle(self, now: int) -> None:
        while self._coming and self._coming[0][0] <= now:
            self._installed = self._coming.pop(0)[1]
            self._floats = None

    def multiply_i8(self, now: int, x: I8) -> None:
        """Execute ABC: 320 INT32 products, exact, for the accumulators."""
        self._settle(now)
        if self._floats is None:
            self._floats = self._installed.astype(np.float32)
        self._products[now + self._spec.mxm_dot_cycles] = (dot_i8(self._floats, x), False)

    def multiply_f16(self, now: int, x: npt.NDArray[np.uint8], high: Plane) -> None:
        """Execute ABC in FP16: this plane has the weights' low bytes, `high` the high ones; x has two byte planes."""
        self._settle(now)
        high._settle(now)
        pairs = np.stack([self._installed.view(np.uint8), high._installed.view(np.uint8)], axis=-1)
        weights = np.ascontiguousarray(pairs).view("<f2")[..., 0]
        vector = np.ascontiguousarray(x.T).view("<f2")[:, 0]
        product = dot_f16(weights, vector).view(np.int32)
        self._products[now + self._spec.mxm_dot_cycles] = (product, True)

    def accumulate(self, now: int, opcode: Opcode, slot: int) -> I32:
        """Execute ACC: set the product that arrives now, or add it; return the accumulator's new content."""
        if opcode is not Opcode.ACC_OUT:
            if now not in self._products:
                raise ExecutionError("no product arrives in this cycle")
            product, is_float = self._products.pop(now)
            if opcode in _ADDING:
                product = self._sum(self._content(slot), product, is_float)
            self._accumulators[slot] = product
        return self._content(slot)

    @staticmethod
    def _sum(a: I32, b: I32, is_float: bool) -> I32:
        if not is_float:
            return a + b
        with np.errstate(all="ignore"):
            total: npt.NDArray[np.float32] = a.view(np.float32) + b.view(np.float32)
        return total.view(np.int32)

    def _content(self, slot: int) -> I32:
        if slot not in self._accumulators:
            raise ExecutionError(f"accumulator {slot} holds nothing")
        return self._accumulators[slot]
