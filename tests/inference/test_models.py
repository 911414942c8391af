"""The model store: manifest, finding, verifying, the GGUF header, re-quantising."""

from __future__ import annotations

import struct
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from inference.errors import ModelCorrupt, ModelError, ModelMissing, UnknownModel
from inference.models.gguf_header import inspect_gguf
from inference.models.manifest import load_manifest
from inference.models.store import ModelStore, cache_folder
from tests.inference.gguf_bytes import build_gguf, text

EMBEDDED = [("whisper-tiny.en", "stt"), ("smollm2-135m-instruct", "llm"), ("piper-en_US-joe-medium", "tts")]
ENTRY = """
[[model]]
name = "{name}"
role = "tts"
description = ""
licence = ""
hub = {{ repo = "a/b", revision = "{revision}" }}
files = [
  {{ path = "{path}", size_bytes = 3, sha256 = "{sha256}" }},
  {{ path = "config.json", size_bytes = 2, sha256 = "{sha256}" }},
]
"""
ABC_SHA256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
"""Of the bytes `abc` (FIPS 180-4, example B.1)."""


def write_manifest(folder: Path, **changes: str) -> Path:
    fields = {"name": "voice", "path": "voice.onnx", "sha256": ABC_SHA256, "revision": "a" * 40} | changes
    path = folder / "manifest.toml"
    path.write_text(ENTRY.format(**fields), "utf-8")
    return path


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    """A store that knows one voice of two files and has nothing."""
    return ModelStore(tmp_path / "cache", load_manifest(write_manifest(tmp_path)))


def fill(store: ModelStore, voice: bytes = b"abc", config: bytes = b"{}") -> Path:
    folder = store.cache / "voice"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "voice.onnx").write_bytes(voice)
    (folder / "config.json").write_bytes(config)
    return folder


def test_the_shipped_manifest_is_sound() -> None:
    """Every shipped model names a source that does not change, a licence, and its first file fits its role."""
    suffixes = {"stt": "model.bin", "llm": ".gguf", "tts": ".onnx", "turn": ".onnx"}
    models = load_manifest()
    assert {name for name, _ in EMBEDDED} <= set(models)
    for model in models.values():
        assert model.hub or model.parts
        assert model.licence
        assert model.files[0].path.endswith(suffixes[model.role])
        assert len({file.path for file in model.files}) == len(model.files)


@pytest.mark.parametrize(
    "changes",
    [
        {"path": "../voice.onnx"},
        {"path": "/etc/passwd"},
        {"path": "a/../../b"},
        {"path": "C:voice.onnx"},
        {"path": r"..\\voice.onnx"},
        {"path": ".partial/x"},
        {"name": ".."},
        {"name": "a/b"},
        {"sha256": ""},
        {"revision": "main"},
    ],
    ids=str,
)
def test_a_manifest_can_not_reach_out_of_the_cache(tmp_path: Path, changes: dict[str, str]) -> None:
    """Paths and names that leave the cache, missing hashes and moving revisions are refused in one line."""
    with pytest.raises(ModelError, match=r"^[^\n]*manifest[^\n]*$"):
        load_manifest(write_manifest(tmp_path, **changes))


@pytest.mark.parametrize("content", [b"\xff\xfe", b"[[model]", b"[[model]]\nname = 1\n", b"#" * (2 << 20)])
def test_a_bad_manifest_is_one_line(tmp_path: Path, content: bytes) -> None:
    """A manifest that is no TOML, not UTF-8, of other types or huge is an error of one line."""
    path = tmp_path / "manifest.toml"
    path.write_bytes(content)
    with pytest.raises(ModelError) as caught:
        load_manifest(path)
    assert str(path) in str(caught.value)


@pytest.mark.model
@pytest.mark.parametrize(("name", "role"), EMBEDDED)
def test_embedded_models_are_the_published_files(name: str, role: str, tmp_path: Path) -> None:
    """The files in the installed packages have the published sizes and SHA-256."""
    models = ModelStore(tmp_path)
    if models.installed(name) is None:
        pytest.skip(f"the package of {name} is not installed (extra `models`)")
    found = models.find(name, role)  # type: ignore[arg-type]  # a parameter is no Literal
    assert found.source == "package"
    assert found.path.exists()
    assert models.verify(name) == []


