"""`voice-app demo`: without a name a conversation of several turns; each demonstration is a command of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from voice_app.cli.book_command import book
from voice_app.cli.options import Backend, Json, Model, PersonaName, PresetName, Voice, flags, model_flags

demo_app = typer.Typer(add_completion=False, rich_markup_mode=None)
demo_app.command("book")(book)

Out = Annotated[Path, typer.Option(help="Folder for the questions, the reply's sound and the events.")]


@demo_app.callback(invoke_without_command=True)
def demo(  # noqa: PLR0913
    context: typer.Context,
    out: Out = Path("demo-out"),
    llm: Backend = None,
    model: Model = None,
    voice: Voice = None,
    persona: PersonaName = None,
    preset: PresetName = None,
) -> None:
    """Hold a conversation of several turns, its own voice asking, and show where the time goes."""
    if context.invoked_subcommand is not None:
        return
    from voice_app.demos.questions import run_demo
    from voice_app.runtime.settings import load_settings

    settings = load_settings(**flags(persona=persona, models=model_flags(llm, model, voice, preset=preset)))
    raise typer.Exit(run_demo(settings, out))


Backends = Annotated[str, typer.Option("--llm", help="llama.cpp, lpu (the emulated chip), or both.")]
NoAudio = Annotated[bool, typer.Option("--no-audio", help="Type the requests; nothing is spoken or heard.")]
Mic = Annotated[bool, typer.Option("--mic", help="Say the requests yourself.")]
Folder = Annotated[
    Path | None, typer.Option("--out", help="Folder for the sound and the events; else the loudspeaker.")
]
Estimates = Annotated[bool, typer.Option(help="Say what modelled systems of chips would take.")]
BACKENDS = {"llama.cpp": ("llama.cpp",), "lpu": ("lpu",), "both": ("llama.cpp", "lpu")}
SCRIPTS = {
    "itinerary": "Ask for two days in New York City, aloud; the answer grows on the screen. "
    "Fails when it is no itinerary.",
    "table": "Ask for the itinerary, then as a table, with one more column, and for another city. "
    "Fails if anything is lost.",
}
JSON_OUTPUT = "--json prints an object; with --llm both a list of two, llama.cpp's first."


def table_demo(  # noqa: PLR0913 - each parameter is an option of the command line
    context: typer.Context,
    llm: Backends = "llama.cpp",
    model: Model = None,
    voice: Voice = None,
    mic: Mic = False,
    no_audio: NoAudio = False,
    out: Folder = None,
    estimates: Estimates = True,
    json: Json = False,
) -> None:
    """Hold the turns of the script that the command is named after."""
    from voice_app.demos.table_demo import TableDemo, run_tables
    from voice_app.runtime.settings import load_settings

    if llm not in BACKENDS:
        raise typer.BadParameter(f"--llm is llama.cpp, lpu or both, not {llm!r}")
    settings = load_settings(**flags(models=model_flags(None, model, voice)))
    demo = TableDemo(context.command.name or "", BACKENDS[llm], not no_audio, mic, out, json, estimates)
    raise typer.Exit(run_tables(settings, demo))


for script, about in SCRIPTS.items():
    demo_app.command(script, help=f"{about}\n\n{JSON_OUTPUT}")(table_demo)


@demo_app.command()
def compare(
    question: Annotated[str, typer.Argument(help="What both are asked.")],
    model: Model = None,
    persona: PersonaName = None,
    json: Json = False,
) -> None:
    """Ask llama.cpp and the emulated chip the same question, as a race: measured beside emulated time."""
    from voice_app.demos.race import run_race
    from voice_app.runtime.settings import load_settings

    if not question.strip():
        raise typer.BadParameter("the question has no words")
    settings = load_settings(**flags(persona=persona, models=model_flags(model=model)))
    raise typer.Exit(run_race(settings, question, json))
