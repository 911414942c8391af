"""The operations of `graph.py` on whole tensors, compiled. The tests say the same in plain numpy."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import prange

from lpu_backend import numerics
from lpu_backend.model.compiled import kernel
from lpu_backend.model.graph import GROUP_COLUMNS

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I8 = npt.NDArray[np.int8]
I16 = npt.NDArray[np.int16]
I32 = npt.NDArray[np.int32]

LANES = 320
INT32_MAX = 2**31 - 1
LARGEST_INPUT = 32_640
"""No 16-bit activation and no upper half of a 24-bit one is larger."""
BLOCK_ROWS = 16
ZERO, HALF, ONE, TWO = np.float32(0), np.float32(0.5), np.float32(1), np.float32(2)
BYTE = np.float32(256)
PROBABILITY_ONE = np.float32(127 << 8)
POWERS = np.ldexp(np.ones(255), np.arange(-127, 128)).astype(np.float32)
"""2^k at k + 127; k is in −126…127."""
EXP_TERMS, EXP_MIN, EXP_MAX = np.array(numerics.EXP_TERMS), numerics.EXP_MIN, numerics.EXP_MAX
LOG2_E, MAGIC = numerics.LOG2_E, numerics.ROUND_MAGIC
LN2_HIGH, LN2_LOW = numerics.LN2_HIGH, numerics.LN2_LOW
TANH_TERMS, TANH_SMALL, TANH_LARGE = np.array(numerics.TANH_TERMS), numerics.TANH_SMALL, numerics.TANH_LARGE


@kernel()
def exp(x: np.float32) -> np.float32:
    """Return `numerics.exp` of one number that is not NaN."""
    within = min(max(x, EXP_MIN), EXP_MAX)
    k = (within * LOG2_E + MAGIC) - MAGIC
    r = (within - k * LN2_HIGH) - k * LN2_LOW
    p = EXP_TERMS[0]
    for term in EXP_TERMS[1:]:
        p = p * r + term
    return ZERO if x < EXP_MIN else p * POWERS[np.int32(k) + 127]


@kernel()
def rsqrt(x: np.float32) -> np.float32:
    """Return `numerics.rsqrt` of one number."""
    return np.float32(ONE / np.sqrt(x))


@kernel()
def tanh(x: np.float32) -> np.float32:
    """Return `numerics.tanh` of one number that is not NaN."""
    magnitude = abs(x)
    if magnitude < TANH_SMALL:
        z = x * x
        p = TANH_TERMS[0]
        for term in TANH_TERMS[1:]:
            p = p * z + term
        return np.float32(x + (x * z) * p)
    if magnitude >= TANH_LARGE:
        return np.float32(np.copysign(ONE, x))
    root = rsqrt(ONE + exp(magnitude + magnitude))
    return np.float32(np.copysign(ONE - TWO * (root * root), x))


@kernel()
def dot(a: I16, w: I8) -> np.int32:
    """Return the sum of products, INT32. Numba adds in 64 bits; the cast lets LLVM do all of it in 32."""
    total = np.int32(0)
    for k in range(a.shape[0]):
        total += np.int32(a[k]) * np.int32(w[k])
    return np.int32(total)


@kernel()
def grouped(main: I16, rest: I16, w: I8) -> np.float32:
    """Compute `graph.Linear` before c: main (planes, columns), rest likewise or (0, columns), w (planes, columns)."""
    planes, columns = main.shape
    total = ZERO
    for first in range(0, columns, GROUP_COLUMNS):
        last = min(columns, first + GROUP_COLUMNS)
        upper, lower = np.int32(0), np.int32(0)
        for plane in range(planes):
            upper += dot(main[plane, first:last], w[plane, first:last])
        value = np.float32(upper)
        if rest.shape[0] > 0:
            for plane in range(planes):
                lower += dot(rest[plane, first:last], w[plane, first:last])
            value = value * BYTE + np.float32(lower)
        total = value if first == 0 else total + value
    return total


@kernel(parallel=True)
def linear(main: I16, rest: I16, w: I8, c: F32, b: F32, y: F32) -> None:
    """Compute `graph.Linear`: main (n, planes, columns), rest likewise or (n, 0, columns), w (rows, planes, columns).

    y is (n, rows). Many tokens share the widening of a block of weights to 16 bits.
    """
    rows, planes, columns = w.shape
    tokens = main.shape[0]
    for block in prange((rows + BLOCK_ROWS - 1) // BLOCK_ROWS):
        first = block * BLOCK_ROWS
        count = min(rows, first + BLOCK_ROWS) - first
        if tokens < 4:
            for t in range(tokens):
                for o in range(first, first + count):
                    value = grouped(main[t], rest[t], w[o]) * c[o]
                    y[t, o] = value + b[o] if b.size > 0 else value
        else:
            wide = np.empty((BLOCK_ROWS, planes, columns), np.int16)
            wide[:count] = w[first : first + count]
            for t in range(tokens):
                for o in range(count):
                    value = grouped(main[t], rest[t], wide[o]) * c[first + o]
                    y[t, first + o] = value + b[first + o] if b.size > 0 else value


@kernel()
def split16(a: I16, main: I16) -> None:
    """Write a and hi: a (n, columns), main (n, 2, columns)."""
    for t in range(a.shape[0]):
        for k in range(a.shape[1]):
            main[t, 0, k] = a[t, k]
            main[t, 1, k] = (np.int32(a[t, k]) + 128) >> 8


@kernel()
def split24(a: I32, main: I16, rest: I16) -> None:
    """Write top and lo, and after them hi and mid where planes is 2: a (n, columns), others (n, planes, columns)."""
    for t in range(a.shape[0]):
        for k in range(a.shape[1]):
            top = (a[t, k] + 128) >> 8
            main[t, 0, k] = top
            rest[t, 0, k] = a[t, k] - (top << 8)
            if main.shape[1] == 2:
                high = (top + 128) >> 8
                main[t, 1, k] = high
                rest[t, 1, k] = top - (high << 8)


@kernel()
def lane_sum_of_squares(x: F32) -> np.float32:
    """Return the chip's tree over the lanes; see `graph.Norm`."""
    lanes = np.zeros(LANES, np.float32)
    for k in range(x.shape[0]):
        lanes[k % LANES] += x[k] * x[k]
    step = LANES // 2
    while step >= 5:
        for lane in range(step):
            lanes[lane] += lanes[lane + step]
        step //= 2
    total = lanes[0]
    for lane in range(1, 5):
        total += lanes[lane]
    return np.float32(total)


