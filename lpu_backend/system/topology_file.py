"""A system of one's own from a file: chips and cables in TOML.

    name = "bench"
    chips = 4
    spares = 0                  # the last so many chips are idle
    cables = [                  # chip, port, chip, port; ports 0…10, each takes one cable
      [0, 0, 1, 0],
      [1, 1, 2, 0],
      [2, 1, 3, 0],
    ]

Or `like = 72`: the cables of the published arrangement for so many chips; `without = [[0, 3]]` then leaves out the
cable at a chip's port. Every chip has to be reached. Whoever made the file: it is read within bounds.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lpu_backend.errors import TopologyError
from lpu_backend.system.topology import UNWIRED, System, distances, system_of
from lpu_backend.system.wire import WIRE, WireSpec

LARGEST_FILE_BYTES = 4 << 20
LARGEST_SYSTEM = 2016
"""Chips of a system from a file: nothing is known of its symmetry, so it is searched from every chip."""
KEYS = {"name", "chips", "spares", "cables", "like", "without"}


def read_topology(path: Path, wire: WireSpec = WIRE) -> System:
    """Read a system's file. Raises TopologyError, one line that says what is wrong, for anything else."""
    try:
        if path.stat().st_size > LARGEST_FILE_BYTES:
            raise TopologyError(f"{path}: larger than {LARGEST_FILE_BYTES:,} bytes; no list of cables is")
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TopologyError(f"{path}: can't be read ({error.strerror}); name a file in TOML") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise TopologyError(f"{path}: not TOML ({str(error)[:120]})") from error
    try:
        return parse_topology(found, wire)
    except TopologyError as error:
        raise TopologyError(f"{path}: {error}") from error


def parse_topology(found: dict[str, Any], wire: WireSpec = WIRE) -> System:
    """Return the system that a file's tables describe; raises TopologyError."""
    unknown = sorted(set(found) - KEYS)
    if unknown:
        raise TopologyError(f"{unknown[0][:40]!r} is no key; there are {', '.join(sorted(KEYS))}")
    name = found.get("name", "a system from a file")
    if not isinstance(name, str) or len(name) > 80:
        raise TopologyError("name has to be a text of at most 80 letters")
    if "like" in found:
        peers = _like(found, wire)
        chips = len(peers) // wire.ports
    else:
        chips = _number(found.get("chips"), "chips", 1, LARGEST_SYSTEM)
        peers = _cables(found.get("cables", []), chips, wire)
    spares = _number(found.get("spares", 0), "spares", 0, chips - 1)
    peers.setflags(write=False)
    system = System(name, peers, tuple(range(chips - spares)), wire)
    lost = np.flatnonzero(distances(system, 0) < 0)
    if len(lost):
        raise TopologyError(
            f"no cable leads from chip 0 to chip {lost[0]}; {len(lost)} of {chips} chips are cut off"
        )
    return system


def _number(value: Any, what: str, low: int, high: int) -> int:
    if type(value) is not int or not low <= value <= high:
        raise TopologyError(
            f"{what} is {str(value)[:40]}: it has to be a whole number from {low} to {high:,}"
        )
    return value


def _rows(value: Any, what: str, length: int) -> Sequence[Sequence[Any]]:
    if not isinstance(value, list) or any(not isinstance(row, list) or len(row) != length for row in value):
        raise TopologyError(f"{what} has to be a list of lists of {length} numbers")
    return value


def _cables(value: Any, chips: int, wire: WireSpec) -> np.ndarray:
    """Return peers of all links from rows of chip, port, chip, port."""
    peers = np.full(chips * wire.ports, UNWIRED, np.int32)
    for number, row in enumerate(_rows(value, "cables", 4), 1):
        ends = [
            _link(chip, port, chips, wire, f"cable {number}")
            for chip, port in ((row[0], row[1]), (row[2], row[3]))
        ]
        if row[0] == row[2]:
            raise TopologyError(f"cable {number} leads from chip {row[0]} to itself")
        for end in ends:
            if peers[end] != UNWIRED:
                chip, port = divmod(end, wire.ports)
                raise TopologyError(f"cable {number}: port {port} of chip {chip} has a cable already")
        peers[ends[0]], peers[ends[1]] = ends[1], ends[0]
    return peers


def _like(found: dict[str, Any], wire: WireSpec) -> np.ndarray:
    """Return peers of a published arrangement, less some cables."""
    if "chips" in found or "cables" in found:
        raise TopologyError("either `like`, or `chips` and `cables`")
    system = system_of(_number(found["like"], "like", 1, LARGEST_SYSTEM), wire)
    peers = system.peers.copy()
    for chip, port in _rows(found.get("without", []), "without", 2):
        link = _link(chip, port, system.installed, wire, "without")
        if peers[link] == UNWIRED:
            raise TopologyError(f"without: no cable is at port {port} of chip {chip}")
        peers[peers[link]] = UNWIRED
        peers[link] = UNWIRED
    return peers


def _link(chip: Any, port: Any, chips: int, wire: WireSpec, what: str) -> int:
    return _number(chip, f"{what}: chip", 0, chips - 1) * wire.ports + _number(
        port, f"{what}: port", 0, wire.ports - 1
    )
