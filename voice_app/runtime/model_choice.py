"""Which language model to talk with: the largest installed one that keeps the budget on this machine, and why.

Decided at the first start by measuring, from the largest down, and remembered until the installed models, the machine
or the settings that matter change.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from inference.models.store import ModelStore, cache_folder
from voice_app.core.stages import SHORT_TOKENS, Budget, Stage
from voice_app.runtime.settings import AUTO, Settings

MEMORY_SHARE = 0.5
"""Of the free memory, what the file of a model may take: its cache and the other models need room too."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An installed language model."""

    name: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Speed:
    """What a language model takes on this machine, measured, in seconds."""

    first_token_s: float
    """Reading the end of a question of some twelve tokens after a persona."""
    token_s: float


@dataclass(frozen=True, slots=True)
class Choice:
    """A model and the reason for it."""

    name: str
    because: str


Measure = Callable[[str], Speed]
"""Measures an installed model by its name."""


def choose(settings: Settings, measure: Measure, store: ModelStore | None = None) -> Choice:
    """Return the language model of the settings; where they leave it open, the largest that keeps the budget."""
    if settings.models.llm != AUTO:
        return Choice(settings.models.llm, "named in the settings")
    store = store or ModelStore()
    if settings.models.llm_backend == "lpu":
        return Choice(default_llm(store), "the embedded one: an emulated chip holds it")
    candidates = installed(store)
    if len(candidates) < 2:
        only = candidates[0].name if candidates else default_llm(store)
        return Choice(only, "no other language model is installed")
    path = cache_folder() / "model-choice.json"
    key = _key(candidates, settings)
    if known := _recall(path, key):
        return known
    speeds = ((candidate, measure(candidate.name)) for candidate in candidates if _has_room(candidate))
    choice = pick(speeds, Budget(settings.turn.budget_ms / 1000)) or Choice(
        candidates[-1].name, "it is the smallest, and memory is short"
    )
    _remember(path, key, choice)
    return choice


def installed(store: ModelStore) -> list[Candidate]:
    """Return the installed language models of the manifest, the largest first."""
    models = [model for model in store.models.values() if model.role == "llm" and store.installed(model.name)]
    return sorted((Candidate(m.name, m.size_bytes) for m in models), key=lambda c: (-c.size_bytes, c.name))


def default_llm(store: ModelStore) -> str:
    """Return the manifest's first language model, which the installation brings."""
    return next(model.name for model in store.models.values() if model.role == "llm")


def pick(speeds: Iterable[tuple[Candidate, Speed]], budget: Budget) -> Choice | None:
    """Return the first model, in the order given, that leaves the other stages their allotments; else the fastest.

    Speeds are taken one at a time, and no further once a model fits.
    """
    allotted_s = budget.allotments_s
    share_s = allotted_s[Stage.LLM_FIRST_TOKEN] + allotted_s[Stage.LLM_FIRST_CLAUSE]
    fastest: tuple[float, str] | None = None
    for candidate, speed in speeds:
        needs_s = speed.first_token_s + SHORT_TOKENS * speed.token_s
        found = f"first clause after {needs_s * 1000:.0f} ms, {share_s * 1000:.0f} allowed"
        if needs_s <= share_s:
            return Choice(candidate.name, f"the largest that keeps the budget: {found}")
        if fastest is None or needs_s < fastest[0]:
            fastest = needs_s, candidate.name
            reason = f"none keeps the budget, this is the fastest: {found}"
    return Choice(fastest[1], reason) if fastest else None


def _has_room(candidate: Candidate) -> bool:
    try:
        free_bytes = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):  # the system does not say
        return True
    return candidate.size_bytes <= free_bytes * MEMORY_SHARE


def _key(candidates: list[Candidate], settings: Settings) -> str:
    """Return a digest of what the choice depends on."""
    facts = (
        [asdict(candidate) for candidate in candidates],
        settings.turn.budget_ms,
        settings.models.threads,
        [platform.machine(), platform.processor(), platform.node(), os.cpu_count()],
    )
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _recall(path: Path, key: str) -> Choice | None:
    with suppress(OSError, ValueError, TypeError):
        kept = json.loads(path.read_text())
        if kept["key"] == key:
            return Choice(str(kept["name"]), str(kept["because"]))
    return None


def _remember(path: Path, key: str, choice: Choice) -> None:
    with suppress(OSError):  # then it is measured again
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"key": key, **asdict(choice)}))
