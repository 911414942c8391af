"""What `make demo` does first: the better model is fetched once, or the packaged one talks, in every case."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from inference.errors import DownloadFailed
from inference.models.manifest import Model, load_manifest
from inference.models.store import ModelStore
from voice_app.cli import model_offer
from voice_app.cli.model_offer import Offer, decide, offer_model
from voice_app.runtime import machine
from voice_app.runtime.settings import load_settings

BETTER = next(model for model in load_manifest().values() if model.recommended)
SMALL = "smollm2-135m-instruct"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, Offer.FETCH),
        ({"is_installed": True}, Offer.NOTHING),
        ({"was_declined": True}, Offer.DECLINED),
        ({"was_declined": True, "small": False}, Offer.FETCH),
        ({"small": True}, Offer.DECLINE),
        ({"small": True, "is_installed": True}, Offer.DECLINE),
        ({"small": False, "is_installed": True}, Offer.NOTHING),
    ],
)
def test_what_is_done(said: dict[str, bool], expected: Offer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing model is fetched unless it was declined; what the user says now wins over what was said before."""
    monkeypatch.setattr(machine, "available_bytes", lambda: 1 << 40)
    known = {"is_installed": False, "was_declined": False, "small": None, **said}

    assert decide(load_settings(models={"llm": "auto"}), BETTER, **known) is expected  # type: ignore[arg-type]


@pytest.mark.parametrize("models", [{"llm": "another.gguf"}, {"llm": "auto", "preset": "fast"}])
def test_nothing_is_fetched_that_the_settings_have_no_use_for(models: dict[str, str]) -> None:
    """Neither for a model that is named, nor for the preset that wants the quickest."""
    settings = load_settings(models=models)

    assert decide(settings, BETTER, is_installed=False, small=None, was_declined=False) is Offer.NOTHING


def test_where_memory_is_short_nothing_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that could not be loaded is not worth its download."""
    monkeypatch.setattr(machine, "available_bytes", lambda: BETTER.size_bytes)
    settings = load_settings(models={"llm": "auto"})

    assert decide(settings, BETTER, is_installed=False, small=None, was_declined=False) is Offer.NO_MEMORY


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Note what is pulled instead of pulling it; memory suffices, and nothing was said before."""
    asked: list[str] = []
    monkeypatch.setenv("VOICE_APP_MODELS__LLM", "auto")
    monkeypatch.setattr(model_offer, "state_dir", lambda: tmp_path / "state")
    monkeypatch.setattr(machine, "available_bytes", lambda: 1 << 40)
    monkeypatch.setattr(model_offer, "pull_model", lambda store, model: asked.append(model.name))
    return asked


def test_a_decline_is_remembered_and_can_be_taken_back(fetched: list[str], tmp_path: Path) -> None:
    """SMALL=1 once is enough; SMALL=0 fetches, and forgets the decline."""
    store = ModelStore(tmp_path)
    offer_model(True, store)
    offer_model(None, store)
    assert fetched == []
    offer_model(False, store)
    offer_model(None, store)
    assert fetched == [BETTER.name, BETTER.name]


@pytest.mark.parametrize("small", [None, True])
def test_one_line_says_what_is_lost(
    small: bool | None,
    fetched: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Declined or failed: the last line names the model that talks, and both counts of right answers."""

    def fail(store: ModelStore, model: Model) -> None:
        raise DownloadFailed("no connection to the package index")

    monkeypatch.setattr(model_offer, "pull_model", fail)
    offer_model(small, ModelStore(tmp_path))
    last = capsys.readouterr().out.splitlines()[-1]

    for part in (SMALL, "18 of 30", str(BETTER.right_of_30)):
        assert part in last


def test_a_state_folder_that_can_not_be_written_is_no_obstacle(
    fetched: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The decline holds for this time, and is not remembered."""
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(model_offer, "state_dir", lambda: tmp_path / "file")
    offer_model(True, ModelStore(tmp_path))

    assert fetched == []


@pytest.fixture
def alone(tmp_path: Path) -> dict[str, str]:
    """Return the environment of a fresh machine that reaches neither index nor hub."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        nowhere = f"http://127.0.0.1:{server.getsockname()[1]}"
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PIP_", "HF_", "VOICE_APP_")) and not name.lower().endswith("_proxy")
    }
    folders = {
        f"XDG_{name}_HOME": str(tmp_path / name.lower()) for name in ("CACHE", "CONFIG", "DATA", "STATE")
    }
    pip = {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": f"{nowhere}/simple/", "PIP_RETRIES": "0"}
    return {**kept, **folders, **pip, "HF_ENDPOINT": nowhere}


def run(environment: dict[str, str], *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the program as a command."""
    return subprocess.run(
        [sys.executable, "-m", "voice_app", *arguments], env=environment, capture_output=True, text=True
    )


@pytest.mark.model
def test_without_an_index_the_demonstration_is_still_a_conversation(
    alone: dict[str, str], tmp_path: Path
) -> None:
    """Neither index nor hub, empty caches: one line about it, then the packaged model answers all questions."""
    offered = run(alone, "models", "offer")
    held = run(alone, "demo", "--out", tmp_path / "out")

    assert offered.returncode == held.returncode == 0, offered.stderr + held.stderr
    assert SMALL in offered.stdout.splitlines()[-1]
    told = [json.loads(line) for line in (tmp_path / "out" / "events.jsonl").read_text().splitlines()]
    assert told[0]["models"]["llm"] == SMALL
    assert (tmp_path / "out" / "reply.wav").stat().st_size > 100_000
