"""The figures of a demonstration about tables: as JSON, and side by side on the terminal. Every time has its basis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.table import Table as Drawn

from voice_app.demos.check import faults
from voice_app.demos.modelled import System, seconds
from voice_app.demos.turn_records import TurnRecord
from voice_app.observe.statistics import word_error_rate

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class DemoOutcome:
    """A demonstration on one backend."""

    backend: str
    model: str
    turns: tuple[TurnRecord, ...]
    expected: int
    """How many turns there should be."""
    sound: str | None = None

    @property
    def faults(self) -> list[str]:
        """Return what went wrong, one line each."""
        found = faults([record.table for record in self.turns], [record.answer for record in self.turns])
        found += [
            f"turn {place + 1} failed"
            for place, record in enumerate(self.turns)
            if record.status != "completed"
        ]
        missing = self.expected - len(self.turns)
        return [*found, *([f"{missing} of {self.expected} turns are missing"] if missing else [])]


def outcome_as_json(outcome: DemoOutcome, systems: Sequence[System]) -> Row:
    """Return a backend's figures."""
    return {
        "backend": outcome.backend,
        "model": outcome.model,
        "turns": [_turn(record, systems) for record in outcome.turns],
        "word_error_rate": word_error_rate(
            (turn.said, turn.heard) for turn in outcome.turns if turn.to_audio_s is not None
        ),
        "faults": outcome.faults,
        "sound": outcome.sound,
    }


def _turn(record: TurnRecord, systems: Sequence[System]) -> Row:
    table = record.table
    return {
        "said": record.said,
        "heard": record.heard,
        "answer": record.answer,
        "table": None
        if table is None
        else {"columns": list(table.columns), "rows": [*map(list, table.rows)]},
        "time_to_first_audio_ms": _ms(record.to_audio_s),
        "time_to_first_table_ms": _ms(record.to_table_s),
        "time_to_whole_table_ms": _ms(record.to_whole_table_s),
        "basis": "measured",
        "llm": _work(record),
        "modelled": [_modelled(record, system) for system in systems] if record.works else [],
    }


def _work(record: TurnRecord) -> Row:
    """Return what the language model did in a turn; emulated figures only where a chip is emulated."""
    works = record.works
    tokens, spent_s = sum(work.tokens for work in works), sum(work.seconds for work in works)
    emulated = [work.emulated_s for work in works if work.emulated_s is not None]
    row: Row = {
        "requests": len(works),
        "prompt_tokens_computed": sum(work.usage.prompt_tokens - work.usage.cached_tokens for work in works),
        "tokens": tokens,
        "seconds": round(spent_s, 3),
        "tokens_per_s": _rate(tokens, spent_s),
        "basis": "measured",
    }
    if emulated and sum(emulated):
        row["emulated"] = {
            "seconds": round(sum(emulated), 5),
            "tokens_per_s": _rate(tokens, sum(emulated)),
            "basis": "emulated",
        }
    return row


def _modelled(record: TurnRecord, system: System) -> Row:
    """Return what the same requests take on a system: all of them, and those before the first row."""
    spent_s = seconds(system, record.works)
    return {
        "system": system.name,
        "llm_ms": _ms(spent_s),
        "llm_to_first_row_ms": _ms(seconds(system, record.works[: record.works_to_table])),
        "tokens_per_s": _rate(sum(work.tokens for work in record.works), spent_s),
        "basis": system.basis,
    }


def backend_table(outcomes: Sequence[DemoOutcome]) -> Drawn:
    """Return the backends side by side, as measured on this machine."""
    drawn = Drawn(title="milliseconds, measured on this machine")
    for name in ("turn", "LLM on", "1st audio", "1st row", "table", "LLM", "tokens", "tokens/s"):
        drawn.add_column(name, justify="left" if name == "LLM on" else "right")
    turns = max((len(outcome.turns) for outcome in outcomes), default=0)
    for place in range(turns):
        for outcome in outcomes:
            if place < len(outcome.turns):
                drawn.add_row(str(place + 1), outcome.backend, *_cells(outcome.turns[place]))
    return drawn


def modelled_table(outcomes: Sequence[DemoOutcome], systems: Sequence[System]) -> Drawn:
    """Return what the same requests take on modelled systems; nothing of it is this machine's time."""
    drawn = Drawn("turn", "tokens of", title="milliseconds of the language model, not measured")
    for system in systems:
        drawn.add_column(f"{system.name} ({system.basis})", justify="right")
    for outcome in outcomes:
        for place, record in enumerate(outcome.turns):
            if record.works:
                spent = [_figure(seconds(system, record.works) * 1000) for system in systems]
                drawn.add_row(str(place + 1), outcome.backend, *spent)
    return drawn


def _cells(record: TurnRecord) -> list[str]:
    work = _work(record)
    times = [_ms(record.to_audio_s), _ms(record.to_table_s), _ms(record.to_whole_table_s)]
    spent = [work["seconds"] * 1000, work["tokens"], work["tokens_per_s"]] if record.works else [None] * 3
    return [_figure(each) for each in (*times, *spent)]


def _figure(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}"


def _ms(seconds_: float | None) -> float | None:
    return None if seconds_ is None else round(seconds_ * 1000, 1)


def _rate(count: int, seconds_: float) -> float | None:
    return round(count / seconds_, 1) if seconds_ > 0 else None
