"""The command line of estimates: words in, text or JSON out."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

from lpu_backend.chip.spec import SPECS
from lpu_backend.errors import EstimateError
from lpu_backend.estimate.compare import Setting, comparison
from lpu_backend.estimate.estimate import (
    DEFAULT_CONTEXT,
    DEFAULT_PROMPT,
    USD_PER_CHIP_HOUR,
    Estimate,
    Question,
    estimate,
)
from lpu_backend.estimate.estimate_page import PAGE, Findings, intensity_drawing, write
from lpu_backend.estimate.estimate_page import as_text as validation_text
from lpu_backend.estimate.estimate_report import as_json, as_text, comparison_text, table
from lpu_backend.estimate.gpu import Launch, find_gpu, gpus
from lpu_backend.estimate.sensitivity import sensitivities
from lpu_backend.estimate.shapes import Precision, find_model
from lpu_backend.estimate.sweep import SHOWN, By, cells, sweep
from lpu_backend.estimate.validate import frozen, validate
from lpu_backend.system.topology_file import read_topology
from lpu_backend.system.wire import WIRE, WireSpec

COMMANDS = ("estimate", "compare", "validate", "sweep")


def add_commands(commands: Any) -> None:
    """Add them to the commands of a parser."""
    for name, act, add_options, text in (
        ("estimate", _estimate, _estimate_options, "what a system of chips does with a model of any size"),
        ("compare", _compare, _compare_options, "the same work on chips and on GPUs"),
        ("validate", _validate, _validate_options, "published figures beside ours, misses shown as misses"),
        ("sweep", _sweep, _sweep_options, "estimates over chips × models × contexts × precisions"),
    ):
        command = commands.add_parser(name, help=text, description=f"{text}.".capitalize())
        command.set_defaults(act=act)
        add_options(command)


def question_options(command: argparse.ArgumentParser) -> None:
    """Add what a question is made of."""
    command.add_argument("--model", required=True, help="a name of assets/lpu/models.toml, or such a file")
    size = command.add_mutually_exclusive_group(required=True)
    size.add_argument("--chips", type=int, help="1, 2, 4, or whole nodes of 8, up to 10,440")
    size.add_argument("--topology", type=Path, help="a file of chips and cables (TOML), instead of a number")
    command.add_argument(
        "--context", type=int, help=f"tokens a user's cache holds (default {DEFAULT_CONTEXT:,})"
    )
    command.add_argument("--prompt", type=int, help=f"tokens before the first (default {DEFAULT_PROMPT})")
    command.add_argument("--precision", choices=get_args(Precision), default="int8")
    command.add_argument("--ways", type=int, help="chips that share a layer; without it, the quickest")
    command.add_argument(
        "--clock", choices=sorted(SPECS), default="product", help="900 MHz or the papers' 1 GHz"
    )
    command.add_argument("--usd-per-chip-hour", type=float, default=USD_PER_CHIP_HOUR)
    command.add_argument("--json", action="store_true")


def asked(options: argparse.Namespace) -> Estimate:
    """Return the estimate that options ask for. Raises LpuError."""
    model, wire = find_model(options.model), wire_of(options.clock)
    context = min(DEFAULT_CONTEXT, model.context) if options.context is None else options.context
    prompt = min(DEFAULT_PROMPT, context) if options.prompt is None else options.prompt
    system = read_topology(options.topology, wire) if options.topology else None
    question = Question(
        model=model,
        chips=system.chips if system else options.chips,
        context=context,
        prompt=prompt,
        precision=options.precision,
        tp_degree=options.ways,
        usd_per_chip_hour=options.usd_per_chip_hour,
    )
    return estimate(question, wire, system=system)


def wire_of(clock: str) -> WireSpec:
    """Return the links with the chip at a clock."""
    return WIRE if clock == "product" else WireSpec(chip=SPECS[clock])


def _estimate_options(command: argparse.ArgumentParser) -> None:
    question_options(command)


def _estimate(options: argparse.Namespace) -> str:
    found = as_json(asked(options))
    return json.dumps(found) if options.json else as_text(found)


def _compare_options(command: argparse.ArgumentParser) -> None:
    question_options(command)
    command.add_argument("--gpu", action="append", help="a100, h100, h200, b200; without it, all four")
    command.add_argument(
        "--gpu-precision", choices=("fp16", "int8"), default="fp16", help="int8 is FP8's rate, too"
    )
    command.add_argument("--gpu-launch", choices=get_args(Launch), default="graph")
    command.add_argument(
        "--gpus", type=int, help="GPUs that share the model; without it, the fewest that hold it"
    )
    command.add_argument(
        "--plot", type=Path, help="write operations a byte over the batch, with ridges, as SVG"
    )
    command.add_argument(
        "--batch", type=int, default=1, help="users of the GPUs at once (default %(default)s)"
    )


def _compare(options: argparse.Namespace) -> str:
    names = [find_gpu(name).name for name in options.gpu or gpus()]
    if options.batch < 1 or (options.gpus is not None and options.gpus < 1):
        raise EstimateError("a batch and a number of GPUs are 1 or more")
    setting = Setting(options.gpu_precision, options.gpu_launch, options.batch, options.gpus)
    estimated = asked(options)
    found = comparison(estimated, setting, SPECS[options.clock], names)
    if options.plot:
        _save(options.plot, intensity_drawing(estimated.question.model, estimated.question.context))
    return json.dumps(found) if options.json else comparison_text(found)


def _save(path: Path, content: str) -> None:
    try:
        path.write_text(content, encoding="utf-8")
    except OSError as error:
        raise EstimateError(f"{path}: can't be written ({error.strerror}); choose another file") from error


def _validate_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--sensitivity", action="store_true", help="what each uncertain constant moves, too: minutes"
    )
    command.add_argument(
        "--page", action="store_true", help=f"write {PAGE} and its drawings, with the sensitivity"
    )
    command.add_argument("--json", action="store_true")


def _validate(options: argparse.Namespace) -> str:
    tell = progress_on_terminal()
    found: Findings = {
        "rows": [asdict(row) for row in validate(progress=tell)],
        "frozen": [{"name": name, "sha256": digest, "holds": holds} for name, digest, holds in frozen()],
        "sensitivity": [],
    }
    if options.sensitivity or options.page:
        found["sensitivity"] = [asdict(one) for one in sensitivities(progress=tell)]
    if options.page:
        room = Path(__file__).parents[1]
        return "\n".join(str(path) for path in write(json.loads(json.dumps(found)), room))
    return json.dumps(found) if options.json else validation_text(found)


def _sweep_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--models", required=True, help="names with commas between them")
    command.add_argument("--chips", required=True, help="numbers with commas between them")
    command.add_argument("--contexts", default="4096", help="tokens, with commas (default %(default)s)")
    command.add_argument("--precisions", default="int8", help="with commas: int8, mixed, fp16")
    command.add_argument(
        "--out", type=Path, default=Path("sweep-out"), help="folder; a stopped sweep goes on there"
    )
    command.add_argument("--by", choices=get_args(By), default="auto", help="auto: Ray where it is installed")
    command.add_argument("--workers", type=int, default=2)
    command.add_argument("--json", action="store_true")


def _sweep(options: argparse.Namespace) -> str:
    grid = cells(
        options.models.split(","),
        options.precisions.split(","),
        numbers(options.chips),
        numbers(options.contexts),
    )
    rows = sweep(grid, options.out, options.by, options.workers, progress_on_terminal())
    if options.json:
        return json.dumps(rows)
    shown = [[str(row.get(name, "")) for name in SHOWN] for row in rows]
    return "\n".join([*table([list(SHOWN), *shown]), f"{options.out}: rows.jsonl, sweep.csv, sweep.svg"])


def numbers(words: str) -> list[int]:
    """Return numbers with commas between them. Raises EstimateError."""
    try:
        return [int(word) for word in words.split(",")]
    except ValueError:
        raise EstimateError(f"{words[:40]!r} are no numbers; write 72,576") from None


def progress_on_terminal() -> Callable[[int, int], None] | None:
    """Return what draws a bar on the standard error, where that is a terminal."""
    if not sys.stderr.isatty():
        return None

    def draw(done: int, of: int) -> None:
        filled = 30 * done // max(of, 1)
        end = "\n" if done == of else ""
        sys.stderr.write(f"\r[{'#' * filled}{'.' * (30 - filled)}] {done} of {of}{end}")
        sys.stderr.flush()

    return draw
