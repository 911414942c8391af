"""`voice-app transcribe`: the options, and where each file's transcript goes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from voice_app.cli.options import Stt, flags, model_flags
from voice_app.cli.transcription.formats import FileTranscript, TranscriptFormat, transcript_row, write
from voice_app.core.errors import VoiceAppError, exit_code
from voice_app.io.files import refuse_existing, write_whole


def transcribe(
    files: Annotated[list[Path], typer.Argument(help="Sound files of any length.")],
    form: Annotated[
        TranscriptFormat | None,
        typer.Option(
            "--format",
            help="text: a line a paragraph; srt, vtt: subtitles; json: with the times of words. "
            "Without it a line a file.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="File to write, or folder (a name without an ending); - or nothing: standard output."
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite files that exist.")] = False,
    stt: Stt = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON, a line a file, without times of words.")
    ] = False,
) -> None:
    """Write down what is said in sound files: text, subtitles, or JSON."""
    if as_json and (form or out):
        raise typer.BadParameter("--json goes alone; --format json can be written with --out")
    targets = _targets(files, form, out)
    raise typer.Exit(_run(targets, form, as_json, force, stt))


Target = tuple[Path, Path | None]
"""A sound file, and the file that its transcript goes to; None: the standard output."""


def _targets(files: Sequence[Path], form: TranscriptFormat | None, out: Path | None) -> list[Target]:
    """Return where each transcript goes. Raises BadParameter for options that contradict each other."""
    subtitles = form in (TranscriptFormat.SRT, TranscriptFormat.VTT)
    if out is None or str(out) == "-":
        if subtitles and len(files) > 1:
            raise typer.BadParameter("subtitles of several files need --out FOLDER")
        return [(file, None) for file in files]
    if len(files) == 1 and not _is_folder(out):
        return [(files[0], out)]
    if out.is_file():
        raise typer.BadParameter(f"{out} is a file; the transcripts of several files need a folder")
    targets = [out / (file.stem + (form or TranscriptFormat.TEXT).suffix) for file in files]
    twice = {target for target in targets if targets.count(target) > 1}
    if twice:
        raise typer.BadParameter(f"two files would be written to {min(twice)}; transcribe them one by one")
    return list(zip(files, targets, strict=True))


def _is_folder(out: Path) -> bool:
    return out.is_dir() or (not out.suffix and not out.exists())


def _run(
    targets: Sequence[Target], form: TranscriptFormat | None, as_json: bool, force: bool, stt: str | None
) -> int:
    """Transcribe file by file; return the exit status of the first that fails."""
    from inference.errors import AudioError
    from voice_app.cli.transcription.timed_stt import Transcriber
    from voice_app.runtime.settings import load_settings

    settings = load_settings(**flags(models=model_flags(stt=stt)))
    transcriber, status = Transcriber.load(settings), 0
    for file, target in targets:
        try:
            if target:
                refuse_existing(target, force)
            transcript = transcriber.transcript(file)
            content = _content(transcript, form, as_json)
            if target:
                write_whole(target, content)
            else:
                typer.echo(content, nl=False)
        except (AudioError, VoiceAppError) as error:
            typer.echo(f"voice-app: {error}", err=True)
            status = status or exit_code(error)
    return status


def _content(transcript: FileTranscript, form: TranscriptFormat | None, as_json: bool) -> str:
    if as_json:
        return json.dumps(transcript_row(transcript), ensure_ascii=False) + "\n"
    return write(transcript, form) if form else f"{transcript.text}\n"
