"""Which language model talks: named, alone, or what the preset takes of those that were measured here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.models.manifest import Model, ModelFile, load_manifest
from inference.models.store import ModelStore
from inference.types import ChatRequest, Done, Message, Text, Usage
from voice_app.core.stages import Stage
from voice_app.runtime import machine, model_choice
from voice_app.runtime.calibration import Calibration, Speed
from voice_app.runtime.engines import build_llm, measured_speed
from voice_app.runtime.model_choice import (
    Candidate,
    Choice,
    Prospect,
    Use,
    choose,
    installed,
    pick,
    predicted_s,
    prospects,
    remembered,
)
from voice_app.runtime.persona import load_persona
from voice_app.runtime.settings import PRESETS, Preset, Settings, load_settings

BUDGET_S = 0.3
SLOW, QUICK = Speed(0.4, 0.3), Speed(0.03, 0.05)


def candidates_of(*predicted: float | None) -> list[Prospect]:
    """Return models with 28, 20 and 18 of 30 answers right, the best first, with these predictions."""
    answers = (("large", 28), ("middle", 20), ("small", 18))
    return [Prospect(name, right, at) for (name, right), at in zip(answers, predicted, strict=False)]


@pytest.mark.parametrize(
    ("predicted", "fast", "balanced", "smart"),
    [
        ((0.28, 0.2, 0.15), "large", "large", "large"),
        ((0.42, 0.35, 0.25), "small", "large", "large"),
        ((0.60, 0.40, 0.25), "small", "middle", "large"),
        ((0.90, 0.80, 0.50), "small", "small", "large"),
        ((0.50, 0.90, 0.80), "large", "large", "large"),
        ((None, 0.40, 0.25), "small", "middle", "middle"),
        ((None, None, None), "small", "small", "small"),
    ],
)
def test_what_a_preset_takes(predicted: Sequence[float | None], fast: str, balanced: str, smart: str) -> None:
    """`fast` keeps the budget, `balanced` takes the best answers within one and a half, `smart` the best of all."""
    found = candidates_of(*predicted)

    assert {"fast": fast, "balanced": balanced, "smart": smart} == {
        preset: pick(found, preset, BUDGET_S).name for preset in PRESETS
    }


@given(
    st.lists(st.none() | st.floats(0.05, 3), min_size=1, max_size=3),
    st.sampled_from(PRESETS),
    st.floats(0.05, 3),
)
def test_no_model_in_time_has_better_answers_than_the_one_taken(
    predicted: list[float | None], preset: Preset, budget_s: float
) -> None:
    """Whatever was measured: what is taken is there, and none of those in time stands before it."""
    found = candidates_of(*predicted)
    taken = next(one for one in found if one.name == pick(found, preset, budget_s).name)
    limit_s = model_choice.limit_of(preset, budget_s)
    better = [
        one for one in found[: found.index(taken)] if one.predicted_s and one.predicted_s <= (limit_s or 9)
    ]

    assert better == []


def test_the_reason_says_what_the_others_would_be_like() -> None:
    """One line has the preset, every model, its predicted time and its answers."""
    because = pick(candidates_of(0.42, 0.35, 0.25), "balanced", BUDGET_S).because

    for part in ("balanced", "450 ms", "420 ms", "28 of 30", "middle", "350 ms", "small", "18 of 30"):
        assert part in because
    assert "\n" not in because


def test_the_prediction_is_made_of_what_was_measured() -> None:
    """Speech to text and the voice count as measured, other stages as declared; the model has a short first clause."""
    speed = Speed(0.2, 0.15)
    base = predicted_s({}, speed)
    slower = predicted_s({Stage.STT: 0.160}, speed)

    assert base is not None
    assert slower == pytest.approx(base + 0.1)
    assert predicted_s({}, Speed(0.25, 0.15)) == pytest.approx(base + 0.05)
    assert predicted_s({}, Speed(0.2, 0.25)) == pytest.approx(base + 0.1)
    assert predicted_s({}, None) is None


def test_what_nobody_uses_takes_no_time() -> None:
    """Typed words are neither heard nor waited for; where they are read, nothing is spoken, and there is more time."""
    speed, around = Speed(0.25, 0.15), {Stage.STT: 0.060, Stage.TTS_FIRST_SOUND: 0.040}
    speech, typed, text = (predicted_s(around, speed, use) for use in ("speech", "typed", "text"))

    assert speech == pytest.approx(0.045 + 0.060 + 0.25 + 0.15 + 0.040 + 0.010)
    assert typed == pytest.approx(0.25 + 0.15 + 0.040 + 0.010)
    assert text == pytest.approx(0.25 + 0.15)


@pytest.mark.parametrize(("use", "taken"), [("speech", "small"), ("typed", "small"), ("text", "large")])
def test_who_reads_has_the_better_answers(use: Use, taken: str) -> None:
    """A second is no long wait for a reader, for a listener it is."""
    found = candidates_of(0.9, 0.8, 0.25)

    assert pick(found, "balanced", BUDGET_S, use).name == taken
    assert pick(found, "fast", BUDGET_S, use).name == "small"


def test_no_prediction_is_sooner_than_the_end_of_the_turn() -> None:
    """A model that takes no time still waits until it is sure that the user has finished."""
    assert predicted_s({}, Speed(0.0, 0.0)) == pytest.approx(0.2 + 0.016 + 0.010)


def test_models_come_in_the_order_of_their_answers() -> None:
    """Counted answers decide, not size; a model nobody counted comes before the best smaller one."""
    models = [
        Candidate("big", 3000),
        Candidate("good", 1000, 28),
        Candidate("odd", 800),
        Candidate("fair", 400, 20),
        Candidate("bulky", 900, 10),
    ]

    assert [one.name for one in prospects(models, Calibration())] == ["big", "good", "odd", "fair", "bulky"]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelStore:
    """Two language models of some bytes in a cache; calibrations are remembered in a folder of the test."""
    monkeypatch.setenv("VOICE_APP_CACHE", str(tmp_path / "kept"))
    monkeypatch.delenv("VOICE_APP_MODELS__LLM", raising=False)
    monkeypatch.setattr(machine, "is_busy", lambda: False)
    monkeypatch.setattr(machine, "available_bytes", lambda: 1000)
    template = next(model for model in load_manifest().values() if model.role == "llm" and not model.package)
    models = {}
    for name, size, right in (("tiny", 10, 18), ("huge", 20, 28)):
        file = ModelFile(path=f"{name}.gguf", size_bytes=size, sha256="0" * 64)
        facts = {**template.model_dump(), "name": name, "files": (file,), "right_of_30": right, "parts": None}
        models[name] = Model.model_validate(facts)
        (tmp_path / name).mkdir()
        (tmp_path / name / file.path).write_bytes(bytes(size))
    return ModelStore(tmp_path, models)


class Meter:
    """A calibration in which `huge` is slow; it notes what it was asked to measure."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def __call__(self, names: Sequence[str]) -> Calibration:
        self.asked.append(list(names))
        return Calibration({name: SLOW if name == "huge" else QUICK for name in names}, {Stage.STT: 0.05})


