"""Who answers: a prompt, example turns, how tokens are drawn, a voice. One TOML file each, in assets/personas.

Some models have a prompt and examples of their own in it.
"""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from inference.assets import asset
from inference.types import Message, Sampling
from voice_app.core.errors import PersonaError

LARGEST_FILE_BYTES = 64 * 1024


class Example(BaseModel):
    """An exchange that shows how to answer."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    user: str
    assistant: str


class Draw(BaseModel):
    """How tokens are drawn; see inference.types.Sampling."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    temperature: float = Field(0.0, ge=0, le=2)
    top_p: float = Field(0.95, gt=0, le=1)
    top_k: int = Field(40, ge=1, le=1000)
    min_p: float = Field(0.05, ge=0, le=1)
    repeat_penalty: float = Field(1.1, ge=1, le=2)
    seed: int = Field(0, ge=0)


class Variant(BaseModel):
    """What a persona is told where a certain model speaks for it: models differ in what they need to hear."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    prompt: str
    examples: tuple[Example, ...] = ()
    sampling: Draw | None = None
    """None: as the persona's."""


class Persona(BaseModel):
    """A persona as its file says it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    description: str
    prompt: str = ""
    """The system message; must not change from turn to turn, or the model's cache is lost."""
    examples: tuple[Example, ...] = ()
    sampling: Draw = Draw()
    max_tokens: int = Field(120, ge=1, le=4096)
    voice: str | None = None
    """Name of a voice in the models' manifest; None leaves the configured one."""
    speed: float = Field(1.0, ge=0.5, le=2.0)
    models: dict[str, Variant] = {}
    """By how the names of the models begin that it is for."""

    def for_model(self, name_or_path: str) -> Persona:
        """Return the persona as a language model is to be told of it: by the longest beginning of its name."""
        name = Path(name_or_path).name.lower()
        fitting = [key for key in self.models if name.startswith(key)]
        if not fitting:
            return self
        variant = self.models[max(fitting, key=len)]
        told = {"prompt": variant.prompt, "examples": variant.examples}
        return self.model_copy(update={**told, "sampling": variant.sampling or self.sampling})

    def messages(self) -> tuple[Message, ...]:
        """Return the messages that stand before every conversation."""
        system = (Message("system", self.prompt),) if self.prompt else ()
        shown = [
            message
            for example in self.examples
            for message in (Message("user", example.user), Message("assistant", example.assistant))
        ]
        return (*system, *shown)

    def draw(self) -> Sampling:
        """Return how tokens are drawn."""
        return Sampling(**self.sampling.model_dump())


def persona_names() -> list[str]:
    """Return the names of the personas that come with the program."""
    return sorted(path.stem for path in asset("personas").glob("*.toml"))


def load_persona(name_or_path: str) -> Persona:
    """Load a bundled persona by name, or one's own by the path of its file. Raises PersonaError."""
    path = Path(name_or_path)
    if path.suffix != ".toml":
        names = persona_names()
        if name_or_path not in names:
            near = difflib.get_close_matches(name_or_path, names, 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise PersonaError(f"unknown persona {name_or_path!r}{hint} (there are: {', '.join(names)})")
        path = asset(f"personas/{name_or_path}.toml")
    try:
        if path.stat().st_size > LARGEST_FILE_BYTES:
            raise PersonaError(f"{path}: a persona file has at most {LARGEST_FILE_BYTES} bytes")
        return Persona.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise PersonaError(f"{path}: can't be read ({error.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PersonaError(f"{path}: not valid TOML ({error})") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise PersonaError(f"{path}: {where}: {first['msg']}") from None
