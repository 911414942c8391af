"""The chip's command line: programs compiled, read, shown; numbers for tokens; one line for what is wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from lpu_backend.chip.assembly import parse
from lpu_backend.chip.listing import to_text
from lpu_backend.errors import LpuError
from lpu_backend.lpu_command import run_command
from tests.lpu_backend.tiny_model import Tiny, write_model

MATMUL = Path(__file__).parent / "golden" / "matmul.lpu"


@pytest.fixture(scope="module")
def gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of one layer."""
    return write_model(tmp_path_factory.mktemp("gguf") / "tiny.gguf", Tiny())


def test_a_program_as_text_is_proven_and_counted() -> None:
    """The golden matmul: 68 cycles in the bottom tile, as its schedule says, and 20 tiles to climb."""
    found = json.loads(run_command(["compile", str(MATMUL), "--json"]))

    assert found["cycles"] == 68 + 20
    assert found["program_digest"] == parse(MATMUL.read_text()).digest
    assert found["basis"] == "emulated"


@pytest.mark.slow
def test_a_model_is_compiled(gguf: Path) -> None:
    """A decode step and a prefill of sixteen, each with its digest; a longer step takes longer."""
    one, sixteen = (
        json.loads(run_command(["compile", str(gguf), "--positions", "32", "--json", *more]))
        for more in ([], ["--prefill", "16"])
    )

    assert 0 < one["cycles"] < sixteen["cycles"] < 16 * one["cycles"]
    assert one["program_digest"] != sixteen["program_digest"]
    assert one["sram_bytes_used"] < one["sram_bytes"]


def test_a_listing_is_a_program(gguf: Path) -> None:
    """What `disasm` prints can be compiled again, to the same digest."""
    text = run_command(["disasm", str(MATMUL)])

    assert to_text(parse(text)) == MATMUL.read_text()
    assert len(run_command(["disasm", str(gguf), "--positions", "32", "--lines", "7"]).splitlines()) == 7


def test_a_trace_opens_and_cycles_can_be_stepped(tmp_path: Path) -> None:
    """JSON with events in a file; frames of so many cycles as text."""
    out = tmp_path / "trace.json"
    run_command(["trace", str(MATMUL), "--out", str(out)])

    assert json.loads(out.read_text())["traceEvents"]
    assert run_command(["step", str(MATMUL), "--cycle", "30", "--cycles", "3"]).count("tile  MXM") == 3
    assert "MEM_E0" in run_command(["trace", str(MATMUL)])


@pytest.mark.slow
def test_tokens_follow_tokens(gguf: Path) -> None:
    """Greedy numbers, as many as asked for, and the context's end ends them."""
    written = json.loads(run_command(["run", str(gguf), "--tokens", "1,2,3", "--count", "5", "--json"]))

    assert len(written["tokens"]) == 5
    assert run_command(["run", str(gguf), "--tokens", "1,2,3", "--count", "5"]) == ",".join(
        map(str, written["tokens"])
    )
    assert len(run_command(["run", str(gguf), "--tokens", "1", "--positions", "4"]).split(",")) == 3


def test_tokens_and_logits_do_not_depend_on_the_number_of_chips(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With chips the cycles are told, stage by stage; what is computed stays the same to the bit."""
    monkeypatch.setenv("VOICE_APP_CACHE", str(tmp_path))
    gguf = write_model(tmp_path / "two.gguf", Tiny(layers=2))
    told = [
        json.loads(run_command(["run", str(gguf), "--tokens", "1,2,3", "--count", "5", "--json", *chips]))
        for chips in ([], ["--chips", "1"], ["--chips", "2"])
    ]

    assert len({(tuple(report["tokens"]), report["logits_sha256"]) for report in told}) == 1
    assert ["chips" in report for report in told] == [False, True, True]
    assert [stage["chip"] for stage in told[2]["stages"]] == [0, 1]
    assert told[2]["cycles_per_token"] > told[1]["cycles_per_token"]
    text = run_command(["run", str(gguf), "--tokens", "1,2,3", "--count", "2", "--chips", "2"])
    assert text.count("chip ") == 2
    assert "between them (1 hand-overs)" in text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["compile", "missing.gguf"], "can't be read"),
        (["disasm", "missing.lpu"], "can't be read"),
        (["run", "GGUF", "--tokens", "one"], "numbers of tokens"),
        (["run", "GGUF", "--tokens", "999999"], "vocabulary"),
        (["run", "GGUF", "--tokens", "1", "--chips", "0"], "0 chips: a system has"),
        (["run", "GGUF", "--tokens", "1", "--chips", "7"], "take 1, 2, 4 or whole nodes of 8"),
        (["run", "GGUF", "--tokens", "1", "--chips", "8"], "can be a pipeline of 1 to"),
        (["compile", "GGUF", "--positions", "0"], "impossible"),
    ],
)
def test_bad_input_is_one_line(gguf: Path, words: list[str], said: str) -> None:
    """What is wrong, with the name of it."""
    with pytest.raises(LpuError) as caught:
        run_command([str(gguf) if word == "GGUF" else word for word in words])

    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_text_that_is_no_program(tmp_path: Path) -> None:
    """The line and the column are named."""
    path = tmp_path / "bad.lpu"
    path.write_text('.program "x" "product"\n  nonsense\n')

    with pytest.raises(LpuError, match="line 2"):
        run_command(["step", str(path)])


@pytest.mark.slow
def test_the_module_runs() -> None:
    """`python -m lpu_backend`: output and exit status, also where the reader stops reading."""
    command = [sys.executable, "-m", "lpu_backend"]
    good = subprocess.run([*command, "compile", str(MATMUL)], capture_output=True, text=True, check=False)
    bad = subprocess.run([*command, "compile", "no.gguf"], capture_output=True, text=True, check=False)
    wrong = subprocess.run([*command, "fly"], capture_output=True, text=True, check=False)

    assert (good.returncode, bad.returncode, wrong.returncode) == (0, 6, 2)
    assert "cycles" in good.stdout
    assert len(bad.stderr.splitlines()) == 1
