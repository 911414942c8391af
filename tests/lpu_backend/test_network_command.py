"""`network` on the command line: text and JSON, and one line for what can't be done."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lpu_backend.errors import LpuError
from lpu_backend.lpu_command import run_command
from lpu_backend.system.network_report import published_latencies


def ask(*words: str) -> dict[str, Any]:
    """The JSON that a command gives."""
    found: dict[str, Any] = json.loads(run_command(["network", *words, "--json"]))
    return found


def test_a_system_is_described() -> None:
    """A rack with a spare node: what is there, and how far apart."""
    found = ask("--chips", "64", "--spares")

    assert (found["chips"], found["spare_chips"], found["nodes"], found["racks"]) == (64, 8, 9, 1)
    assert (found["longest_way_links"], found["basis"]) == (3, "emulated")


def test_an_exchange_is_scheduled_and_tried() -> None:
    """Clocks of 20 seeds and corrected noise change nothing; a dead chip costs milliseconds, and no byte."""
    found = ask(
        *("--chips", "64", "--spares", "--do", "all-reduce", "--group", "0-7", "--vectors", "9"),
        *("--seeds", "20", "--noise", "1e-5", "--fail", "chip:5@60"),
    )["exchange"]

    assert found["clocks"]["same_bytes_and_cycles"]
    assert 0 < found["clocks"]["least_slack_cycles"] < 24
    assert found["noise"]["same_bytes"]
    assert found["failure"]["same_bytes"]
    assert found["failure"]["cost_ms"] > 9


def test_text_says_the_same() -> None:
    """The same figures, a line each."""
    found = ask("--do", "hand-over", "--group", "0,1", "--to", "2-3", "--vectors", "5")
    text = run_command(["network", "--do", "hand-over", "--group", "0,1", "--to", "2-3", "--vectors", "5"])

    assert f"{found['exchange']['cycles']:,}" in text
    assert found["exchange"]["digest"] in text


@pytest.mark.slow
def test_row_18_latencies_beside_the_published_ones() -> None:
    """The hop is an input; any-to-any stays below 3 µs; the others are what the constants give, near or not."""
    rows = {row["what"]: row for row in published_latencies()}
    hop = rows["hop, SRAM to SRAM"]
    farthest = rows["any to any of 10,440 chips, below"]

    assert hop["input"]
    assert hop["ours_us"] == hop["published_us"]
    assert farthest["ours_us"] < 3
    assert not any(row["input"] for row in rows.values() if row is not hop)
    assert "µs" in run_command(["network", "--published"])


def test_a_file_of_cables_is_taken(tmp_path: Path) -> None:
    """A line of three chips: the middle one passes vectors on."""
    path = tmp_path / "line.toml"
    path.write_text("chips = 3\ncables = [[0, 0, 1, 0], [1, 1, 2, 0]]\n")
    found = ask("--topology", str(path), "--do", "hand-over", "--group", "0", "--to", "2", "--vectors", "1")

    assert found["exchange"]["vector_hops"] == 2


@pytest.mark.parametrize(
    "words",
    [
        "--chips 0",
        "--chips 7",
        "--chips 10448",
        "--do all-reduce --group 0-8",
        "--do all-reduce --group 5-1",
        "--do all-reduce --group x",
        "--do hand-over --group 0",
        "--do hand-over --group 0 --to 0",
        "--do all-gather --vectors 0",
        "--do all-gather --seeds -1",
        "--do all-gather --noise 2",
        "--chips 10440 --do hand-over --group 0 --to 1 --seeds 20",
        "--do all-gather --fail chip:99",
        "--do all-gather --fail disk:1",
        "--topology /nowhere.toml",
    ],
)
def test_what_can_not_be_done_is_one_line(words: str) -> None:
    """An error says what is wrong; nothing is a traceback."""
    with pytest.raises(LpuError) as caught:
        run_command(["network", *words.split()])
    assert "\n" not in str(caught.value)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(["--group", "--fail", "--to"]),
    st.text(st.sampled_from("0123456789-,:@chipl nk\u0663"), max_size=14),
)
def test_any_words_are_an_answer_or_an_error(option: str, text: str) -> None:
    """Chips and failures are read within bounds, whatever is written."""
    words = [
        "network",
        "--do",
        "hand-over",
        "--group",
        "0",
        "--to",
        "1",
        "--vectors",
        "1",
        f"{option}={text}",
    ]
    try:
        said = run_command(words)
    except LpuError as error:
        said = str(error)
        lines = 1
    else:
        lines = said.count("\n") + 1
    assert said
    assert said.count("\n") < lines
