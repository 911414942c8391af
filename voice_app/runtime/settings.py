"""Settings: defaults < TOML file < environment < flags. Unknown keys are refused with the nearest known name."""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from voice_app.core.errors import ConfigError

APP = "voice-app"
ENV_PREFIX = "VOICE_APP_"
ENV_ELSEWHERE = {"VOICE_APP_CACHE", "VOICE_APP_CONFIG"}
"""Variables of this prefix that are not settings: the model cache's folder, and the settings file itself."""
LARGEST_FILE_BYTES = 64 * 1024


AUTO = "auto"


Preset = Literal["fast", "balanced", "smart"]
"""Whether replies are quick or good: `fast` keeps the budget, whatever that costs in answers; `balanced` takes the best
answers within one and a half budgets; `smart` takes the best answers."""
PRESETS: tuple[Preset, ...] = get_args(Preset)


BACKENDS = ("llama.cpp", "lpu", "lpu-delegated", "openai")
"""What can run the language model."""


class Section(BaseModel):
    """A table of the settings file."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Models(Section):
    """Names of the manifest, or paths."""

    stt: str = "whisper-tiny.en"
    llm: str = AUTO
    """"auto": the one that the preset takes on this machine."""
    preset: Preset = "balanced"
    tts: str = "piper-en_US-joe-medium"
    turn: str = "smart-turn-v3.2"
    """Judges by sound whether a turn is over, where the words are ambiguous; empty or missing: the words alone."""
    llm_backend: str = Field(BACKENDS[0], pattern=f"^({'|'.join(map(re.escape, BACKENDS))})$")
    """lpu: the emulated chip computes the tokens; lpu-delegated: llama.cpp does, at the times of a chip that holds the
    model of `lpu_shape`; openai: the endpoint of the table `openai` does."""
    paced: bool = False
    """Whether an emulated chip's tokens wait until the chip would have them."""
    lpu_shape: str = ""
    """Model whose dimensions give the times of lpu-delegated, a name or a GGUF file; empty: the language model."""
    lpu_chips: int = 1
    """Chips of the emulated pipeline that holds the model of `lpu` or `lpu-delegated`: 1, 2, 4 or whole nodes of 8."""
    thinking: bool = True
    """Whether a language model that can think before it answers may. What it thinks is neither spoken nor kept."""
    context_tokens: int = Field(2048, ge=256, le=131072)
    threads: int = Field(2, ge=1, le=64)
    """The most of the language model; llama.cpp gets one where that is quicker, as beside a busy program."""
    stt_threads: int = Field(2, ge=1, le=64)
    """The most of speech to text, where they encode the sound; it gets one where that is quicker, as beside a busy
    program."""
    tts_threads: int = Field(2, ge=1, le=64)
    """Of the voice. The first sound of a clause comes 6 ms later with one (46 and 40 ms on two cores, medians of three
    conversations each; 50 and 56 beside a busy program, measured)."""


class OpenAi(Section):
    """An OpenAI-compatible endpoint, for the backend "openai": what is said goes there as text, never as sound."""

    base_url: str = Field("http://127.0.0.1:8080/v1", pattern=r"^https?://[^/\s@]+[^\s@?#]*$")
    """Up to and with the version; the default is where llama.cpp's server listens."""
    model: str = "default"
    """Its name there; llama.cpp's server takes any."""
    key_variable: str = "OPENAI_API_KEY"
    """The environment variable with the key, which stands in no file."""
    local_model: bool = True
    """Whether the local model is loaded, too: it judges whether a turn is over, writes what a grammar holds, and
    answers where the endpoint is late or fails."""
    local_after_ms: int = Field(0, ge=0, le=60_000)
    """How long the endpoint's first token may take before the local model answers; 0: what the budget allots."""
    connect_ms: int = Field(2000, ge=10, le=60_000)
    first_token_ms: int = Field(30_000, ge=10, le=600_000)
    """From the request on. A server reads the whole prompt first, and may have to load its model; one that shares two
    busy cores took 10 s for 220 tokens, measured."""
    token_ms: int = Field(10_000, ge=10, le=600_000)
    """From one token to the next."""
    context_tokens: int = Field(8192, ge=256, le=10_000_000)


class AudioDevices(Section):
    """Sound cards: an index or a part of a name; empty means the system's default."""

    input: str = ""
    output: str = ""
    barge_in: bool = True
    echo_cancel: Literal["auto", "on", "off"] = "auto"
    """Whether the loudspeaker's sound is taken out of the microphone's; auto: where the package for it is there."""