def unmeasured(names: Sequence[str]) -> Calibration:
    """Fail: nothing needs to be measured."""
    pytest.fail("measured")


def test_installed_models_come_largest_first(store: ModelStore) -> None:
    """By the size of their files, with the answers that the manifest counts."""
    assert [Candidate("huge", 20, 28), Candidate("tiny", 10, 18)] == installed(store)


def test_a_calibration_serves_all_presets_and_budgets(store: ModelStore) -> None:
    """Models are measured at the first start; another preset or budget decides anew, without measuring."""
    meter = Meter()

    def chosen(preset: Preset = "balanced", **turn: int) -> Choice:
        return choose(load_settings(turn=turn, models={"preset": preset}), meter, store)

    assert remembered(load_settings(), store) is None
    assert chosen().name == "tiny"
    assert chosen() == remembered(load_settings(), store)
    assert chosen("smart").name == "huge"
    assert chosen(budget_ms=3000).name == "huge"
    assert meter.asked == [["huge", "tiny"]]


@pytest.mark.parametrize("change", ["threads", "stt", "machine", "models", "version"])
def test_what_changes_the_times_is_measured_anew(
    store: ModelStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, change: str
) -> None:
    """Other threads, engines, models, another processor or version of the program: the calibration is void."""
    meter, changed = Meter(), {}
    choose(load_settings(), meter, store)
    match change:
        case "threads":
            changed = {"threads": 1}
        case "stt":
            changed = {"stt": "whisper-base.en"}
        case "machine":
            monkeypatch.setattr(machine, "processor", lambda: "another one")
        case "version":
            monkeypatch.setattr("voice_app.runtime.calibration.__version__", "0")
        case "models":
            (tmp_path / "third").mkdir()
            (tmp_path / "third" / "huge.gguf").write_bytes(bytes(20))
            store.models["third"] = store.models["huge"].model_copy(update={"name": "third"})
    choose(load_settings(models=changed), meter, store)

    assert len(meter.asked) == 2


