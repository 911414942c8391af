"""`voice-app demo`: without a name a conversation of several turns; each demonstration is a command of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from voice_app.books.command import book
from voice_app.options import Backend, Model, PersonaName, Voice, flags, model_flags

demo_app = typer.Typer(add_completion=False, rich_markup_mode=None)
demo_app.command("book")(book)

Out = Annotated[Path, typer.Option(help="Folder for the questions, the reply's sound and the events.")]


@demo_app.callback(invoke_without_command=True)
def demo(
    context: typer.Context,
    out: Out = Path("demo-out"),
    llm: Backend = None,
    model: Model = None,
    voice: Voice = None,
    persona: PersonaName = None,
) -> None:
    """Hold a conversation of several turns with itself asking, and show where the time goes."""
    if context.invoked_subcommand is not None:
        return
    from voice_app.config import load_settings
    from voice_app.demos.questions import run_demo

    settings = load_settings(**flags(persona=persona, models=model_flags(llm, model, voice)))
    raise typer.Exit(run_demo(settings, out))
