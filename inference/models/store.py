"""Finds the files of a model: a path the user gave, an installed package, the cache; never the network."""

from __future__ import annotations

import difflib
import importlib.util
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from inference.errors import ModelCorrupt, ModelError, ModelMissing, UnknownModel
from inference.models.manifest import Model, PackageSource, Role, load_manifest
from inference.models.verify import content_problem, size_of, size_problem

Source = Literal["path", "package", "cache"]

_WHISPER_FILES = ("model.bin", "config.json", "tokenizer.json")
_MODEL_SUFFIXES = (".gguf", ".onnx", ".bin")


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """A model on this machine."""

    name: str
    role: Role
    paths: tuple[Path, ...]
    """The file that the engine opens comes first."""
    source: Source

    @property
    def path(self) -> Path:
        """Return what the engine's library takes: the folder of a Whisper model, the file of every other."""
        return self.paths[0].parent if self.role == "stt" else self.paths[0]


def cache_folder() -> Path:
    """Return the folder for what can be made or downloaded again: VOICE_APP_CACHE, or the system's place."""
    chosen = os.environ.get("VOICE_APP_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    from platformdirs import user_cache_path

    return user_cache_path("voice-app")


class ModelStore:
    """The models of a manifest, and where their files are."""

    def __init__(self, cache: Path | None = None, manifest: Mapping[str, Model] | None = None) -> None:
        self.cache = cache or cache_folder() / "models"
        """The folder with one folder for every downloaded model."""
        self.models = manifest if manifest is not None else load_manifest()

    def model(self, name: str, role: Role | None = None) -> Model:
        """Return what the manifest says of a model. Raises UnknownModel with the nearest name, ModelError."""
        if name not in self.models:
            names = [model.name for model in self.models.values() if role in (None, model.role)]
            nearest = difflib.get_close_matches(name, names, n=1, cutoff=0.4)
            raise UnknownModel(name, nearest[0] if nearest else None)
        model = self.models[name]
        if role not in (None, model.role):
            raise ModelError(f"the model {name!r} is for {model.role}, not for {role}; choose another")
        return model

    def find(self, name_or_path: str, role: Role) -> ModelFiles:
        """Return the files of a model by name or path; looks at sizes, reads no content.

        Raises ModelMissing with the command that gets it, ModelCorrupt for a file of the wrong size,
        UnknownModel, and ModelError for a model of another role.
        """
        if name_or_path not in self.models and _looks_like_a_path(name_or_path):
            return _find_path(Path(name_or_path).expanduser(), role)
        model = self.model(name_or_path, role)
        corrupt: ModelCorrupt | None = None
        for source, folder in self._folders(model):
            paths = tuple(folder / file.path for file in model.files)
            problems = [size_problem(path, file) for path, file in zip(paths, model.files, strict=True)]
            if not any(problems):
                return ModelFiles(model.name, role, paths, source)
            bad = next(i for i, problem in enumerate(problems) if problem)
            corrupt = corrupt or ModelCorrupt(paths[bad], str(problems[bad]), _how_to_repair(model, source))
        raise corrupt or ModelMissing(model.name, _how_to_get(model))

    def verify(self, name: str) -> list[str]:
        """Return every problem with the size and SHA-256 of an installed model's files; reads all of them.

        Raises ModelMissing and UnknownModel.
        """
        model = self.model(name)
        for _, folder in self._folders(model):
            checks = [(folder / file.path, content_problem(folder / file.path, file)) for file in model.files]
            return [f"{path} {problem}" for path, problem in checks if problem]
        raise ModelMissing(model.name, _how_to_get(model))

    def installed(self, name: str) -> Source | None:
        """Return where `find` takes a model of the manifest from, None when it is missing or corrupt."""
        try:
            return self.find(name, self.model(name).role).source
        except (ModelMissing, ModelCorrupt):
            return None

    def _folders(self, model: Model) -> Iterator[tuple[Source, Path]]:
        """Yield the folders that hold at least one file of a model, in the order of preference."""
        packaged = _package_folder(model.package) if model.package else None
        candidates: list[tuple[Source, Path | None]] = [
            ("package", packaged),
            ("cache", self.cache / model.name),
        ]
        for source, folder in candidates:
            if folder and any(size_of(folder / file.path) is not None for file in model.files):
                yield source, folder


def _package_folder(package: PackageSource) -> Path | None:
    """Return the folder of a package's files without importing it."""
    try:
        spec = importlib.util.find_spec(package.module)
    except (ImportError, ValueError):
        return None
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations))) / package.folder


def _looks_like_a_path(text: str) -> bool:
    separators = {"/", os.sep, os.altsep or os.sep}
    return any(mark in text for mark in separators) or text.startswith("~") or text.endswith(_MODEL_SUFFIXES)


def _find_path(path: Path, role: Role) -> ModelFiles:
    if role == "stt":
        folder = path.parent if path.name == _WHISPER_FILES[0] else path
        vocabularies = [folder / name for name in ("vocabulary.txt", "vocabulary.json")]
        vocabulary = next((file for file in vocabularies if size_of(file) is not None), vocabularies[0])
        paths = (*(folder / name for name in _WHISPER_FILES), vocabulary)
    elif role == "tts":
        paths = (path, path.with_name(path.name + ".json"))
    else:
        paths = (path,)
    missing = next((file for file in paths if size_of(file) is None), None)
    if missing is not None:
        raise ModelMissing(str(path), f"there is no file {missing}; give a path that exists or a name")
    return ModelFiles(path.stem, role, paths, "path")


def _how_to_get(model: Model) -> str:
    if model.parts or model.hub:
        return f"run `voice-app models pull {model.name}`"
    return f"run `pip install {model.package.distribution}`" if model.package else "it has no source"


def _how_to_repair(model: Model, source: Source) -> str:
    if source == "package" and model.package:
        return f"run `pip install --force-reinstall {model.package.distribution}`"
    return _how_to_get(model)
