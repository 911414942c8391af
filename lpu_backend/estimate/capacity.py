"""Whether a model fits a number of chips, and if not, why: weights, and a KV cache for every user in flight.

By bytes: each chip has its 230,686,720. What whole layers leave unused on a chip is the partition's business.
"""

from __future__ import annotations

from dataclasses import dataclass

from lpu_backend.chip.spec import ChipSpec
from lpu_backend.estimate.shapes import Precision, PublishedModel


@dataclass(frozen=True, slots=True)
class Capacity:
    """Bytes of SRAM: those a model takes and those the chips have."""

    model: str
    precision: Precision
    chips: int
    positions: int
    users: int
    weight_bytes: int
    kv_bytes_a_user: int
    chip_bytes: int

    @property
    def need_bytes(self) -> int:
        """Return the bytes of weights and of the KV caches of all users."""
        return self.weight_bytes + self.users * self.kv_bytes_a_user

    @property
    def have_bytes(self) -> int:
        """Return the bytes of SRAM of all chips."""
        return self.chips * self.chip_bytes

    @property
    def fits(self) -> bool:
        """Return whether the bytes are there."""
        return self.need_bytes <= self.have_bytes

    @property
    def least_chips(self) -> int:
        """Return the smallest number of chips that have the bytes."""
        return -(-self.need_bytes // self.chip_bytes)

    @property
    def users_that_fit(self) -> int:
        """Return the number of users whose KV caches fit beside the weights; 0 where the weights alone do not."""
        return max(0, (self.have_bytes - self.weight_bytes) // self.kv_bytes_a_user)

    @property
    def why(self) -> str:
        """Return one line: what it takes, what there is, and what to do where it does not fit."""
        parts = (
            f"{self.model} in {self.precision.upper()} takes {_gb(self.weight_bytes)} of weights and "
            f"{_gb(self.kv_bytes_a_user)} of KV cache a user at {self.positions:,} tokens; "
            f"{self.chips:,} chips have {_gb(self.have_bytes)}"
        )
        if self.fits:
            return f"{parts}: by bytes it fits, for up to {self.users_that_fit:,} users"
        if self.weight_bytes > self.have_bytes:
            how = "" if self.precision == "int8" else ", or INT8 weights"
            return f"{parts}: the weights alone do not fit; take {self.least_chips:,} chips{how}"
        return f"{parts}: the KV caches do not fit; take {self.least_chips:,} chips or a shorter context"


def capacity(
    model: PublishedModel,
    precision: Precision,
    chips: int,
    positions: int,
    spec: ChipSpec,
    *,
    users: int = 1,
) -> Capacity:
    """Return what the model takes with a KV cache of `positions` for each of `users`, on so many chips."""
    weights, kv = model.weight_bytes(precision), model.kv_bytes(positions)
    return Capacity(model.name, precision, chips, positions, users, weights, kv, spec.sram_bytes)


def _gb(count: int) -> str:
    return f"{count / 1e9:,.2f} GB" if count >= 1e8 else f"{count / 1e6:,.2f} MB"
