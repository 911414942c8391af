"""Which skill words are for, or none, by the words alone: a linear classifier over their parts, in under a millisecond.

It is fitted to the sayings of the skills' files when a session begins: ridge regression on hashed words, pairs of
words and parts of words, solved in closed form, so that it takes a fraction of a second and the same sayings always
make the same classifier.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FEATURES = 1 << 13
"""Places for parts of words; two that share one do little harm at this size."""
RIDGE = 0.3
"""How much a weight costs; the best of 0.03 to 3 on the working half of the mixed sayings."""
_WORD = re.compile(r"[a-z']+|#")
_NUMBER = re.compile(r"\d+(?:[.,:/]\d+)*")
Vectors = npt.NDArray[np.float32]


def features(text: str) -> Iterator[tuple[str, float]]:
    """Yield the parts of a text with their weights: words, pairs, what it begins with, parts of words."""
    words = _WORD.findall(_NUMBER.sub("#", text.lower()))
    yield from ((word, 1.0) for word in words)
    yield from ((f"{one} {other}", 1.0) for one, other in zip(words, words[1:], strict=False))
    yield from ((f"^{' '.join(words[:count])}", 0.7) for count in (1, 2))
    for word in words:
        padded = f" {word} "
        yield from ((padded[at : at + 4], 0.3) for at in range(len(padded) - 3))


def vector(text: str) -> Vectors:
    """Return the parts of a text as a vector of length 1."""
    found = np.zeros(FEATURES, np.float32)
    for part, weight in features(text):
        found[zlib.crc32(part.encode()) % FEATURES] += weight
    return found / max(float(np.linalg.norm(found)), 1e-6)


@dataclass(frozen=True, slots=True, eq=False)
class Classifier:
    """Tells classes of texts apart."""

    names: tuple[str, ...]
    weights: Vectors
    """A column for each class."""

    @classmethod
    def fitted(cls, examples: Sequence[tuple[str, str]]) -> Classifier:
        """Fit to texts and the names of their classes."""
        names = tuple(dict.fromkeys(name for _, name in examples))
        texts = np.stack([vector(text) for text, _ in examples])
        wanted = np.array([[1.0 if name == known else -1.0 for known in names] for _, name in examples])
        known = texts @ texts.T
        known[np.diag_indices_from(known)] += RIDGE
        return cls(names, (texts.T @ np.linalg.solve(known, wanted)).astype(np.float32))

    def scores(self, text: str) -> dict[str, float]:
        """Return how much a text looks like each class: about 1 for one like its examples, -1 for another."""
        return dict(zip(self.names, map(float, vector(text) @ self.weights), strict=True))
