"""Options that several commands have, and how what was given becomes settings."""

from __future__ import annotations

from typing import Annotated, Any

import typer

Model = Annotated[
    str | None, typer.Option("--model", help="Language model: a name (`models list`) or a GGUF file.")
]
Backend = Annotated[
    str | None,
    typer.Option(
        "--llm",
        help="What runs the language model: llama.cpp; lpu, the emulated chip; lpu-delegated; openai, an endpoint.",
    ),
]
Backends = Annotated[str | None, typer.Option("--llm", help="llama.cpp, lpu (the emulated chip), or both.")]
Voice = Annotated[
    str | None, typer.Option("--voice", help="Voice: a name (`models list`) or a Piper .onnx file.")
]
Stt = Annotated[str | None, typer.Option("--stt", help="Speech to text: a name (`models list`) or a folder.")]
PresetName = Annotated[
    str | None,
    typer.Option(
        "--preset", help="Without --model: fast, balanced or smart answers, measured on this machine."
    ),
]
PersonaName = Annotated[str | None, typer.Option("--persona", help="Who answers: a name or a TOML file.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
TokenMs = Annotated[
    float | None, typer.Option(min=0, help="Declared: time of a token, of a language model elsewhere.")
]
FirstTokenMs = Annotated[float | None, typer.Option(min=0, help="Declared: time to its first token.")]


def model_flags(
    llm: str | None = None,
    model: str | None = None,
    voice: str | None = None,
    stt: str | None = None,
    preset: str | None = None,
) -> dict[str, Any]:
    """Return the settings' table of models as options name them."""
    return {"llm_backend": llm, "llm": model, "tts": voice, "stt": stt, "preset": preset}


def flags(**given: Any) -> dict[str, Any]:
    """Return only what was given, nested like the settings."""
    kept = {key: flags(**value) if isinstance(value, dict) else value for key, value in given.items()}
    return {key: value for key, value in kept.items() if value is not None and value != {}}
