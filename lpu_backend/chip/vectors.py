"""Arrays of numbers as vectors of 320 bytes: a byte plane a stream, little-endian, the lowest byte first."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]


def byte_planes(values: npt.NDArray[Any]) -> Bytes:
    """Return vectors of any dtype, shape (n, 320), plane after plane: shape (n · itemsize, 320)."""
    size = values.dtype.itemsize
    apart = np.ascontiguousarray(values).view(np.uint8).reshape(len(values), 320, size)
    return np.ascontiguousarray(apart.transpose(0, 2, 1)).reshape(-1, 320)


def from_byte_planes(planes: Bytes, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """Invert `byte_planes`: shape (n · itemsize, 320) → (n, 320)."""
    size = np.dtype(dtype).itemsize
    together = np.ascontiguousarray(planes.reshape(-1, size, 320).transpose(0, 2, 1))
    return together.reshape(-1).view(dtype).reshape(-1, 320)
