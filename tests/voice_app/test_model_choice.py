"""Which language model talks: named, alone, or the largest that is quick enough."""

from __future__ import annotations

from pathlib import Path

import pytest

from inference.models.manifest import Model, ModelFile, load_manifest
from inference.models.store import ModelStore
from voice_app.core.stages import Budget
from voice_app.runtime.engines import build_llm, measured_speed
from voice_app.runtime.model_choice import Candidate, Choice, Speed, choose, installed, pick
from voice_app.runtime.settings import Settings, load_settings

LARGE, MIDDLE, SMALL = (
    Candidate(name, size) for name, size in (("large", 300), ("middle", 200), ("small", 100))
)
SLOW, QUICK = Speed(0.4, 0.05), Speed(0.03, 0.01)


@pytest.mark.parametrize(
    ("speeds", "expected"),
    [
        ([(LARGE, SLOW), (MIDDLE, QUICK), (SMALL, QUICK)], "middle"),
        ([(LARGE, QUICK), (MIDDLE, SLOW)], "large"),
        ([(LARGE, Speed(0.4, 0.05)), (SMALL, Speed(0.3, 0.04))], "small"),
        ([(LARGE, Speed(0.2, 0.03)), (SMALL, Speed(0.3, 0.04))], "large"),
    ],
)
def test_the_largest_that_keeps_the_budget(speeds: list[tuple[Candidate, Speed]], expected: str) -> None:
    """Size decides among those that are quick enough, speed where none is."""
    choice = pick(speeds, Budget())

    assert choice is not None
    assert expected == choice.name


def test_nothing_is_measured_once_a_model_fits() -> None:
    """Loading a model takes seconds: smaller ones than the chosen are left alone."""
    measured = []

    def speeds() -> object:
        for candidate in (LARGE, MIDDLE, SMALL):
            measured.append(candidate)
            yield candidate, SLOW if candidate is LARGE else QUICK

    pick(speeds(), Budget())  # type: ignore[arg-type]

    assert measured == [LARGE, MIDDLE]


def test_no_model_no_choice() -> None:
    """Where memory holds none of them there is nothing to pick from."""
    assert pick([], Budget()) is None


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelStore:
    """Two language models of some bytes in a cache; choices are remembered in a folder of the test."""
    monkeypatch.setenv("VOICE_APP_CACHE", str(tmp_path / "choices"))
    template = next(model for model in load_manifest().values() if model.role == "llm" and not model.package)
    models = {}
    for name, size in (("tiny", 10), ("huge", 20)):
        file = ModelFile(path=f"{name}.gguf", size_bytes=size, sha256="0" * 64)
        models[name] = Model.model_validate({**template.model_dump(), "name": name, "files": (file,)})
        (tmp_path / name).mkdir()
        (tmp_path / name / file.path).write_bytes(bytes(size))
    return ModelStore(tmp_path, models)


def test_installed_models_come_largest_first(store: ModelStore) -> None:
    """By the size of their files."""
    assert [Candidate("huge", 20), Candidate("tiny", 10)] == installed(store)


def test_a_choice_is_remembered_until_the_budget_changes(store: ModelStore) -> None:
    """Models are measured at the first start, and again when another budget is asked for."""
    measured: list[str] = []

    def measure(name: str) -> Speed:
        measured.append(name)
        return SLOW if name == "huge" else QUICK

    def chosen(**turn: int) -> Choice:
        return choose(load_settings(turn=turn), measure, store)

    first = chosen()

    assert first.name == "tiny"
    assert first == chosen()
    assert measured == ["huge", "tiny"]
    assert chosen(budget_ms=3000).name == "huge"
    assert measured == ["huge", "tiny", "huge"]


def test_a_damaged_memory_of_the_choice_is_no_obstacle(store: ModelStore, tmp_path: Path) -> None:
    """It is measured again."""
    (tmp_path / "choices").mkdir()
    (tmp_path / "choices" / "model-choice.json").write_text("{")

    assert choose(Settings(), lambda name: QUICK, store).name == "huge"


def test_a_model_that_is_named_is_taken_unmeasured(store: ModelStore) -> None:
    """Flags and settings win."""
    choice = choose(load_settings(models={"llm": "tiny"}), lambda name: pytest.fail("measured"), store)

    assert choice.name == "tiny"


def test_the_only_model_is_taken_unmeasured(store: ModelStore) -> None:
    """With nothing to choose from, nothing is loaded twice."""
    del store.models["huge"]

    assert choose(Settings(), lambda name: pytest.fail("measured"), store).name == "tiny"


@pytest.mark.model
def test_a_real_model_is_measured() -> None:
    """A token takes some time, reading a question takes longer, both less than seconds."""
    speed = measured_speed(build_llm(load_settings()))

    assert 0 < speed.token_s < speed.first_token_s < 5