class TurnTaking(Section):
    """When speech begins and a turn ends."""

    threshold: float = Field(0.5, gt=0, lt=1)
    end_silence_ms: int = Field(600, ge=100, le=5000)
    """Silence that ends a turn while its words are unknown; the next three are for words that are known."""
    finished_ms: int = Field(200, ge=64, le=5000)
    unsure_ms: int = Field(450, ge=64, le=5000)
    unfinished_ms: int = Field(950, ge=64, le=10000)
    budget_ms: int = Field(300, ge=50, le=10000)
    """Last voiced sample to first audible one; replies do what they can to keep within it."""
    openers: bool = True
    """Whether "Well," or the like may fill the wait if a reply is going to take longer than twice the budget."""
    drafting: bool = True
    """Whether replies are drafted while the user pauses."""
    partial_every_ms: int = Field(400, ge=0, le=60000)
    """0 switches partial transcripts off."""


class NotesSection(Section):
    """The user's own notes, which a spoken question may search."""

    folder: str = ""
    """Folder of Markdown and text files; empty: none."""


class Thinking(Section):
    """How a question is thought about that begins with "think harder"."""

    samples: int = Field(5, ge=2, le=32)
    """Answers that are compared."""
    budget_ms: int = Field(4000, ge=100, le=120_000)
    """Time for all of them; an answer that is not ready by then does not count."""


class Settings(BaseSettings):
    """All settings."""

    model_config = SettingsConfigDict(
        extra="forbid", frozen=True, env_prefix=ENV_PREFIX, env_nested_delimiter="__"
    )

    persona: str = "plain"
    models: Models = Models()
    openai: OpenAi = OpenAi()
    audio: AudioDevices = AudioDevices()
    turn: TurnTaking = TurnTaking()
    memory: Literal["persona", "shared", "off"] = "persona"
    """Whether what the user asks to remember is kept by each persona for itself, by all together, or not at all."""
    notes: NotesSection = NotesSection()
    thinking: Thinking = Thinking()
    keep_log: bool = True
    """Whether sessions are logged (events and texts, never sound) in the state folder."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return the sources: flags before the environment before the file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, toml_file=config_path())


def config_path() -> Path:
    """Return where the settings file is looked for."""
    named = os.environ.get("VOICE_APP_CONFIG")
    return Path(named) if named else platformdirs.user_config_path(APP) / "config.toml"


def state_dir() -> Path:
    """Return where session logs are kept."""
    return platformdirs.user_state_path(APP)


def data_dir() -> Path:
    """Return the folder of what the user wants to keep, as the memories."""
    return platformdirs.user_data_path(APP)


def load_settings(**flags: Any) -> Settings:
    """Read the settings; `flags` are nested like the file and win. Raises ConfigError with one line."""
    path = config_path()
    named = "VOICE_APP_CONFIG" in os.environ
    if named and not path.is_file():
        raise ConfigError(f"{path}: there is no such settings file")
    if path.is_file() and path.stat().st_size > LARGEST_FILE_BYTES:
        raise ConfigError(f"{path}: a settings file has at most {LARGEST_FILE_BYTES} bytes")
    _refuse_unknown_variables()
    try:
        return Settings(**flags)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid TOML ({error})") from None
    except OSError as error:
        raise ConfigError(f"{path}: can't be read ({error.strerror})") from None
    except ValidationError as error:
        raise ConfigError(_explain(error)) from None


def _refuse_unknown_variables() -> None:
    known = {ENV_PREFIX + "__".join(key).upper() for key in _keys(Settings)} | ENV_ELSEWHERE
    for variable in os.environ:
        if variable.upper().startswith(ENV_PREFIX) and variable.upper() not in known:
            raise ConfigError(f"unknown environment variable {variable}{_nearest(variable.upper(), known)}")


def _keys(model: type[BaseModel], above: tuple[str, ...] = ()) -> Iterable[tuple[str, ...]]:
    """Yield the path of every setting, of the sections too."""
    for name, field in model.model_fields.items():
        yield (*above, name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _keys(field.annotation, (*above, name))


def _explain(error: ValidationError) -> str:
    """Return one line for the first thing that is wrong."""
    first = error.errors()[0]
    key = ".".join(map(str, first["loc"]))
    if first["type"] == "extra_forbidden":
        return f"unknown setting {key!r}{_nearest(key, ['.'.join(path) for path in _keys(Settings)])}"
    given = re.sub(r"//[^/\s]*@", "//***@", repr(first["input"]))  # an address may hold a password
    return f"setting {key!r}: {first['msg']}, not {given}"


def _nearest(name: str, known: Sequence[str] | set[str]) -> str:
    near = difflib.get_close_matches(name, sorted(known), 1)
    return f"; did you mean {near[0]!r}?" if near else ""
