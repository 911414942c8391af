"""Personas: what a model is told of who it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from voice_app.core.errors import PersonaError
from voice_app.runtime.persona import load_persona, persona_names

VARIED = """
name = "varied"
description = "For tests"
prompt = "for all"

[sampling]
temperature = 0.5

[[examples]]
user = "a"
assistant = "b"

[models."tiny"]
prompt = "for tiny ones"

[models."tiny-coder"]
prompt = "for tiny coders"
sampling = { temperature = 0.0 }
examples = [{ user = "c", assistant = "d" }, { user = "e", assistant = "f" }]
"""


@pytest.fixture
def varied(tmp_path: Path) -> str:
    """Return the path of a persona with two variants."""
    path = tmp_path / "varied.toml"
    path.write_text(VARIED)
    return str(path)


@pytest.mark.parametrize(
    ("model", "prompt", "messages", "temperature"),
    [
        ("other-1b", "for all", 3, 0.5),
        ("tiny-2b-instruct", "for tiny ones", 1, 0.5),
        ("tiny-coder-2b", "for tiny coders", 5, 0.0),
        ("/some/folder/Tiny-Coder-2b-q4.gguf", "for tiny coders", 5, 0.0),
        ("/tiny-coder/other.gguf", "for all", 3, 0.5),
    ],
)
def test_the_longest_beginning_of_a_model_s_name_decides(
    varied: str, model: str, prompt: str, messages: int, temperature: float
) -> None:
    """A variant replaces prompt and examples, and the way tokens are drawn where it says one; the rest stays."""
    persona = load_persona(varied).for_model(model)

    assert persona.prompt == prompt
    assert len(persona.messages()) == messages
    assert persona.draw().temperature == temperature
    assert persona.name == "varied"


def test_an_unknown_key_of_a_variant_is_one_line(tmp_path: Path) -> None:
    """A misspelt key is refused with its place."""
    path = tmp_path / "bad.toml"
    path.write_text('name = "x"\ndescription = ""\n[models.tiny]\nprompt = "a"\nprmpt = "b"\n')

    with pytest.raises(PersonaError, match="models.tiny.prmpt"):
        load_persona(str(path))


@pytest.mark.parametrize("name", persona_names())
def test_the_recommended_model_is_told_who_it_is(name: str) -> None:
    """By itself it takes itself for others: every bundled persona names this program and the model."""
    persona = load_persona(name).for_model("qwen2.5-coder-1.5b-instruct")

    assert "Voice App" in persona.prompt
    assert "Qwen2.5-Coder" in persona.prompt
    assert load_persona(name).for_model("smollm2-135m-instruct") == load_persona(name)
