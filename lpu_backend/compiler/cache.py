"""Compiled programs on disk, by the digest of all they depend on."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from lpu_backend.chip.program import Program
from lpu_backend.chip.spec import ChipSpec, constants
from lpu_backend.compiler.compile import VERSION, compile
from lpu_backend.compiler.reservation import Reservation
from lpu_backend.compiler.summary import Summary, summary
from lpu_backend.errors import LpuError
from lpu_backend.model.graph import ModelGraph

_DIGEST_BYTES = 32


def program_key(graph: ModelGraph, spec: ChipSpec, reservation: Reservation) -> str:
    """Return SHA-256 of the graph, the chip's constants, the reservation and the compiler's version, in hex."""
    said = {
        "compiler": VERSION,
        "graph": [graph.kind, graph.rows, graph.positions, graph.text(), asdict(graph.model)],
        "part": _named_as_in_keys(asdict(graph.part)),
        "spec": [spec.name, *((c.name, c.value) for c in constants(spec))],
        "room": asdict(reservation),
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _named_as_in_keys(part: dict[str, object]) -> dict[str, object]:
    """Return a part's fields by their names in keys: another name would be another key, and all is compiled again."""
    return {"ways" if name == "tp_degree" else name: value for name, value in part.items()}


def cached_program(graph: ModelGraph, spec: ChipSpec, reservation: Reservation, folder: Path) -> Program:
    """Return the compiled and verified program: from the folder where it is whole there, else compiled and kept.

    Raises what `compile` raises; a folder that can't be written to is no error.
    """
    path = folder / f"{program_key(graph, spec, reservation)}.program"
    found = _load(path)
    if found is not None:
        return found
    program = compile(graph, spec, reservation=reservation)
    with suppress(OSError):
        _keep(program, path)
    return program


def cached_summary(graph: ModelGraph, spec: ChipSpec, reservation: Reservation, folder: Path) -> Summary:
    """Return what the program costs: from the folder where that is known, else compiled and counted."""
    path = folder / f"{program_key(graph, spec, reservation)}.json"
    return kept_summary(path, lambda: summary(cached_program(graph, spec, reservation, folder), spec))


def kept_summary(path: Path, count: Callable[[], Summary]) -> Summary:
    """Return the summary in a file; where it is not there or not whole, it is counted and kept there."""
    with suppress(OSError, ValueError):
        known: Summary = json.loads(path.read_text())
        if isinstance(known.get("cycles"), int) and isinstance(known.get("program_digest"), str):
            return known
    found = count()
    with suppress(OSError):
        _write(json.dumps(found).encode(), path)
    return found


def _load(path: Path) -> Program | None:
    """Return a program whose bytes have the digest that stands before them."""
    try:
        data = path.read_bytes()
        if hashlib.sha256(data[_DIGEST_BYTES:]).digest() != data[:_DIGEST_BYTES]:
            return None
        return Program.from_bytes(data[_DIGEST_BYTES:])
    except (OSError, ValueError, LpuError):
        return None


def _keep(program: Program, path: Path) -> None:
    data = program.to_bytes()
    _write(hashlib.sha256(data).digest() + data, path)


def _write(data: bytes, path: Path) -> None:
    """Write beside its place and rename, so that no reader sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, suffix=".partial")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.replace(name, path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
