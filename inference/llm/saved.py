"""Files of our own that are whole or nothing: a SHA-256, then the content."""

from __future__ import annotations

import hashlib
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
