"""Computed states that are kept: in files that are whole or nothing (a SHA-256, then the content), and in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from inference.files import write_whole

DIGEST_BYTES = 32
LARGEST_BYTES = 1 << 30


def read_saved(path: Path) -> bytes | None:
    """Return the content of a file that `save` wrote; None when it is missing, damaged or too large."""
    try:
        if path.stat().st_size > LARGEST_BYTES:
            return None
        data = path.read_bytes()
    except OSError:
        return None
    digest, content = data[:DIGEST_BYTES], data[DIGEST_BYTES:]
    return content if content and hashlib.sha256(content).digest() == digest else None


def save(path: Path, content: bytes) -> None:
    """Write a file that `read_saved` reads. A full or read-only disk leaves things as they were: it is only a cache."""
    with suppress(OSError):
        write_whole(path, hashlib.sha256(content).digest() + content)


class SavedPrefixes:
    """States of prefixes by their tokens: the latest in memory for other chats, all in a folder for other processes."""

    def __init__(self, folder: Path | None, identity: str) -> None:
        """`identity` is what else a state depends on: the model, the context, the build."""
        self._folder, self._identity = folder, identity
        self._latest: tuple[str, bytes] = ("", b"")

    def load(self, prompt: Sequence[int]) -> bytes | None:
        """Return the state that these tokens left; None where it was not saved, or is damaged."""
        key = self._key(prompt)
        if key == self._latest[0]:
            return self._latest[1]
        state = read_saved(self._folder / _file(key)) if self._folder else None
        if state:
            self._latest = (key, state)
        return state

    def save(self, prompt: Sequence[int], state: bytes) -> None:
        """Keep a state, unless it is empty."""
        if state:
            self._latest = (self._key(prompt), state)
            if self._folder:
                save(self._folder / _file(self._latest[0]), state)

    def _key(self, prompt: Sequence[int]) -> str:
        return hashlib.sha256(f"{self._identity}:{prompt}".encode()).hexdigest()[:24]


def _file(key: str) -> str:
    return f"prefix-{key}.kv"
