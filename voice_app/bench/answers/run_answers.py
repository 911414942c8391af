"""`voice-app bench --mode answers`: the sets asked, the verdicts counted, the limits enforced."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from voice_app.bench.answers.answers_page import write_answers_page
from voice_app.bench.answers.figures import HONEST, below, by_model
from voice_app.bench.answers.judged import judged
from voice_app.bench.answers.sets import HALVES, SETS, Item, items
from voice_app.bench.answers.verdicts import LOOK_ALIKES, Verdict, append_verdicts, read_verdicts
from voice_app.bench.machine import machine
from voice_app.runtime.engine_set import EngineSet, load_text_only
from voice_app.runtime.settings import Settings

LIMITED = (*SETS, LOOK_ALIKES, HONEST)
"""What a least share can be asked of."""


@dataclass(frozen=True, slots=True)
class AnswersRequest:
    """What is to be judged."""

    half: str = "work"
    """work, reported or both."""
    sets: tuple[str, ...] = tuple(SETS)
    limit: int | None = None
    """How many items of each half of each set; None: all."""
    least: Mapping[str, float] = field(default_factory=dict)
    """The share that has to be right, by the set's name."""
    into: Path | None = None
    """A file of verdicts, a line each: what stands in it of this model is not asked again."""
    show: bool = False
    """Whether items of the reported half may be seen, too."""
    json: bool = False
    html: Path | None = None

    @property
    def halves(self) -> tuple[str, ...]:
        """Return the halves that are asked."""
        return HALVES if self.half == "both" else (self.half,)


def run_answers(settings: Settings, request: AnswersRequest) -> int:
    """Judge and print; return 1 where a share is below what was asked for. Raises ModelError, SessionError."""
    known = read_verdicts(request.into) if request.into else []
    engines = load_text_only(settings)
    try:
        fresh = asyncio.run(_judge(engines, request, known))
    finally:
        engines.close()
    verdicts = [one for one in (*known, *fresh) if one.half in request.halves]
    models = by_model(verdicts)
    report = {
        "basis": "measured",
        "mode": "answers",
        "models": models,
        "machine": machine(),
        "each": [shown(one, request.show) for one in verdicts],
    }
    if request.html:
        write_answers_page(report, request.html)
    if request.json:
        typer.echo(json.dumps(report, ensure_ascii=False))
    else:
        _print(models, verdicts, request)
    missed = below(models, request.least)
    for line in missed:
        typer.echo(line, err=True)
    return int(bool(missed))


async def _judge(engines: EngineSet, request: AnswersRequest, known: Sequence[Verdict]) -> list[Verdict]:
    """Judge what is not known of this model; each verdict is in the file before the next item is asked."""
    model = engines.settings.models.llm
    done = {one.id.partition("/")[0] for one in known if one.model == model}
    fresh: list[Verdict] = []
    todo = [(half, item) for half, item in asked(request) if item.id not in done]
    for half, item in track(todo, f"asking {model}", console=Console(stderr=True)):
        found = await judged(engines, item, half)
        fresh += found
        if request.into:
            append_verdicts(request.into, found)
    return fresh


def asked(request: AnswersRequest) -> Iterator[tuple[str, Item]]:
    """Yield the items that are asked, with their half."""
    for name in request.sets:
        for half in HALVES:
            if half in request.halves:
                yield from ((half, item) for item in spread(items(name, half), request.limit))


def spread(found: Sequence[Item], limit: int | None) -> Sequence[Item]:
    """Return at most `limit` items, taken evenly: the kinds stand one after the other."""
    if limit is None or limit >= len(found):
        return found
    return [found[number * len(found) // limit] for number in range(limit)]


def shown(verdict: Verdict, show: bool) -> dict[str, Any]:
    """Return a verdict for the report; of the reported half the score alone, unless more is asked for."""
    row = verdict.model_dump(mode="json")
    if verdict.half == "reported" and not show:
        return {
            key: row[key] for key in ("id", "set", "kind", "half", "model", "right", "first_ms", "whole_ms")
        }
    return row


def _print(
    models: Mapping[str, Mapping[str, Any]], verdicts: Sequence[Verdict], request: AnswersRequest
) -> None:
    console = Console()
    for model, halves in models.items():
        for half, report in halves.items():
            console.print(_table(f"{Path(model).name}, the {half} half", report))
    for one in verdicts:
        if not one.right and (one.half != "reported" or request.show):
            said = f"{one.set}/{one.kind} {one.say!r}: {'; '.join(one.faults)} -> {one.answer[:100]!r}"
            console.print(f"{one.id} {said}", markup=False, highlight=False, soft_wrap=True)


def _table(title: str, report: Mapping[str, Any]) -> Table:
    """Return a model's figures; a share has its 95 % interval beside it, times are measured on this machine."""
    table = Table(title=title, caption="latency: typed text to text, measured on this machine as it is now")
    for name in ("set", "right", "share", "95 %", "first words p50", "p95"):
        table.add_column(name, justify="left" if name == "set" else "right")
    for name, found in report["sets"].items():
        first = found["first_ms"]
        table.add_row(name, *_shares(found), _ms(first["p50"]), _ms(first["p95"]), style="bold")
        for kind, of in found["kinds"].items():
            table.add_row(f"  {kind}", *_shares(of), "", "")
        if "whole" in found:
            table.add_row("  without a wrong turn", *_shares(found["whole"]), "", "")
    table.add_row("turns without a false claim", *_shares(report[HONEST]), "", "", style="bold")
    return table


def _shares(found: Mapping[str, Any]) -> tuple[str, str, str]:
    if not found["of"]:
        return "–", "–", "–"
    share = found["right"] / found["of"]
    return f"{found['right']}/{found['of']}", f"{share:.0%}", f"{found['low']:.0%}–{found['high']:.0%}"


def _ms(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f} ms"