def test_a_missing_model_names_the_command(store: ModelStore) -> None:
    """What is known and not installed says how to get it."""
    with pytest.raises(ModelMissing, match="voice-app models pull voice"):
        store.find("voice", "tts")
    with pytest.raises(ModelMissing, match="voice-app models pull voice"):
        store.verify("voice")


def test_the_cache_is_found(store: ModelStore) -> None:
    """Files of the right sizes in the cache are a model; `verify` reads them and finds the one that differs."""
    folder = fill(store)
    found = store.find("voice", "tts")
    assert (found.source, found.path) == ("cache", folder / "voice.onnx")
    (problem,) = store.verify("voice")
    assert "config.json has the SHA-256" in problem


def test_a_truncated_file_is_caught_by_find(store: ModelStore) -> None:
    """A file of the wrong size, or one of two missing, is corrupt; the error names file and command."""
    folder = fill(store, voice=b"ab")
    with pytest.raises(
        ModelCorrupt, match=r"voice\.onnx: has 2 bytes instead of 3; run `voice-app models pull"
    ):
        store.find("voice", "tts")
    fill(store)
    (folder / "config.json").unlink()
    with pytest.raises(ModelCorrupt, match=r"config\.json: is missing"):
        store.find("voice", "tts")
    assert store.installed("voice") is None


def test_an_unknown_name_suggests_the_nearest(store: ModelStore) -> None:
    """A misspelt name is answered with the nearest name of the same role, another role with that role."""
    with pytest.raises(UnknownModel, match="did you mean 'voice'"):
        store.find("vioce", "tts")
    with pytest.raises(ModelError, match="is for tts, not for llm"):
        store.find("voice", "llm")


def test_a_path_needs_no_manifest(store: ModelStore, tmp_path: Path) -> None:
    """Any file or Whisper folder the user names is found as it is; one that lacks a part names the part."""
    gguf = tmp_path / "my.gguf"
    gguf.write_bytes(b"GGUF")
    assert store.find(str(gguf), "llm").paths == (gguf,)
    with pytest.raises(ModelMissing, match=r"my\.gguf\.json"):
        store.find(str(gguf), "tts")
    folder = tmp_path / "whisper"
    folder.mkdir()
    for name in ("model.bin", "config.json", "tokenizer.json", "vocabulary.json"):
        (folder / name).touch()
    assert store.find(str(folder), "stt").path == folder
    assert store.find(str(folder / "model.bin"), "stt").paths[-1] == folder / "vocabulary.json"


@pytest.mark.parametrize(
    "path", ["/no/such.gguf", "./\0.gguf", "/" + "x" * 5000], ids=["gone", "nul", "long"]
)
def test_a_path_that_is_not_there_is_missing(store: ModelStore, path: str) -> None:
    """A path that does not exist, or can't, is a missing model, not a traceback."""
    with pytest.raises(ModelMissing):
        store.find(path, "llm")


