"""What stands in the cells of a column, by its name: the choices there are, and examples near to a row."""

from __future__ import annotations

import re
import tomllib
from functools import cache

from pydantic import BaseModel, ConfigDict

from inference.assets import asset
from voice_app.skills.word_lists import word_set

MOST_EXAMPLES = 4
_SMALL = word_set("a an and at by for from in into of on or the to with small old local")

Example = tuple[str, str]
"""A row in words, and its cell."""


class ColumnKind(BaseModel):
    """Cells that are known to be one of some texts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    words: tuple[str, ...]
    """A column whose name has one of them is of this kind."""
    choices: tuple[str, ...]
    usual: tuple[Example, ...]
    examples: tuple[Example, ...]


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    kinds: tuple[ColumnKind, ...]


@cache
def column_kinds() -> tuple[ColumnKind, ...]:
    """Return the kinds of `assets/tables/columns.toml`."""
    text = asset("tables/columns.toml").read_text(encoding="utf-8")
    return _File.model_validate(tomllib.loads(text)).kinds


def kind_of(column: str) -> ColumnKind | None:
    """Return the kind that a column's name speaks of; None where its cells are any words."""
    named = set(re.findall(r"[a-z]+", column.lower()))
    return next((kind for kind in column_kinds() if named & set(kind.words)), None)


def near(kind: ColumnKind, row: str) -> tuple[Example, ...]:
    """Return the examples nearest to a row in words, the nearest last; the usual ones where none is near."""
    words = _stems(row)
    shared = [(_overlap(_stems(text), words), place) for place, (text, _) in enumerate(kind.examples)]
    best = sorted(pair for pair in shared if pair[0] > 0)[-MOST_EXAMPLES:]
    return tuple(kind.examples[place] for _, place in best) or kind.usual


def _overlap(example: frozenset[str], row: frozenset[str]) -> float:
    return len(example & row) / len(example) ** 0.5 if example else 0.0


def _stems(text: str) -> frozenset[str]:
    words = re.findall(r"[a-z]+", text.lower())
    return frozenset(word.rstrip("s") for word in words if word not in _SMALL)
