"""`voice-app chat`: options in, a screen and a session out. Textual is loaded when the command runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from voice_app.cli.options import Backend, Model, PersonaName, PresetName, Stt, Voice, flags, model_flags


def chat(  # noqa: PLR0913 - each parameter is an option of the command line
    replay: Annotated[
        Path | None, typer.Option(help="Show a recorded session from its log (JSONL) instead of holding one.")
    ] = None,
    speed: Annotated[float, typer.Option(min=0.01, max=1000, help="With --replay: how fast.")] = 1.0,
    events: Annotated[
        Path | None, typer.Option(help="Append the session's events to this JSONL file.")
    ] = None,
    keep_audio: Annotated[
        bool, typer.Option("--keep-audio", help="Keep the session's sound, so that it can be exported.")
    ] = False,
    welcome: Annotated[
        bool,
        typer.Option("--welcome", help="Greet with what was found on this machine, as at the first start."),
    ] = False,
    llm: Backend = None,
    model: Model = None,
    voice: Voice = None,
    stt: Stt = None,
    persona: PersonaName = None,
    preset: PresetName = None,
    mic: Annotated[
        str | None, typer.Option(help="Microphone: index or part of the name (`devices`).")
    ] = None,
    speaker: Annotated[str | None, typer.Option(help="Loudspeaker: index or part of the name.")] = None,
) -> None:
    """Talk and type on a screen that shows what is heard, answered and spoken, and where the time goes."""
    if replay is not None:
        from voice_app.tui.launch import run_replay

        raise typer.Exit(run_replay(replay, speed))
    from voice_app.runtime.settings import load_settings
    from voice_app.tui.launch import ChatOptions, run_chat

    settings = load_settings(
        **flags(
            persona=persona,
            models=model_flags(llm, model, voice, stt, preset),
            audio={"input": mic, "output": speaker},
        )
    )
    raise typer.Exit(run_chat(settings, ChatOptions(events, keep_audio, welcome)))