def test_the_environment_moves_the_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """VOICE_APP_CACHE is the cache folder, and models live in its `models`."""
    monkeypatch.setenv("VOICE_APP_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    assert ModelStore().cache == tmp_path / "models"


def inspect_bytes(folder: Path, content: bytes) -> object:
    path = folder / "model.gguf"
    path.write_bytes(content)
    return inspect_gguf(path)


@pytest.mark.parametrize("version", [2, 3])
def test_a_sound_header_is_read(tmp_path: Path, version: int) -> None:
    """Architecture, context, template and tensors of a sound file are what was written."""
    path = tmp_path / "model.gguf"
    path.write_bytes(build_gguf(version=version))
    facts = inspect_gguf(path)
    assert (facts.version, facts.architecture, facts.file_type) == (version, "llama", 3)
    assert (facts.context_length, facts.has_chat_template) == (2048, True)
    assert [(t.name, t.type, t.shape, t.size_bytes) for t in facts.tensors] == [
        (f"blk.{index}.attn_q.weight", "Q4_1", (32, 4), 80) for index in range(2)
    ]


@pytest.mark.parametrize("length", [0, 3, 4, 20, 24, 40, 200, -33, -1])
def test_a_cut_off_file_is_corrupt(tmp_path: Path, length: int) -> None:
    """A file cut in its header or in its data is corrupt; the padding at its end may be missing."""
    whole = build_gguf()
    cut = whole[:length] if length >= 0 else whole[: len(whole) - 16 + length]
    with pytest.raises(ModelCorrupt, match="get the file again"):
        inspect_bytes(tmp_path, cut)
    inspect_bytes(tmp_path, whole[:-16])


HUGE = struct.pack("<Q", 1 << 60)


@pytest.mark.parametrize(
    "extra",
    [
        HUGE + b"key",
        text("key") + struct.pack("<I", 8) + HUGE,
        text("key") + struct.pack("<II", 9, 8) + HUGE,
        text("key") + struct.pack("<II", 9, 4) + HUGE,
        text("key") + struct.pack("<IIQ", 9, 9, 1),
        text("key") + struct.pack("<I", 77),
        text("general.alignment") + struct.pack("<II", 4, 0),
        text("general.alignment") + struct.pack("<II", 4, 48),
        text("general.file_type") + struct.pack("<II", 4, 3),
        text("split.count") + struct.pack("<IH", 2, 4),
    ],
    ids=["key", "string", "strings", "numbers", "nested", "type", "align0", "align48", "twice", "split"],
)
def test_absurd_metadata_is_corrupt(tmp_path: Path, extra: bytes) -> None:
    """Lengths of 2^60, unknown types and impossible values are refused before anything is allocated."""
    tracemalloc.start()
    try:
        with pytest.raises(ModelCorrupt):
            inspect_bytes(tmp_path, build_gguf(extra=extra, extra_keys=1))
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("mark", "skip"), [(b"GGUF", 8), (b"GGUF", 16), (b"blk.1", 43)], ids=["tensors", "keys", "offset"]
)
def test_absurd_counts_are_corrupt(tmp_path: Path, mark: bytes, skip: int) -> None:
    """A count of 2^60 tensors or keys, or a tensor's data at 2^60, is refused at once."""
    content = build_gguf()
    at = content.index(mark) + skip
    with pytest.raises(ModelCorrupt, match="1152921504606846976"):
        inspect_bytes(tmp_path, content[:at] + HUGE + content[at + 8 :])


@pytest.mark.parametrize("count", [(1 << 21) + 1, 1 << 36])
def test_a_file_of_a_terabyte_is_refused_by_its_counts(tmp_path: Path, count: int) -> None:
    """A sparse file large enough for all the strings it declares is refused instead of being walked."""
    path = tmp_path / "sparse.gguf"
    content = build_gguf(extra=text("key") + struct.pack("<IIQ", 9, 8, count), extra_keys=1)
    with path.open("wb") as file:
        file.write(content)
        try:
            file.truncate(1 << 40)
        except OSError:
            pytest.skip("this file system has no sparse files of a terabyte")
    with pytest.raises(ModelCorrupt, match="strings"):
        inspect_gguf(path)


WHOLE = build_gguf()
MUTATIONS = st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), max_size=8)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(mutations=MUTATIONS, length=st.integers(0, len(WHOLE)))
@example(mutations=[], length=len(WHOLE))
def test_a_mutated_header_is_facts_or_corrupt(
    tmp_path: Path, mutations: list[tuple[int, int]], length: int
) -> None:
    """Whatever happens to a header, it is ModelCorrupt or its tensors fit in the file."""
    content = bytearray(WHOLE)
    for position, value in mutations:
        content[position] = value
    path = tmp_path / "model.gguf"
    path.write_bytes(content[:length])
    try:
        facts = inspect_gguf(path)
    except ModelCorrupt:
        return
    assert sum(tensor.size_bytes for tensor in facts.tensors) <= length
