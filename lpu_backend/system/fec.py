"""Forward error correction on links: 8 check bytes a vector, corrected where it arrives, never sent again.

That links correct and never retry is published; the code is not. Ours: bytes alternate between two Reed-Solomon words
RS(164, 160) over GF(256) (x⁸ + x⁴ + x³ + x² + 1, roots α⁰ … α³). Each has distance 5, which we spend on correcting one
wrong byte and noticing up to three; more are noticed but for a share of 10⁻⁵. So a burst of 9 bits is always put right.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
DATA, CHECK, WORDS = 160, 4, 2
LENGTH = DATA + CHECK


def _tables() -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return powers of α (twice round), and their logarithms."""
    powers, logs, value = np.zeros(510, np.int64), np.zeros(256, np.int64), 1
    for exponent in range(255):
        powers[exponent] = powers[exponent + 255] = value
        logs[value] = exponent
        value = value << 1 ^ (0x11D if value & 0x80 else 0)
    return powers, logs


_POWERS, _LOGS = _tables()


def _times(a: npt.NDArray[np.integer], b: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    """Return products in GF(256), element by element."""
    found: npt.NDArray[np.int64] = np.where((a == 0) | (b == 0), 0, _POWERS[_LOGS[a] + _LOGS[b]])
    return found


_AT = np.arange(LENGTH - 1, -1, -1)
"""Exponent of each byte of a word: the first is the highest."""
_SYNDROME = _POWERS[np.outer(np.arange(CHECK), _AT) % 255]
"""Row k: α^(k · exponent)."""


def _syndromes(words: Bytes) -> npt.NDArray[np.int64]:
    """Return syndromes (words, 4) of (words, bytes): zero for a word without errors. Under 164 bytes are the first."""
    table = _SYNDROME[:, : words.shape[1]]
    found: npt.NDArray[np.int64] = np.bitwise_xor.reduce(_times(words[:, None, :], table[None]), axis=2)
    return found


def _check_matrix() -> npt.NDArray[np.int64]:
    """Return the check bytes for a syndrome of the data: the inverse of the syndromes of the last four bytes alone."""
    rows = np.concatenate([_SYNDROME[:, DATA:], np.eye(CHECK, dtype=np.int64)], axis=1)
    for column in range(CHECK):
        pivot = next(row for row in range(column, CHECK) if rows[row, column])
        rows[[column, pivot]] = rows[[pivot, column]]
        inverse = _POWERS[(255 - _LOGS[rows[column, column]]) % 255]
        rows[column] = _times(rows[column], np.full(2 * CHECK, inverse))
        for row in range(CHECK):
            if row != column:
                rows[row] ^= _times(rows[column], np.full(2 * CHECK, rows[row, column]))
    return rows[:, CHECK:]


_CHECK_MATRIX = _check_matrix()


@dataclass(frozen=True, slots=True)
class Decoded:
    """A vector as its receiver has it."""

    vector: Bytes
    corrected: int
    """Bytes that were put right."""
    lost: bool
    """More was wrong than can be put right: the vector must not be used."""


def encode(vector: Bytes) -> Bytes:
    """Return 328 bytes for the wire from 320."""
    words = vector.reshape(-1, WORDS).T
    syndromes = _syndromes(words)
    checks = np.bitwise_xor.reduce(_times(syndromes[:, None, :], _CHECK_MATRIX[None]), axis=2)
    return np.concatenate([vector, checks.T.reshape(-1).astype(np.uint8)])


def decode(wire: Bytes) -> Decoded:
    """Return 320 bytes from 328."""
    words = wire.reshape(-1, WORDS).T.copy()
    corrected, lost = 0, False
    for word, syndromes in zip(words, _syndromes(words), strict=True):
        if not syndromes.any():
            continue
        at = _single_error(syndromes)
        if at is None:
            lost = True
        else:
            word[at] ^= syndromes[0]
            corrected += 1
    return Decoded(words.T.reshape(-1)[: DATA * WORDS], corrected, lost)


def _single_error(syndromes: npt.NDArray[np.int64]) -> int | None:
    """Return where the one wrong byte is that explains all syndromes; None when no single one does."""
    if not syndromes.all():
        return None
    ratios = (_LOGS[syndromes[1:]] - _LOGS[syndromes[:-1]]) % 255
    exponent = int(ratios[0])
    return LENGTH - 1 - exponent if (ratios == exponent).all() and exponent < LENGTH else None
