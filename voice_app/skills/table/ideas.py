"""What a day of an itinerary may hold: kinds of things to do that take turns, and the phrases each is told in.

A tiny model knows no addresses. So it chooses, under a grammar, among phrases that hold in any city; which of them
suit this one and what its visitor wants is the model's part.
"""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache

from pydantic import BaseModel, ConfigDict

from inference.assets import asset
from voice_app.skills.table.shown import TIMES


class Kind(BaseModel):
    """One kind of thing to do."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    times: tuple[str, ...]
    """Of the day, in small letters."""
    wishes: tuple[str, ...] = ()
    """Words of a request that call for it."""
    touristy: bool = False
    parts: tuple[tuple[str, ...], ...]
    """A phrase is one of each."""


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    kinds: tuple[Kind, ...]


@cache
def kinds() -> tuple[Kind, ...]:
    """Return the kinds of `assets/tables/itinerary.toml`."""
    text = asset("tables/itinerary.toml").read_text(encoding="utf-8")
    return _File.model_validate(tomllib.loads(text)).kinds


@dataclass(frozen=True, slots=True)
class Slot:
    """A row of an itinerary before it says what is done then."""

    day: int
    """From 1."""
    time: str
    kind: Kind


def plan(days: int, wish: str, seed: int, skip: int = 0, times: Sequence[str] = TIMES) -> tuple[Slot, ...]:
    """Return what takes turns on so many days, at some times of each.

    Kinds that `wish` calls for come first; those with sights only where it does not keep away from tourists, and
    then first of all. `seed` mixes the rest; `skip` leaves out as many of the first turns, for another city.
    """
    orders = {time: _order(time.lower(), wish, seed) for time in times}
    used: set[str] = set()
    slots = []
    for day in range(1, days + 1):
        for time, order in orders.items():
            turn = (skip + day - 1) % len(order)
            turned = [*order[turn:], *order[:turn]]
            kind = next((kind for kind in turned if kind.name not in used), turned[0])
            used.add(kind.name)
            slots.append(Slot(day, time, kind))
    return tuple(slots)


def avoids_tourists(wish: str) -> bool:
    """Return whether a request wants no sights."""
    return bool(_AVOIDS.search(wish))


_AVOIDS = re.compile(
    r"\b(?:not|n't|no|without|avoid\w*|off|less|beyond|instead of|non)\b.{0,40}?"
    r"\b(?:tourist\w*|beaten|sights?|crowds?|famous)|\b(?:local|hidden|unusual|untouristy|secret)\b|\bnon-?tourist",
    re.IGNORECASE,
)


def _order(time: str, wish: str, seed: int) -> list[Kind]:
    words = set(re.findall(r"[a-z]+", wish.lower()))
    fitting = [
        kind for kind in kinds() if time in kind.times and not (kind.touristy and avoids_tourists(wish))
    ]
    random.Random(f"{time}{seed}").shuffle(fitting)
    return sorted(fitting, key=lambda kind: (not words & set(kind.wishes), not kind.touristy))


def left_over(kind: Kind, taken: Collection[str]) -> tuple[tuple[str, ...], ...]:
    """Return the parts of a kind's phrases that make none that is taken.

    First parts that begin a phrase that is taken are left out as long as there are others; then last parts; a kind
    whose phrases are all taken begins again.
    """
    first, *rest = kind.parts
    fresh = tuple(part for part in first if not any(text.startswith(part) for text in taken))
    if fresh:
        return (fresh, *rest)
    for part in first:
        ends = _ends(part, rest, taken)
        if ends:
            return ((part,), *rest[:-1], ends)
    return kind.parts


def _ends(start: str, rest: Sequence[tuple[str, ...]], taken: Collection[str]) -> tuple[str, ...]:
    """Return the last parts with which no phrase from `start` is taken."""
    return tuple(
        end for end in rest[-1] if not any(text.startswith(start) and text.endswith(end) for text in taken)
    )
