"""`voice-app tools`: lists the local tools and their schemas, and calls one."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Annotated

import typer

from voice_app.cli.options import Json

if TYPE_CHECKING:
    from voice_app.skills.timer.timers import Timers
    from voice_app.skills.tool import Outcome, Tool

tools_app = typer.Typer(help="The local tools: listing them, calling one.", invoke_without_command=True)


@tools_app.callback()
def list_tools(context: typer.Context, json_: Json = False) -> None:
    """List the tools and the schemas of their arguments."""
    if context.invoked_subcommand:
        return
    from rich.console import Console
    from rich.table import Table

    from voice_app.skills.json_grammar import grammar_of

    tools, _ = _toolbox()
    if json_:
        rows = [
            {
                "name": tool.name,
                "about": tool.about,
                "arguments": tool.arguments.model_json_schema(),
                "grammar": grammar_of(tool.arguments),
            }
            for tool in tools
        ]
        typer.echo(json.dumps(rows, indent=2))
        return
    table = Table("tool", "what for", "arguments")
    for tool in tools:
        table.add_row(tool.name, tool.about, ", ".join(tool.arguments.model_fields))
    Console().print(table)


@tools_app.command("call")
def call(
    name: Annotated[str, typer.Argument(help="A tool of `voice-app tools`.")],
    arguments: Annotated[str, typer.Argument(help="Its arguments, a JSON object.")],
    json_: Json = False,
) -> None:
    """Call a tool and print its answer; a timer is waited for, until it rings.

    Exit status 1 where the tool has no answer, 2 for arguments that it doesn't take.
    """
    from pydantic import ValidationError

    from voice_app.core.errors import ToolError

    tools, timers = _toolbox()
    if name not in (known := {tool.name: tool for tool in tools}):
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


def _toolbox() -> tuple[tuple[Tool, ...], Timers]:
    from voice_app.runtime.settings import load_settings
    from voice_app.skills.timer.timers import Timers
    from voice_app.skills.toolbox import toolbox

    timers = Timers()
    return toolbox(load_settings(), timers), timers


async def _call(tool: Tool, arguments: str, timers: Timers, as_json: bool) -> None:
    outcome = tool.run(tool.arguments.model_validate_json(arguments))
    _print(tool, outcome, as_json)
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


def _print(tool: Tool, outcome: Outcome, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"name": tool.name, "output": outcome.text, "sources": outcome.sources}))
    else:
        typer.echo(outcome.text)
