"""What predictions rest on, as digests that were recorded before any prediction was compared with a published figure.

A constant that changes after that makes every predictive row void, so the digests stand in `assets/lpu/frozen.toml`, a
test compares them, and `validate` prints whether they hold.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from lpu_backend.chip.spec import PRODUCT, ChipSpec, constants, fingerprint
from lpu_backend.estimate.assets import asset_folder, read_toml
from lpu_backend.system.wire import WIRE, WireSpec

DATA = ("gpus", "published")


def fingerprints(chip: ChipSpec = PRODUCT, wire: WireSpec = WIRE) -> dict[str, str]:
    """Return sha256 digests of the chip's and the links' constants, and of the files of GPUs and published figures."""
    text = "\n".join(f"{constant.name} {constant.value!r}" for constant in constants(wire))
    found = {"chip": fingerprint(chip), "wire": hashlib.sha256(text.encode()).hexdigest()}
    for name in DATA:
        found[name] = _of_file(asset_folder() / f"{name}.toml")
    return found


def recorded() -> dict[str, str]:
    """Return the digests that were recorded."""
    return {str(name): str(value) for name, value in read_toml(asset_folder() / "frozen.toml").items()}


def _of_file(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
