"""The models that are known by name: what they are, their files, and where those come from."""

from __future__ import annotations

import tomllib
from collections import Counter
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from inference.assets import asset
from inference.errors import ModelError

Role = Literal["stt", "llm", "tts", "turn"]

_MAX_MANIFEST_BYTES = 1 << 20
_PART = r"[A-Za-z0-9_][A-Za-z0-9_.+-]*"

Name = Annotated[str, StringConstraints(pattern=rf"^{_PART}$", max_length=64)]
RelativePath = Annotated[str, StringConstraints(pattern=rf"^{_PART}(/{_PART})*$", max_length=256)]
"""Stays inside any folder it is joined to: no part starts with a dot, there is no root, no drive."""
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class ModelFile(_Frozen):
    """One file of a model."""

    path: RelativePath
    """Relative to the folder of the model."""
    size_bytes: int = Field(gt=0)
    sha256: Sha256
    hub_path: RelativePath | None = None
    """Its path in the hub's repository, when that differs from `path`."""


class PackageSource(_Frozen):
    """A Python package that carries the files of a model."""

    distribution: Name
    """As pip calls it."""
    module: Name
    folder: Literal["."] | RelativePath
    """Of the files, relative to the module."""


class HubSource(_Frozen):
    """A repository of Hugging Face at a fixed commit."""

    repo: Annotated[str, StringConstraints(pattern=rf"^{_PART}/{_PART}$", max_length=128)]
    revision: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}$")]


class Model(_Frozen):
    """One model of the manifest."""

    name: Name
    role: Role
    description: str
    licence: str
    files: Annotated[tuple[ModelFile, ...], Field(min_length=1, strict=False)]
    """The file that the engine opens comes first."""
    context_tokens: int | None = None
    """Of a language model: the longest text it was trained for."""
    package: PackageSource | None = None
    hub: HubSource | None = None

    @property
    def size_bytes(self) -> int:
        """Of all its files."""
        return sum(file.size_bytes for file in self.files)


class _Manifest(_Frozen):
    model: Annotated[tuple[Model, ...], Field(strict=False)]


def load_manifest(path: Path | None = None) -> dict[str, Model]:
    """Return the models of a manifest by name, in its order. Raises ModelError for a bad one.

    Without `path` it is the one that ships with the program.
    """
    path = path or asset("manifest.toml")
    try:
        if path.stat().st_size > _MAX_MANIFEST_BYTES:
            raise ModelError(f"{path}: a manifest of more than {_MAX_MANIFEST_BYTES >> 20} MB is refused")
        models = _Manifest.model_validate(tomllib.loads(path.read_text("utf-8"))).model
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ModelError(f"{path}: {where}: {first['msg']}; correct the manifest") from error
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{path}: the manifest can't be read: {error}") from error
    twice = [name for name, count in Counter(model.name for model in models).items() if count > 1]
    if twice:
        raise ModelError(f"{path}: the model {twice[0]!r} stands there twice; rename one")
    return {model.name: model for model in models}
