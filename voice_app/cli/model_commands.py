"""`voice-app models`: what there is, getting it, checking it."""

from __future__ import annotations

import json
from collections.abc import Sequence

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TransferSpeedColumn
from rich.table import Table

from inference.models.store import ModelStore


def list_models(as_json: bool) -> None:
    """Print the manifest, with what is installed."""
    store = ModelStore()
    rows = [
        {
            "name": model.name,
            "role": model.role,
            "mb": round(model.size_bytes / 1e6),
            "installed": store.installed(model.name),
            "licence": model.licence,
            "description": model.description,
        }
        for model in store.models.values()
    ]
    if as_json:
        typer.echo(json.dumps(rows))
        return
    table = Table("name", "role", "MB", "installed", "licence", "description")
    for row in rows:
        table.add_row(*(str(value) if value is not None else "-" for value in row.values()))
    Console().print(table)


def pull_models(names: Sequence[str]) -> None:
    """Download models with a progress bar. Raises ModelError."""
    from inference.models.download import pull

    store = ModelStore()
    wanted = [store.model(name) for name in names]
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns) as bars:
        tasks: dict[str, TaskID] = {}

        def progress(file: str, done: int, total: int) -> None:
            if file not in tasks:
                tasks[file] = bars.add_task(file, total=total)
            bars.update(tasks[file], completed=done)

        for model in wanted:
            pull(model, store.cache, progress)


def verify_models(names: Sequence[str]) -> int:
    """Print what is wrong with each model; return 6 when anything is."""
    store = ModelStore()
    status = 0
    for name in names or [name for name in store.models if store.installed(name)]:
        problems = store.verify(name)
        typer.echo(f"{name}: {'; '.join(problems) or 'ok'}")
        status = 6 if problems else status
    return status