def test_what_a_busy_machine_measures_holds_while_it_is_busy(
    store: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once nothing else runs, it is measured again, and that holds also when the machine is busy later."""
    meter = Meter()
    for is_busy in (True, True, False, True, False):
        monkeypatch.setattr(machine, "is_busy", lambda now=is_busy: now)
        choose(load_settings(), meter, store)

    assert len(meter.asked) == 2


@pytest.mark.parametrize(
    ("backend", "shape", "name"),
    [("lpu", "", "tiny"), ("lpu-delegated", "", "tiny"), ("lpu-delegated", "huge", "huge")],
)
def test_an_emulated_chip_takes_what_it_holds(backend: str, shape: str, name: str, store: ModelStore) -> None:
    """The embedded model, unmeasured, wherever the chip's program is that of the language model."""
    models = {"llm_backend": backend, "lpu_shape": shape, "preset": "smart"}

    assert choose(load_settings(models=models), Meter(), store).name == name


def test_a_model_that_memory_has_no_room_for_is_not_taken(
    store: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when it was measured before: memory is looked at with every start."""
    meter, smart = Meter(), load_settings(models={"preset": "smart"})
    assert choose(smart, meter, store).name == "huge"
    monkeypatch.setattr(machine, "available_bytes", lambda: 39)
    choice = choose(smart, meter, store)

    assert choice.name == "tiny"
    assert "huge: no room in memory" in choice.because


def test_a_damaged_memory_of_a_calibration_is_no_obstacle(store: ModelStore, tmp_path: Path) -> None:
    """It is measured again."""
    for damaged in ("{", "[]", '{"key": 1}', ""):
        (tmp_path / "kept").mkdir(exist_ok=True)
        (tmp_path / "kept" / "calibration.json").write_text(damaged)
        assert choose(Settings(), Meter(), store).name == "tiny"


def test_a_model_that_is_named_is_taken_unmeasured(store: ModelStore) -> None:
    """Flags and settings win."""
    assert choose(load_settings(models={"llm": "tiny"}), unmeasured, store).name == "tiny"


def test_the_only_model_is_taken_unmeasured(store: ModelStore) -> None:
    """With nothing to choose from, nothing is loaded twice; a better one that can be had is named."""
    better = store.models.pop("huge").model_copy(update={"name": "better", "recommended": True})
    store.models["better"] = better
    choice = choose(Settings(), unmeasured, store)

    assert choice.name == "tiny"
    assert "models pull better" in choice.because


class Beginner:
    """A chat that answers in so many pieces, and notes what it was asked to read before."""

    def __init__(self) -> None:
        self.read: list[str] = []
        self.streamed: list[str] = []

    def chat(self) -> Beginner:
        return self

    def close(self) -> None:
        """Nothing is held."""

    def restore(self, messages: tuple[Message, ...]) -> None:
        """Nothing is read."""

    def prefill(self, messages: tuple[Message, ...]) -> int:
        self.read.append(messages[-1].content)
        return 0

    def end_probability(self, messages: tuple[Message, ...], ending: object, marks: str = "") -> float:
        return 1.0

    def stream(self, request: ChatRequest) -> Iterator[Text | Done]:
        for piece in ("Bees", " make", " honey", ".", " They", " do", "."):
            self.streamed.append(piece)
            yield Text(piece, 0)
        yield Done(Usage(), "stop")


def test_a_model_is_measured_to_the_end_of_its_first_clause() -> None:
    """All but the last words are read before, and no token is asked for after the first clause."""
    llm = Beginner()
    speed = measured_speed(llm, ())  # type: ignore[arg-type]

    assert llm.streamed[:6] == ["Bees", " make", " honey", ".", " They", "Bees"]
    assert llm.read[0] == "How many days are there in"
    assert speed.first_token_s > 0
    assert speed.clause_s > 0


@pytest.mark.model
def test_a_real_model_is_measured() -> None:
    """Reading the end of a question and answering takes some time, and less than seconds."""
    settings = load_settings(models={"llm": "smollm2-135m-instruct"})
    speed = measured_speed(build_llm(settings), load_persona("plain").messages())

    assert 0 < speed.first_token_s < 5
    assert 0 < speed.clause_s < 5
