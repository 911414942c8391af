"""What `python -m lpu_backend` does: compile a model, look at a program, run it, estimate. Words in, words out.

A program is compiled from a GGUF file, or read from its text form (`.lpu`). Times are emulated: cycles of the chip.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path

from lpu_backend.chip.assembly import parse
from lpu_backend.chip.listing import to_text
from lpu_backend.chip.program import Program
from lpu_backend.chip.spec import PRODUCT
from lpu_backend.chip.step import frames
from lpu_backend.chip.trace import chrome_trace, text_view
from lpu_backend.chip.verify import verify
from lpu_backend.compiler.compile import PASSES, compile_placed
from lpu_backend.compiler.summary import summary
from lpu_backend.errors import LpuError
from lpu_backend.estimate.estimate_command import COMMANDS as ESTIMATES
from lpu_backend.estimate.estimate_command import add_commands as add_estimates
from lpu_backend.model.gguf_file import open_gguf
from lpu_backend.model.graph import Kind, build_graph
from lpu_backend.model.shape import read_shape
from lpu_backend.page.page_command import page_options, run_page_command
from lpu_backend.system.network_command import network_options, run_network_command

LARGEST_TEXT_BYTES = 64 << 20
POSITIONS = 256
WITHOUT_A_FILE = (*ESTIMATES, "network")
"""Commands that take shapes, and no file of weights."""


def run_command(words: Sequence[str], model: Path | None = None) -> str:
    """Return what a command line prints. `model`: the file where none is named.

    Raises LpuError, and SystemExit for wrong usage.
    """
    options = parser(model).parse_args(words)
    text: str = options.act(options)
    return text


def parser(model: Path | None = None) -> argparse.ArgumentParser:
    """Return the commands and their options."""
    top = argparse.ArgumentParser(prog="lpu", description="An emulated LPU: compile, look, run.")
    commands = top.add_subparsers(required=True, metavar="command")
    for name, act, add_options, text in (
        ("compile", _compile, _compile_options, "compile a step of a model, prove it, count its cycles"),
        ("disasm", _disasm, _disasm_options, "print a program as assembly"),
        ("trace", _trace, _trace_options, "write a trace for Perfetto, or print units × cycles"),
        ("step", _step, _window_options, "show one cycle after another: instructions climb the tiles"),
        ("run", _run, _run_options, "compute tokens: numbers in, numbers out"),
    ):
        command = commands.add_parser(name, help=text, description=f"{text}.".capitalize())
        command.set_defaults(act=act)
        help_text = "a GGUF file" if act is _run else "a GGUF file, or a program as text (.lpu)"
        command.add_argument("file", type=Path, nargs="?" if model else None, default=model, help=help_text)
        add_options(command)
    network = commands.add_parser(
        "network", help="many chips: schedule, prove and play an exchange between them"
    )
    network_options(network)
    network.set_defaults(act=run_network_command)
    add_estimates(commands)
    paged = commands.add_parser(
        "page", help="write a page: the chip, what a model does on it, what is known of it"
    )
    page_options(paged, model)
    paged.set_defaults(act=run_page_command)
    return top


def _program_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--prefill", type=int, metavar="N", help="a step of N tokens; without it, one token")
    command.add_argument(
        "--positions",
        type=int,
        default=POSITIONS,
        help="tokens of context the step sees (default %(default)s)",
    )


def _window_options(command: argparse.ArgumentParser) -> None:
    _program_options(command)
    command.add_argument("--cycle", type=int, default=0, help="the first cycle shown")
    command.add_argument("--cycles", type=int, default=1, help="how many cycles are shown")


def _compile_options(command: argparse.ArgumentParser) -> None:
    _program_options(command)
    command.add_argument(
        "--stop-after",
        choices=PASSES,
        default=PASSES[-1],
        help="the last pass that runs (default %(default)s)",
    )
    command.add_argument("--map", action="store_true", help="print where everything lies in SRAM")
    command.add_argument("--json", action="store_true")


def _disasm_options(command: argparse.ArgumentParser) -> None:
    _program_options(command)
    command.add_argument("--lines", type=int, help="print no more than so many")


def _trace_options(command: argparse.ArgumentParser) -> None:
    _window_options(command)
    command.add_argument(
        "--out", type=Path, help="where the trace for Perfetto goes; without it, text is printed"
    )


def _run_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--tokens", required=True, help="numbers of the prompt's tokens: 1,2,3")
    command.add_argument("--count", type=int, default=16, help="tokens to compute (default %(default)s)")
    command.add_argument(
        "--chips", type=int, help="a pipeline of so many chips, 1, 2, 4 or whole nodes of 8, with its cycles"
    )
    command.add_argument(
        "--positions", type=int, default=POSITIONS, help="tokens of context (default %(default)s)"
    )
    command.add_argument("--json", action="store_true")


def _load(options: argparse.Namespace) -> Program:
    """Read a program's text, or compile a model's step."""
    path: Path = options.file
    if path.suffix != ".lpu":
        return _compiled(options)[0]
    try:
        if path.stat().st_size > LARGEST_TEXT_BYTES:
            raise LpuError(
                f"{path}: too large for a program as text; it has at most {LARGEST_TEXT_BYTES:,} bytes"
            )
        program = parse(path.read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise LpuError(f"{path}: can't be read ({error}); name a program as text") from error
    verify(program, PRODUCT)
    return program


def _compiled(options: argparse.Namespace) -> tuple[Program, str]:
    """Compile a model's step; return the program and the map of its memory."""
    shape = read_shape(open_gguf(options.file))
    kind: Kind = "prefill" if options.prefill else "decode"
    graph = build_graph(shape, kind, options.prefill or 1, options.positions)
    program, _, memory = compile_placed(graph, PRODUCT, getattr(options, "stop_after", PASSES[-1]))
    return program, memory


def _compile(options: argparse.Namespace) -> str:
    started_s = time.perf_counter()
    program, memory = (_load(options), "") if options.file.suffix == ".lpu" else _compiled(options)
    host_s = time.perf_counter() - started_s
    found = {**summary(program, PRODUCT), "compiled_on_host_s": round(host_s, 2)}
    if options.json:
        return json.dumps(found)
    lines = [f"{name.replace('_', ' '):28} {_shown(value)}" for name, value in found.items()]
    return "\n".join(lines + ([memory] if options.map else []))


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {share:.1%}" for name, share in value.items())
    return f"{value:,}" if isinstance(value, int) else str(value)


def _disasm(options: argparse.Namespace) -> str:
    lines = to_text(_load(options)).splitlines()
    return "\n".join(lines[: options.lines])


def _trace(options: argparse.Namespace) -> str:
    program = _load(options)
    if options.out is None:
        return text_view(program, options.cycle, max(options.cycles, 100))
    try:
        options.out.write_text(chrome_trace(program, PRODUCT))
    except OSError as error:
        raise LpuError(f"{options.out}: can't be written ({error.strerror}); choose another file") from error
    return f"{options.out}: open it at ui.perfetto.dev; a microsecond there is a cycle"


def _step(options: argparse.Namespace) -> str:
    return "\n\n".join(frames(_load(options), PRODUCT, options.cycle, options.cycles))


def _run(options: argparse.Namespace) -> str:
    from lpu_backend.run_tokens import run_tokens, told

    report = run_tokens(options.file, options.tokens, options.count, options.positions, options.chips)
    return json.dumps(report) if options.json else told(report)
