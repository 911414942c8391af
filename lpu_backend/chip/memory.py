"""SRAM of the functional model: 88 slices of 8,192 words of 320 bytes, filled from and read back into an image."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from lpu_backend.chip.program import Kind, Program
from lpu_backend.errors import ExecutionError

Bytes = npt.NDArray[np.uint8]
BANK_WORDS = 4096


class Memory:
    """The words, and which banks are used in this cycle."""

    def __init__(self, program: Program, image: Mapping[str, Bytes]) -> None:
        """Take constants, inputs and state from the image; raises ExecutionError when one is missing or too small."""
        self._words = np.zeros((88, 8192, 320), np.uint8)
        self._program = program
        self._state: dict[str, Bytes] = {}
        self._used: set[tuple[int, int]] = set()
        for region in program.regions:
            if region["kind"] in (Kind.CONSTANT, Kind.INPUT, Kind.STATE):
                name = program.tensors[region["tensor"]]
                array = self._given(image, name)
                vectors = _vectors(region)
                if vectors.max() >= len(array):
                    raise ExecutionError(
                        f"{name} has {len(array)} vectors, the program wants vector {vectors.max()}"
                    )
                self._words[region["slice"], _addresses(region)] = array[vectors]
                if region["kind"] == Kind.STATE:
                    self._state.setdefault(name, array.copy())

    @staticmethod
    def _given(image: Mapping[str, Bytes], name: str) -> Bytes:
        array = image.get(name)
        if array is None:
            raise ExecutionError(f"the program wants {name!r}, the image has {sorted(image)}")
        if array.dtype != np.uint8 or array.ndim != 2 or array.shape[1] != 320:
            raise ExecutionError(
                f"{name}: vectors are uint8 of shape (n, 320), not {array.dtype} {array.shape}"
            )
        return array

    def outputs(self) -> dict[str, Bytes]:
        """Return outputs and state by tensor name; vectors that no region holds are zero, or those given."""
        outputs = dict(self._state)
        wanted = [region for region in self._program.regions if region["kind"] in (Kind.OUTPUT, Kind.STATE)]
        for region in wanted:
            name, vectors = self._program.tensors[region["tensor"]], _vectors(region)
            grown = np.zeros((max(int(vectors.max()) + 1, len(outputs.get(name, ()))), 320), np.uint8)
            grown[: len(outputs.get(name, ()))] = outputs.get(name, 0)
            grown[vectors] = self._words[region["slice"], _addresses(region)]
            outputs[name] = grown
        return outputs

    def next_cycle(self) -> None:
        """Free the banks."""
        self._used.clear()

    def claim_banks(self, mem_slice: int, address: int, span: int) -> None:
        """Claim banks: each serves one access a cycle."""
        for bank in range(address // BANK_WORDS, (address + span - 1) // BANK_WORDS + 1):
            if (mem_slice, bank) in self._used:
                raise ExecutionError(f"bank {bank} is used twice in this cycle")
            self._used.add((mem_slice, bank))

    def read(self, mem_slice: int, address: int) -> Bytes:
        """Return a word, shape (320,)."""
        word: Bytes = self._words[mem_slice, address].copy()
        return word

    def gather(self, mem_slice: int, address: int, span: int, index: Bytes) -> Bytes:
        """Return each tile's 16 bytes from the word its map entry says; zeros for a negative entry."""
        at, given = _tile_words(address, span, index)
        tiles = self._words[mem_slice].reshape(8192, 20, 16)[at, np.arange(20)]
        return np.where(given[:, None], tiles, np.uint8(0)).reshape(320)

    def write(self, mem_slice: int, address: int, span: int, data: Bytes, index: Bytes | None) -> None:
        """Write a vector into a word, or each tile's 16 bytes into the word its map entry says."""
        if index is None:
            self._words[mem_slice, address] = data
            return
        at, given = _tile_words(address, span, index)
        tiles = np.flatnonzero(given)
        self._words[mem_slice].reshape(8192, 20, 16)[at[tiles], tiles] = data.reshape(20, 16)[tiles]


def _tile_words(address: int, span: int, index: Bytes) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Return a word a tile, and whether it has one; `index` is a map on two streams, shape (2, 320)."""
    entries = np.ascontiguousarray(index.T).view("<i2")[::16, 0].astype(np.int64)
    if (entries >= span).any():
        raise ExecutionError(f"a map points at word {entries.max()} of {span}")
    given = entries >= 0
    return np.where(given, address + entries, 0), given


def _vectors(region: np.void) -> npt.NDArray[np.int64]:
    return int(region["first"]) + np.arange(int(region["words"])) * int(region["step"])


def _addresses(region: np.void) -> slice:
    return slice(int(region["address"]), int(region["address"]) + int(region["words"]))
