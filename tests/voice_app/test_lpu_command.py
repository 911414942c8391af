"""`voice-app lpu` with the embedded model: words in, words out, cycles told."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from voice_app.cli.main import app


@pytest.mark.model
def test_the_chip_answers() -> None:
    """The right word; emulated figures from a compiled program, host figures beside them."""
    result = CliRunner().invoke(app, ["lpu", "run", "--prompt", "What is the capital of France?", "--json"])
    found = json.loads(result.stdout)

    assert "Paris" in found["text"]
    assert 10_000 < found["cycles_per_token"] < 1_000_000
    assert found["emulated_tokens_per_s"] < 900_000_000 / found["cycles_per_token"]
    assert found["emulated_ttft_ms"] > 0
    assert found["host_tokens_per_s"] > 0
    assert len(found["program_digest"]) == 64
    assert found["sram_bytes_used"] <= 230_686_720
    assert found["chips"] == 1


@pytest.mark.model
def test_the_chips_own_commands_are_there() -> None:
    """Without a file they look at the embedded model; wrong usage has its exit status."""
    runner = CliRunner()

    placed = runner.invoke(app, ["lpu", "compile", "--stop-after", "place", "--map"])
    assert placed.exit_code == 0
    assert "token_embd" in placed.stdout
    assert re.search(r"^instructions +0$", placed.stdout, re.MULTILINE)
    assert runner.invoke(app, ["lpu", "fly"]).exit_code == 2


@pytest.mark.model
def test_the_benchmark_takes_emulated_times() -> None:
    """In virtual time, to the bit: the chip's tokens take less than the declared ones, and are called emulated."""
    run = ["bench", "--mode", "composed", "--turns", "6", "--llm", "both", "--json"]
    first, again = (CliRunner().invoke(app, run).stdout for _ in range(2))
    both = json.loads(first)

    assert first == again
    assert both["lpu"]["emulated"] == {"token": "emulated", "llm_first_token": "emulated"}
    assert both["lpu"]["voice_to_voice_ms"]["p95"] < both["llama.cpp"]["voice_to_voice_ms"]["p95"]


@pytest.mark.model
def test_a_plan_with_the_chip_says_so() -> None:
    """The language model's times are emulated, those of this machine measured."""
    stages = json.loads(CliRunner().invoke(app, ["plan", "--llm", "lpu", "--json"]).stdout)["stages"]

    assert {stages[name]["basis"] for name in ("token", "llm_first_token")} == {"emulated"}
    assert {stages[name]["basis"] for name in ("stt", "tts_first_sound")} == {"measured"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("estimate --model llama-3-8b --chips 7", "7 chips: take 1, 2, 4 or whole nodes"),
        ("estimate --model llama-3-8b --chips 8", "do not fit; take"),
        ("compare --model lama-3-8b --chips 72", "llama-3-8b"),
    ],
)
def test_a_question_without_an_answer_has_an_exit_status(words: str, said: str) -> None:
    """One line on the standard error, exit status 6, no file of weights asked for."""
    command = [sys.executable, "-m", "voice_app", "lpu", *words.split()]
    result = subprocess.run(command, capture_output=True, text=True, check=False)

    assert result.returncode == 6
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.model
def test_a_plan_finds_the_smallest_system() -> None:
    """For a model that is a shape alone: chips that hold it, its times emulated, this host's stages measured."""
    words = ["plan", "--llm", "lpu", "--model", "llama-3.2-1b", "--budget-ms", "10000", "--json"]
    found = json.loads(CliRunner().invoke(app, words).stdout)

    assert found["system"]["chips"] in (8, 16)
    assert found["system"]["sram_bytes_needed"] <= found["system"]["sram_bytes"]
    assert found["stages"]["token"]["basis"] == "emulated"
    assert found["stages"]["stt"]["basis"] == "measured"
    assert found["meets_it"]
