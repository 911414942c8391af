"""Compares a file on the disk with what the manifest says of it."""

from __future__ import annotations

import hashlib
from pathlib import Path

from inference.models.manifest import ModelFile


def size_problem(path: Path, expected: ModelFile) -> str | None:
    """Return what is wrong with the file's size, None when it is right. Reads no content."""
    size_bytes = size_of(path)
    if size_bytes is None:
        return "is missing"
    if size_bytes != expected.size_bytes:
        return f"has {size_bytes} bytes instead of {expected.size_bytes}"
    return None


def content_problem(path: Path, expected: ModelFile) -> str | None:
    """Return what is wrong with the file's size or SHA-256, None when both are right. Reads all of it."""
    problem = size_problem(path, expected)
    if problem:
        return problem
    try:
        found = sha256_of(path)
    except OSError as error:
        return f"can't be read ({error.strerror})"
    if found != expected.sha256:
        return f"has the SHA-256 {found} instead of {expected.sha256}"
    return None


def size_of(path: Path) -> int | None:
    """Return the size of a regular file in bytes, None when there is none that can be seen."""
    try:
        return path.stat().st_size if path.is_file() else None
    except (OSError, ValueError):
        return None


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
