"""`voice-app tools`: lists the skills and the schemas of their arguments, says whose a turn is, and calls one."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Annotated

import typer

from voice_app.cli.options import Backend, Json, Model, flags, model_flags

if TYPE_CHECKING:
    from voice_app.skills.skill import Outcome, Skill
    from voice_app.skills.timer.timers import Timers

tools_app = typer.Typer(
    help="What the assistant does beside chatting: listing it, calling it.", invoke_without_command=True
)


@tools_app.callback()
def list_tools(context: typer.Context, json_: Json = False) -> None:
    """List the skills and the schemas of their arguments."""
    if context.invoked_subcommand:
        return
    from rich.console import Console
    from rich.table import Table

    from voice_app.skills.json_grammar import grammar_of

    skills, _ = _skills()
    if json_:
        rows = [
            {"name": skill.name, "about": skill.about}
            | (
                {"arguments": skill.arguments.model_json_schema(), "grammar": grammar_of(skill.arguments)}
                if skill.arguments
                else {}
            )
            for skill in skills
        ]
        typer.echo(json.dumps(rows, indent=2))
        return
    table = Table("skill", "what for", "arguments")
    for skill in skills:
        table.add_row(
            skill.name, skill.about, ", ".join(skill.arguments.model_fields if skill.arguments else ())
        )
    Console().print(table)


@tools_app.command("route")
def route_text(
    texts: Annotated[
        list[str], typer.Argument(metavar="TEXT…", help="What the user says; the last text after the others.")
    ],
    json_: Json = False,
    llm: Backend = None,
    model: Model = None,
) -> None:
    """Say which skill a turn is for, and with which arguments; nothing is done.

    The language model is loaded only where it has to be asked.
    """
    from voice_app.cli.routing import routed
    from voice_app.runtime.settings import load_settings

    settings = load_settings(**flags(models=model_flags(llm, model)))
    row = routed(texts, settings)
    if json_:
        typer.echo(json.dumps(row, ensure_ascii=False))
    else:
        calls = row.get("calls", [row])
        typer.echo("; ".join(f"{call['skill']} {call['arguments']}" for call in calls) + f" by {row['by']}")


@tools_app.command("call")
def call(
    name: Annotated[str, typer.Argument(help="A skill of `voice-app tools` with arguments.")],
    arguments: Annotated[str, typer.Argument(help="Its arguments, a JSON object.")],
    json_: Json = False,
) -> None:
    """Call a skill and print its answer; a timer is waited for, until it rings.

    Exit status 1 where the skill has no answer, 2 for arguments that it doesn't take.
    """
    from pydantic import ValidationError

    from voice_app.core.errors import ToolError

    skills, timers = _skills()
    if name not in (known := {skill.name: skill for skill in skills if skill.run}):
        raise typer.BadParameter(f"there is no tool {name!r}; there are: {', '.join(known)}")
    try:
        asyncio.run(_call(known[name], arguments, timers, json_))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise typer.BadParameter(f"{where + ': ' if where else ''}{first['msg']}") from None
    except ToolError as error:
        if json_:
            typer.echo(json.dumps({"name": name, "error": str(error)}))
        else:
            typer.echo(str(error), err=True)
        raise typer.Exit(ToolError.exit_code) from None


def _skills() -> tuple[tuple[Skill, ...], Timers]:
    from inference.models.store import cache_folder
    from voice_app.runtime.settings import load_settings
    from voice_app.skills.registry import SkillValues, session_skills

    values = SkillValues(notes_folder=load_settings().notes.folder, cache=cache_folder() / "notes")
    return session_skills(values), values.timers


async def _call(skill: Skill, arguments: str, timers: Timers, as_json: bool) -> None:
    assert skill.run
    assert skill.arguments
    outcome = skill.run(skill.arguments.model_validate_json(arguments))
    _print(skill, outcome, as_json)
    if outcome.effect is None:
        return
    rung = asyncio.Event()

    def ring(text: str) -> None:
        typer.echo(text, err=as_json)
        rung.set()

    timers.rings = ring
    outcome.effect()
    if timers.running():
        await rung.wait()


def _print(skill: Skill, outcome: Outcome, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"name": skill.name, "output": outcome.text, "sources": outcome.sources}))
    else:
        typer.echo(outcome.text)
