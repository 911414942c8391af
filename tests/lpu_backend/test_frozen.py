"""Constants stay as they were recorded before predictions were compared with anything."""

from __future__ import annotations

from dataclasses import replace

from lpu_backend.chip.spec import PRODUCT
from lpu_backend.estimate.frozen import fingerprints, recorded
from lpu_backend.system.wire import WIRE


def test_nothing_moved_since_it_was_frozen() -> None:
    """Delays, links, GPUs, published figures and tolerances."""
    assert fingerprints() == recorded()


def test_a_constant_that_moves_is_seen() -> None:
    """Each digest depends on its own constants alone."""
    moved = fingerprints(replace(PRODUCT, vxm_alu_cycles=4), replace(WIRE, hop_ns=700.0))

    assert {name for name, value in moved.items() if value != recorded()[name]} == {"chip", "wire"}
