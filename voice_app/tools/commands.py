"""`voice-app tools`: lists the local tools and their schemas, and calls one."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from voice_app.errors import ToolError
from voice_app.tools.grammar import grammar_of
from voice_app.tools.tool import Tool
from voice_app.tools.toolbox import toolbox

tools_app = typer.Typer(help="The local tools: listing them, calling one.", invoke_without_command=True)
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@tools_app.callback()
def list_tools(context: typer.Context, json_: Json = False) -> None:
    """List the tools and the schemas of their arguments."""
    if context.invoked_subcommand:
        return
    tools = toolbox()
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
    """Call a tool and print its answer; exit status 1 where it has none, 2 for arguments that it doesn't take."""
    tool = _find(name)
    try:
        outcome = tool.run(tool.arguments.model_validate_json(arguments))
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
    if json_:
        typer.echo(json.dumps({"name": name, "output": outcome.text, "sources": outcome.sources}))
    else:
        typer.echo(outcome.text)


def _find(name: str) -> Tool:
    tools = {tool.name: tool for tool in toolbox()}
    if name not in tools:
        raise typer.BadParameter(f"there is no tool {name!r}; there are: {', '.join(tools)}")
    return tools[name]
