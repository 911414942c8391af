"""`lpu page`: compiles what the page shows, or finds it in the cache, and writes the page."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lpu_backend.chip.spec import PRODUCT
from lpu_backend.compiler.steps import BUCKETS, CompiledSteps
from lpu_backend.errors import CapacityError, GraphError, LpuError
from lpu_backend.estimate.costs import compiled_shape
from lpu_backend.estimate.shapes import find_model
from lpu_backend.model.gguf_file import open_gguf
from lpu_backend.model.shape import ModelShape, read_shape
from lpu_backend.page.facts import step_of
from lpu_backend.page.page import Shown, page
from lpu_backend.system.pipeline_steps import steps_on

MODEL = "smollm2-135m"
PROMPT_TOKENS = 100
PIPELINES = (1, 2, 4, 8)
POSITIONS = 1024


def page_options(command: argparse.ArgumentParser, model: Path | None) -> None:
    """Add the options of `page`. `model`: the file where none is named."""
    command.add_argument(
        "out", type=Path, nargs="?", default=Path("lpu.html"), help="the file (default %(default)s)"
    )
    command.add_argument(
        "--model",
        default=str(model or MODEL),
        help="a GGUF file, or a name of assets/lpu/models.toml (default %(default)s)",
    )
    command.add_argument(
        "--positions", type=int, default=POSITIONS, help="tokens the caches hold (default %(default)s)"
    )


def run_page_command(options: argparse.Namespace) -> str:
    """Write the page; return what is said of it. Raises LpuError."""
    text = page(shown(options.model, options.positions))
    try:
        options.out.write_text(text, "utf-8")
    except OSError as error:
        raise LpuError(f"{options.out}: can't be written ({error.strerror}); choose another file") from error
    return f"{options.out}: {len(text.encode()) / 1e3:,.0f} kB; open it in a browser"


def shown(model: str, positions: int) -> Shown:
    """Return what the page of a model shows. Raises LpuError for a model that can't be compiled for one chip."""
    name, shape = _shape(model)
    steps = CompiledSteps(shape, PRODUCT, min(positions, shape.context))
    seen = next(bucket for bucket in (*BUCKETS, steps.positions) if bucket <= steps.positions)
    return Shown(
        model=name,
        shape=shape,
        positions=steps.positions,
        seen=min(seen, steps.positions),
        step=step_of(steps.program(1, min(seen, steps.positions)), PRODUCT),
        spec=PRODUCT,
        programs=tuple(_programs(steps)),
        pipelines=tuple(_pipelines(shape, steps.positions)),
    )


def _shape(model: str) -> tuple[str, ModelShape]:
    """Return what a model is called, and its shape: of a file, or published."""
    if model.endswith(".gguf") or (Path(model).is_file() and not model.endswith(".toml")):
        return Path(model).stem, read_shape(open_gguf(Path(model)))
    return model, compiled_shape(find_model(model), "mixed")[0]


def _programs(steps: CompiledSteps) -> Iterator[dict[str, Any]]:
    """Yield the steps a conversation takes, with what they cost."""
    asked = {(1, position): "a token" for position in (0, 128, 256, 512, steps.positions - 1)}
    seen = set[tuple[int, int]]()
    for (tokens, position), what in {
        **asked,
        (32, 0): "a prompt’s block",
        (16, 0): "a prompt’s block",
    }.items():
        if position + tokens > steps.positions:
            continue
        for rows, bucket in list(steps.cut(tokens, position))[:1]:
            if (rows, bucket) not in seen:
                seen.add((rows, bucket))
                counted = steps.summary(rows, bucket)
                what_of = what if rows == 1 else f"{rows} tokens of a prompt"
                yield {**counted, "tokens": rows, "label": f"{what_of}, up to {bucket:,} seen"}


def _pipelines(shape: ModelShape, positions: int) -> Iterator[dict[str, Any]]:
    """Yield the decode step on several chips, as far as there are layers for them."""
    for chips in PIPELINES:
        try:
            steps = steps_on(shape, PRODUCT, positions, chips)
        except (GraphError, CapacityError):
            continue
        counted = steps.summary(*next(steps.cut(1, 0)))
        prompt = min(PROMPT_TOKENS, steps.positions)
        found = {"hand_over_cycles": [], "stages": [], **counted}
        yield {**found, "chips": chips, "prompt_cycles": steps.prefill_cycles(prompt, 0)}