@kernel()
def norm(x: F32, g: F32, c1: np.float32, c2: np.float32, a: I16) -> None:
    """Compute `graph.Norm`: x (n, width), g (width,), a (n, width)."""
    for t in range(x.shape[0]):
        root = rsqrt(lane_sum_of_squares(x[t]) * c1 + c2)
        for k in range(x.shape[1]):
            a[t, k] = np.int16(np.rint((x[t, k] * root) * g[k]))


@kernel()
def rope(x: F32, cos: F32, sin: F32, partner: npt.NDArray[np.int64], y: F32) -> None:
    """Compute `graph.Rope`: x and y (n, heads, width), cos and sin (n, width)."""
    for t in range(x.shape[0]):
        for h in range(x.shape[1]):
            for i in range(x.shape[2]):
                y[t, h, i] = x[t, h, i] * cos[t, i] + x[t, h, partner[i]] * sin[t, i]


@kernel()
def store(a: I16, position: int, cache: I8) -> None:
    """Compute `graph.Store`: a (n, width), cache (2, positions, width)."""
    for t in range(a.shape[0]):
        for i in range(a.shape[1]):
            high = (np.int32(a[t, i]) + 128) >> 8
            cache[0, position + t, i] = high
            cache[1, position + t, i] = np.int32(a[t, i]) - (high << 8)


@kernel(parallel=True)
def scores(q: I16, keys: I8, c: F32, position: int, t: F32) -> None:
    """Compute `graph.Scores`: q (n, heads, width), keys (2, positions, kv heads, width), t (n, heads, positions).

    Masked positions are left as they are.
    """
    tokens, heads, width = q.shape
    group = heads // keys.shape[2]
    for item in prange(tokens * heads):
        row, head = item // heads, item % heads
        high, low = np.empty(width, np.int16), np.empty(width, np.int16)
        for i in range(width):
            high[i] = (np.int32(q[row, head, i]) + 128) >> 8
            low[i] = np.int32(q[row, head, i]) - (np.int32(high[i]) << 8)
        kv = head // group
        for j in range(position + row + 1):
            # |256·S0 + S1| < 2³¹ for heads of at most 320, and f32 of it is f32(S0)·256 + f32(S1): those are exact.
            upper = dot(q[row, head], keys[0, j, kv]) + dot(high, keys[1, j, kv])
            value = np.float32(upper) * BYTE + np.float32(dot(low, keys[1, j, kv]))
            t[row, head, j] = value * c[head]


