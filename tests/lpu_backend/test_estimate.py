"""Models divided over chips, and what that gives; a toy of arithmetic for the division, real programs for the rest."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpu_backend.errors import EstimateError, LpuError
from lpu_backend.estimate.costs import Costs, compiled_shape
from lpu_backend.estimate.estimate import Question, estimate
from lpu_backend.estimate.estimate_report import as_json
from lpu_backend.estimate.partition import Part, divide
from lpu_backend.estimate.shapes import PublishedModel, find_model
from lpu_backend.lpu_command import run_command
from lpu_backend.system.collectives import hand_over
from lpu_backend.system.topology import system_of

TOY = PublishedModel(
    name="toy", source="test", style="llama", layers=6, width=640, heads=8, kv_heads=4, head_width=64, ffn=1280,
    vocabulary=3200, context=512, tied=False,
)  # fmt: skip


def question(chips: int, **more: object) -> Question:
    return Question(**{"model": TOY, "chips": chips, "context": 256, "prompt": 64} | more)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache of programs for all."""
    return tmp_path_factory.mktemp("programs")


def parts(layers: int, size: int, kv: int, end: int) -> tuple[Part, ...]:
    made = [Part("embedding", -1, end)]
    for layer in range(layers):
        made += [Part("attention", layer, size, kv), Part("feed_forward", layer, 3 * size)]
    return (*made, Part("head", -1, end))


@given(st.integers(1, 40), st.integers(1, 30), st.integers(1, 20), st.integers(1, 100), st.integers(4, 200))
def test_a_division_holds_every_part_once_and_nothing_too_large(
    layers: int, size: int, kv: int, end: int, groups: int
) -> None:
    """In order, each group within its room, no more groups than there are; or a line that says why not."""
    asked = parts(layers, size, kv, end)
    try:
        found = divide(groups * 4, 4, asked, 100)
    except EstimateError as error:
        said, found = str(error), None
    if found is None:
        assert "\n" not in said
        return
    assert tuple(part for stage in found.stages for part in stage.parts) == asked
    assert all(stage.bytes + found.users_that_fit * stage.kv_bytes <= 100 for stage in found.stages)
    assert found.copies * len(found.stages) <= groups
    assert len({chip for stage in found.stages for chip in stage.chips}) == 4 * len(found.stages)


def test_more_chips_shorten_the_slowest_stage() -> None:
    """With room for everything on one group, more groups still take fewer parts each."""
    longest = [
        max(len(stage.parts) for stage in divide(chips, 1, parts(8, 1, 1, 1), 100).stages)
        for chips in (1, 2, 4, 8)
    ]

    assert longest == sorted(longest, reverse=True)
    assert longest[0] == 18 > longest[-1]


@pytest.mark.slow
def test_stages_add_up_to_the_token(folder: Path) -> None:
    """Cycles a token are those of the stages, to the cycle; the times are those of the cycles and the host's link."""
    found = estimate(question(8), folder=folder)
    told = as_json(found)

    assert told["cycles_per_token"] == sum(stage["cycles"] for stage in told["stages"])
    assert told["tpot_ms"] == pytest.approx(
        told["cycles_per_token"] / 9e5 + told["host_link_us"] / 1e3, abs=1e-4
    )
    assert told["tokens_per_s_per_user"] == pytest.approx(1e3 / told["tpot_ms"], rel=1e-3)
    assert told["joules_per_token"] == pytest.approx(8 * 185 / told["tokens_per_s_aggregate"], rel=1e-3)
    assert told["tokens_per_usd"] == pytest.approx(told["tokens_per_s_aggregate"] * 3600 / 8, rel=1e-3)
    assert told["ttft_ms"] > told["tpot_ms"]


@pytest.mark.slow
def test_an_estimate_is_the_same_every_time(folder: Path, tmp_path: Path) -> None:
    """From a warm cache, from an empty one, to the digit; at the papers' clock only seconds change."""
    asked = question(4)
    warm, cold = (as_json(estimate(asked, folder=where)) for where in (folder, tmp_path))

    assert warm == cold


def test_sharing_a_layer_trades_programs_for_exchanges(folder: Path) -> None:
    """One chip has no exchanges; more chips a layer have shorter programs and pay for sums."""
    alone, four = (estimate(question(4, tp_degree=tp_degree), folder=folder).decode for tp_degree in (1, 4))

    assert sum(stage.exchange_cycles for stage in alone) == 0
    assert sum(stage.exchange_cycles for stage in four) > 0
    assert sum(stage.program_cycles for stage in four) < sum(stage.program_cycles for stage in alone)


@pytest.mark.slow
def test_the_quickest_division_is_taken(folder: Path) -> None:
    """Of all sizes of groups."""
    best = estimate(question(8), folder=folder).tpot_s

    assert best == min(
        estimate(question(8, tp_degree=tp_degree), folder=folder).tpot_s for tp_degree in (1, 2, 4, 8)
    )


