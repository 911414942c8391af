"""Every row of the validation table: what was published, what the emulator gives, and whether that is near enough.

Nothing here is tuned: constants and published figures were frozen before (`frozen.py`), a miss is shown as a miss with
the constants it depends on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from lpu_backend.estimate import rows_chip, rows_models, rows_system
from lpu_backend.estimate.assets import asset_folder, read_toml
from lpu_backend.estimate.frozen import fingerprints, recorded
from lpu_backend.estimate.rows_chip import Answer


@dataclass(frozen=True, slots=True)
class Row:
    """A published figure beside ours."""

    id: str
    tier: str
    what: str
    published: str
    source: str
    ours: str
    error: float | None
    """(ours − published) / published; None where there is no single figure."""
    tolerance: str
    verdict: str
    """holds, or miss."""
    remark: str


def answers(folder: Path | None = None) -> dict[str, Callable[[], Answer]]:
    """Return how every row is answered, in the order of the table. `folder`: where programs are kept."""
    models, speed = rows_models, partial(rows_models.speed, folder=folder)
    return {
        "1": rows_chip.sram,
        "2": rows_chip.bandwidths,
        "3": rows_chip.peak,
        "4": rows_chip.control,
        "5": rows_system.largest_system,
        "6": rows_chip.no_variance,
        "7": rows_chip.executed_cycles,
        "8": rows_chip.dot_products,
        "9": rows_chip.weight_load,
        "10": rows_chip.delays,
        "12": rows_chip.spacing,
        "13": partial(models.resnet, "int8"),
        "14a": partial(models.bert, "bert-tiny", 128, "fp16"),
        "14b": partial(models.bert, "minilm-v2", 128, "fp16", 2),
        "14c": partial(models.resnet, "fp16"),
        "15": partial(models.bert, "bert-base", 128, "int8"),
        "16": models.bert_large,
        "17": rows_system.link_latency,
        "18a": rows_system.hop,
        "18b": rows_system.all_reduce_of_a_node,
        "18c": rows_system.any_to_any,
        "19": models.fits,
        "20": partial(speed, "llama-2-70b", models.LARGE),
        "21a": partial(speed, "llama-3-8b", models.SMALL),
        "21b": partial(speed, "llama-3.2-3b", models.SMALL),
        "21c": partial(speed, "llama-3.2-1b", models.SMALL),
        "21d": partial(models.rank, folder),
        "22": partial(speed, "mixtral-8x7b", models.LARGE),
        "23": partial(models.guessing, 6.66, folder),
        "24": partial(models.against_h100, folder),
        "25": partial(models.energy, folder),
        "26": rows_chip.power,
    }


def validate(folder: Path | None = None, progress: Callable[[int, int], None] | None = None) -> list[Row]:
    """Return all rows. Some compile layers of large models: a minute when nothing is kept."""
    published = {str(row["id"]): row for row in read_toml(asset_folder() / "published.toml")["row"]}
    how = answers(folder)
    found = []
    for number, (name, answer) in enumerate(how.items()):
        if progress:
            progress(number, len(how))
        found.append(row_of(published[name], answer()))
    return found


def row_of(published: dict[str, Any], answer: Answer) -> Row:
    """Return a published figure beside an answer."""
    low, high, value = published.get("low"), published.get("high"), answer.value
    inside = low is None or high is None or (value is not None and low <= value <= high)
    holds = inside and answer.holds is not False
    reference = published.get("value")
    error = None if value is None or not reference else round((value - reference) / reference, 4)
    if published["tier"] == "exact":
        error = 0.0 if holds else error
    return Row(
        id=published["id"],
        tier=published["tier"],
        what=published["what"],
        published=published["published"],
        source=published["source"],
        ours=answer.ours,
        error=error,
        tolerance=published["tolerance"],
        verdict="holds" if holds else "miss",
        remark=answer.remark,
    )


def frozen() -> Iterator[tuple[str, str, bool]]:
    """Yield (name, recorded digest, whether it still holds)."""
    now = fingerprints()
    for name, digest in recorded().items():
        yield name, digest, now.get(name) == digest


def passed(rows: list[Row]) -> bool:
    """Return whether all exact rows hold and nothing that was frozen moved; predictions may miss."""
    return all(row.verdict == "holds" for row in rows if row.tier == "exact") and all(
        holds for _, _, holds in frozen()
    )
