"""`voice-app memory`: what is remembered: shown, changed, forgotten, exported, imported."""

from __future__ import annotations

import contextlib
import json as json_
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voice_app.cli.options import Json, PersonaName, flags

if TYPE_CHECKING:
    from voice_app.skills.memory.entries import Entry
    from voice_app.skills.memory.store import Memory

memory_app = typer.Typer(
    help="What the assistant was asked to remember: see it, change it, forget it, take it elsewhere.",
    no_args_is_help=True,
)

Number = Annotated[int, typer.Argument(metavar="ID", help="Number of the entry (`memory list`).")]
Yes = Annotated[bool, typer.Option("--yes", help="Don't ask.")]


class ExportFormat(StrEnum):
    """What an exported memory is for."""

    JSON = "json"
    MARKDOWN = "md"


@memory_app.command("list")
def list_entries(persona: PersonaName = None, json: Json = False) -> None:
    """List what is remembered."""
    from voice_app.skills.memory.transfer import line, row

    with _memory(persona) as (memory, name):
        entries = memory.entries()
    if json:
        typer.echo(json_.dumps({"persona": name, "entries": [row(e) for e in entries]}, ensure_ascii=False))
        return
    for entry in entries:
        typer.echo(f"{entry.id:4}  {entry.kind:13}  {line(entry)}  ({entry.changed[:10]})")
    if not entries:
        typer.echo(f"{name} remembers nothing; say or type: remember that …")


@memory_app.command()
def add(
    text: Annotated[str, typer.Argument(help="What to remember, in your words.")],
    persona: PersonaName = None,
    json: Json = False,
) -> None:
    """Remember something."""
    from voice_app.skills.memory.entries import Note

    with _memory(persona) as (memory, _):
        _show([memory.remember(Note("fact", text))], "remembered", json)


@memory_app.command()
def edit(
    number: Number,
    text: Annotated[str, typer.Argument(help="What it says from now on.")],
    persona: PersonaName = None,
    json: Json = False,
) -> None:
    """Give an entry another text."""
    with _memory(persona) as (memory, _):
        _show([memory.edit(number, text)], "changed", json)


@memory_app.command()
def delete(
    numbers: Annotated[list[int], typer.Argument(metavar="ID...", help="Numbers of the entries.")],
    persona: PersonaName = None,
    json: Json = False,
) -> None:
    """Forget entries."""
    with _memory(persona) as (memory, _):
        _show(memory.delete(numbers), "forgotten", json)


@memory_app.command("forget-all")
def forget_all(persona: PersonaName = None, yes: Yes = False, json: Json = False) -> None:
    """Forget everything."""
    with _memory(persona) as (memory, name):
        count = len(memory.entries())
        if count and not yes:
            typer.confirm(f"Forget all {count} entries of {name}?", abort=True, err=True)
        count = memory.forget_all()
    typer.echo(json_.dumps({"forgotten": count}) if json else f"forgotten: {count} entries")


@memory_app.command()
def say(
    word: Annotated[str, typer.Argument(help="A word, as it is written.")],
    pronunciation: Annotated[
        str, typer.Argument(help="As it sounds: EE-gor, or phonemes between slashes: /ˈiːɡɔːɹ/.")
    ],
    persona: PersonaName = None,
    json: Json = False,
) -> None:
    """Set how the voice pronounces a word."""
    from voice_app.skills.memory.entries import Note

    with _memory(persona) as (memory, _):
        _show([memory.remember(Note("pronunciation", pronunciation, word))], "remembered", json)


@memory_app.command()
def export(
    file: Annotated[str, typer.Argument(help="A new file; - writes to the standard output.")],
    persona: PersonaName = None,
    format_: Annotated[
        ExportFormat, typer.Option("--format", help="json can be imported again.")
    ] = ExportFormat.JSON,
) -> None:
    """Write everything that is remembered to a file."""
    from voice_app.skills.memory.transfer import as_json, as_markdown

    with _memory(persona) as (memory, name):
        entries = memory.entries()
    text = (as_json if format_ is ExportFormat.JSON else as_markdown)(entries, name)
    if file == "-":
        typer.echo(text, nl=False)
    else:
        _write_new(Path(file), text)
        typer.echo(f"{file}: {len(entries)} entries", err=True)


@memory_app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="A file of `memory export --format json`.")],
    persona: PersonaName = None,
    json: Json = False,
) -> None:
    """Add what an exported file has to what is remembered already."""
    from voice_app.skills.memory.transfer import notes

    found = notes(file)
    with _memory(persona) as (memory, _):
        _show(memory.take(found), "remembered", json)


@contextlib.contextmanager
def _memory(persona: str | None) -> Iterator[tuple[Memory, str]]:
    """Open the memory of a persona, that of the settings unless one is named; print its warnings."""
    from voice_app.runtime.persona import load_persona
    from voice_app.runtime.settings import data_dir, load_settings
    from voice_app.skills.memory.store import SHARED, Memory, memory_path

    settings = load_settings(**flags(persona=persona))
    is_shared = settings.memory == "shared" and persona is None
    name = SHARED if is_shared else load_persona(settings.persona).name
    memory = Memory(memory_path(name, data_dir() / "memory"))
    if memory.notice:
        typer.echo(f"voice-app: {memory.notice}", err=True)
    try:
        yield memory, name
    finally:
        memory.close()


def _show(entries: Sequence[Entry], done: str, json: bool) -> None:
    """Print what was done to entries."""
    from voice_app.skills.memory.transfer import line, row

    if json:
        typer.echo(json_.dumps({"entries": [row(entry) for entry in entries]}, ensure_ascii=False))
        return
    for entry in entries:
        typer.echo(f"{done}: {entry.id}  {line(entry)}")


def _write_new(path: Path, text: str) -> None:
    """Write a file that is its owner's alone. Raises MemoryFileError, also where there is one already."""
    from voice_app.core.errors import MemoryFileError
    from voice_app.io.files import write_new

    try:
        write_new(path, text)
    except OSError as error:
        raise MemoryFileError(path, f"can't be written ({error.strerror}); choose another file") from None