@pytest.mark.slow
def test_a_longer_context_and_a_longer_prompt_take_longer(folder: Path) -> None:
    """The token that is timed sees all of the context."""
    short, long = (estimate(question(8, context=context), folder=folder) for context in (128, 512))

    assert short.cycles_per_token < long.cycles_per_token
    assert estimate(question(8, prompt=128), folder=folder).ttft_s > short.ttft_s


def test_hand_overs_are_the_same_wherever_they_are(folder: Path) -> None:
    """Every node of a rack, every rack: what is scheduled once is what each pair would take."""
    shape, _ = compiled_shape(replace(TOY, width=2048, head_width=256), "int8")
    for chips, pairs in (
        (576, ((0, 8), (8, 16), (56, 64), (64, 72), (136, 144), (4, 8))),
        (64, ((0, 8), (40, 48))),
    ):
        system = system_of(chips)
        costs = Costs(shape, system, folder)
        for first, second in pairs:
            source, target = (tuple(range(start, start + 4)) for start in (first, second))
            assert costs.hand_over(source, target, 1) == hand_over(system, source, target, 28).cycles


def test_idle_layers_take_room_and_no_time(folder: Path) -> None:
    """Layers of cross-attention, without an image."""
    plain = estimate(question(8, tp_degree=2), folder=folder)
    more = estimate(question(8, tp_degree=2, model=replace(TOY, idle_layers=2)), folder=folder)

    assert sum(stage.program_cycles for stage in more.decode) == sum(s.program_cycles for s in plain.decode)
    assert sum(len(stage.parts) for stage in more.partition.stages) == 2 * 8 + 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--model llama-3-8b --chips 0", "0 chips"),
        ("--model llama-3-8b --chips 7", "7 chips"),
        ("--model llama-3-8b --chips 20000", "20,000 chips"),
        ("--model llama-2-70b --chips 8", "do not fit; take 305 chips"),
        ("--model llama-2-70b --chips 576 --precision fp16", "the weights alone do not fit"),
        ("--model llama-2-70b --chips 576 --context 5000", "llama-2-70b has 1 to 4,096"),
        ("--model llama-2-70b --chips 576 --prompt 5000", "a prompt of 5,000"),
        ("--model llama-3-8b --chips 72 --ways 5", "no groups of 5"),
        ("--model bert-base --chips 8 --context 128", "encoder"),
        ("--model lama --chips 8", "no shape is known"),
        ("--model missing.toml --chips 8", "can't be read"),
        ("--model llama-3-8b --topology pyproject.toml", "pyproject.toml"),
        ("--model llama-3-8b --chips 72 --usd-per-chip-hour 0", "price"),
    ],
)
def test_bad_questions_are_told_in_one_line(words: str, said: str) -> None:
    """What is wrong, and what to do."""
    with pytest.raises(LpuError) as caught:
        run_command(["estimate", *words.split()])

    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_command_line_answers(tmp_path: Path) -> None:
    """JSON with the promised names; text with the same figures."""
    path = tmp_path / "toy.toml"
    fields = {name: getattr(TOY, name) for name in TOY.__slots__ if getattr(TOY, name) is not None}
    path.write_text(
        "[[model]]\n" + "".join(f"{name} = {json.dumps(value)}\n" for name, value in fields.items())
    )
    words = ["estimate", "--model", str(path), "--chips", "2", "--context", "128", "--prompt", "32"]
    found = json.loads(run_command([*words, "--json"]))

    assert {
        "ttft_ms", "tpot_ms", "tokens_per_s_per_user", "tokens_per_s_aggregate", "chips", "racks", "watts",
        "joules_per_token", "tokens_per_usd", "stages",
    } <= found.keys()  # fmt: skip
    assert f"{found['cycles_per_token']:,}" in run_command(words)
    compared = json.loads(run_command(["compare", *words[1:], "--gpu", "h100", "--json"]))
    assert compared["latency_ratio"]["h100"] == pytest.approx(
        compared["lpu"]["tpot_ms"] / compared["gpus"][0]["tpot_ms"], rel=1e-2
    )
    assert "H100" in run_command(["compare", *words[1:], "--plot", str(tmp_path / "plot.svg")])
    assert "<svg" in (tmp_path / "plot.svg").read_text()
    answers = compared["best_of_n"]
    assert [row["samples"] for row in answers] == [1, 4, 16, 64]
    assert all(row["lpu_s"] <= more["lpu_s"] for row, more in pairwise(answers))


def test_published_shapes_can_all_be_asked() -> None:
    """Every decoder has a compiled shape, and what differs is noted."""
    assert compiled_shape(find_model("llama-2-70b"), "int8")[1] == ()
    assert "gate too many" in compiled_shape(find_model("falcon-180b"), "int8")[1][0]
    assert "two of the layer's four norms" in compiled_shape(find_model("gemma-2-9b"), "int8")[1][0]
