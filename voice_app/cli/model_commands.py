"""`voice-app models`: what there is, getting it, checking it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Column, Table

from inference.models.manifest import Model
from inference.models.quantise import prepare_gguf
from inference.models.store import ModelStore, cache_folder
from voice_app.runtime.settings import AUTO


def list_models(as_json: bool) -> None:
    """Print the manifest, with what is installed."""
    store = ModelStore()
    rows = [
        {
            "name": model.name,
            "role": model.role,
            "mb": round(model.size_bytes / 1e6),
            "installed": store.installed(model.name),
            "right_of_30": model.right_of_30,
            "licence": model.licence,
            "description": model.description,
        }
        for model in store.models.values()
    ]
    if as_json:
        typer.echo(json.dumps(rows))
        return
    table = Table(Column("name", no_wrap=True), "role", "MB", "installed", "licence", "description")
    for row in rows:
        table.add_row(*(str(row[name] or "-") for name in row if name != "right_of_30"))
    Console().print(table)


def pull_models(names: Sequence[str], origin: str = AUTO) -> None:
    """Get models, with a progress bar each; `origin` is AUTO, parts, hub or a path. Raises ModelError."""
    store = ModelStore()
    wanted = [store.model(name) for name in names]
    for model in wanted:
        pull_model(store, model, origin)


def pull_model(store: ModelStore, model: Model, origin: str = AUTO) -> None:
    """Get a model with a progress bar that says how much time is left, ready for use. Raises ModelError."""
    from inference.models.download import pull

    origins: dict[str, Literal["parts", "hub"] | None] = {AUTO: None, "parts": "parts", "hub": "hub"}
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns) as bars:
        tasks: dict[str, TaskID] = {}

        def progress(file: str, done: int, total: int) -> None:
            if file not in tasks:
                tasks[file] = bars.add_task(file, total=total)
            bars.update(tasks[file], completed=done)

        pull(model, store.cache, progress, origins.get(origin, Path(origin).expanduser()))
    if model.role == "llm":
        with Console().status("Preparing it for llama.cpp, once; at most half a minute"):
            prepare_gguf(store.find(model.name, "llm").path, cache_folder() / "gguf")


def verify_models(names: Sequence[str]) -> int:
    """Print what is wrong with each model; return 6 when anything is."""
    store = ModelStore()
    status = 0
    for name in names or [name for name in store.models if store.installed(name)]:
        problems = store.verify(name)
        typer.echo(f"{name}: {'; '.join(problems) or 'ok'}")
        status = 6 if problems else status
    return status