@kernel(parallel=True)
def softmax(t: F32, position: int, p: I16) -> None:
    """Compute `graph.Softmax`: t and p (n, heads, positions)."""
    tokens, heads, positions = t.shape
    for item in prange(tokens * heads):
        row, head = item // heads, item % heads
        seen = position + row + 1
        most = t[row, head, 0]
        for j in range(1, seen):
            most = max(most, t[row, head, j])
        for j in range(seen):
            p[row, head, j] = np.int16(np.rint(exp(t[row, head, j] - most) * PROBABILITY_ONE))
        for j in range(seen, positions):
            p[row, head, j] = 0


@kernel(parallel=True)
def mix(p: I16, values: I8, position: int, o: I16) -> None:
    """Compute `graph.Mix`: p (n, heads, positions), values (2, positions, kv heads, width), o (n, heads, width)."""
    tokens, heads, width = o.shape
    group = heads // values.shape[2]
    for item in prange(tokens * heads):
        row, head = item // heads, item % heads
        kv = head // group
        sums = np.zeros((3, width), np.int32)
        total = np.int32(0)
        for j in range(position + row + 1):
            odds = np.int32(p[row, head, j])
            if odds == 0:
                continue
            total += odds
            high = (odds + 128) >> 8
            low = odds - (high << 8)
            for i in range(width):
                upper, lower = np.int32(values[0, j, kv, i]), np.int32(values[1, j, kv, i])
                sums[0, i] += high * upper
                sums[1, i] += high * lower + low * upper
                sums[2, i] += low * lower
        root = rsqrt(np.float32(total))
        inverse = root * root
        for i in range(width):
            value = (np.float32(sums[0, i]) * BYTE + np.float32(sums[1, i])) * BYTE + np.float32(sums[2, i])
            o[row, head, i] = np.int16(np.rint(value * inverse))


@kernel()
def gate(t: F32, u: F32, h: I32) -> None:
    """Compute `graph.Gate`: all (n, width)."""
    for row in range(t.shape[0]):
        for i in range(t.shape[1]):
            half = t[row, i]
            h[row, i] = np.int32(np.rint((u[row, i] * half) * (tanh(half) + ONE)))


@kernel(parallel=True)
def quantise_rows(weights: F32, planes: I8, unit: F64) -> None:
    """Write INT8 planes (rows, 1 or 2, columns) and what 1 in the high plane stands for (rows,).

    The largest magnitude of a row becomes 127, less where a sum of products in a group could leave INT32.
    """
    rows, count, columns = planes.shape
    steps = 256.0 if count == 2 else 1.0
    for n in prange(rows):
        largest = 0.0
        for k in range(columns):
            largest = max(largest, abs(np.float64(weights[n, k])))
        unit[n] = 1.0
        planes[n] = 0
        levels = 127.0
        fits = largest == 0.0
        while not fits:
            unit[n] = largest / levels
            fine = unit[n] / steps
            most = 0.0
            for first in range(0, columns, GROUP_COLUMNS):
                used = 0.0
                for k in range(first, min(columns, first + GROUP_COLUMNS)):
                    whole = np.int32(np.rint(np.float64(weights[n, k]) / fine))
                    high = (whole + 128) >> 8 if count == 2 else whole
                    planes[n, 0, k] = high
                    used += LARGEST_INPUT * abs(high)
                    if count == 2:
                        planes[n, 1, k] = whole - (high << 8)
                        used += 128.0 * abs(whole - (high << 8))
                most = max(most, used)
            fits = most <= INT32_MAX
            if not fits:
                levels *= 0.99 * INT32_MAX / most


@kernel(parallel=True)
def row_bounds(planes: I8, gain: F32, limit: float, bound: F64) -> None:
    """Write how large the products of a row with a normed input can be: limit·‖w∘g‖ and half a step of every input."""
    rows, count, columns = planes.shape
    for n in prange(rows):
        squares = halves = 0.0
        for k in range(columns):
            w = np.float64(planes[n, 0, k])
            if count == 2:
                w += np.float64(planes[n, 1, k]) / 256.0
                halves += (
                    0.5  # of the product of the low planes, which is left out: below 128·128/256² = 0.25
                )
            squares += (w * gain[k]) * (w * gain[k])
            halves += 0.5 * abs(w)
        bound[n] = limit * np.sqrt(squares) + halves
