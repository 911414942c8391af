"""Files of our own that are whole or nothing: a SHA-256, then the content."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

DIGEST_BYTES = 32
LARGEST_BYTES = 1 << 30


def read_whole(path: Path) -> bytes | None:
    """Return the content of a file that `write_whole` wrote; None when it is missing, damaged or too large."""
    try:
        if path.stat().st_size > LARGEST_BYTES:
            return None
        data = path.read_bytes()
    except OSError:
        return None
    digest, content = data[:DIGEST_BYTES], data[DIGEST_BYTES:]
    return content if content and hashlib.sha256(content).digest() == digest else None


def write_whole(path: Path, content: bytes) -> None:
    """Write a file in one step. A disk that is full or read-only leaves things as they were: it is only a cache."""
    partial = path.with_suffix(f".{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(hashlib.sha256(content).digest() + content)
        os.replace(partial, path)
    except OSError:
        partial.unlink(missing_ok=True)
