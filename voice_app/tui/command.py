"""`voice-app chat`: options in, a screen and a session out. Textual is loaded when the command runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def chat(  # noqa: PLR0913 - each parameter is an option of the command line
    replay: Annotated[
        Path | None, typer.Option(help="Show a recorded session from its log (JSONL) instead of holding one.")
    ] = None,
    speed: Annotated[float, typer.Option(min=0.01, max=1000, help="With --replay: how fast.")] = 1.0,
) -> None:
    """Talk and type on a screen of its own, with everything that happens shown."""
    from voice_app.tui.run import run_replay

    if replay is not None:
        raise typer.Exit(run_replay(replay, speed))
