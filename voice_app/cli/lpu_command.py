"""`voice-app lpu`: the emulated chip. `run --prompt` answers a text; the rest is `lpu_backend`'s own command line."""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import typer

from inference.errors import ModelError
from inference.llm.pace import Pace
from inference.types import ChatRequest, Message, Sampling, Text, Usage, texts
from lpu_backend.errors import LpuError
from lpu_backend.lpu_command import WITHOUT_A_FILE, run_command
from lpu_backend.run_tokens import stage_lines
from lpu_backend.system.pipeline_steps import Steps
from voice_app.runtime.engines import build_lpu, chosen_llm, find_model
from voice_app.runtime.settings import Settings, load_settings

SYSTEM = "You are a helpful assistant."
"""With its template's own prompt, the embedded model answers easy questions in French."""


def run_lpu(words: Sequence[str]) -> int:
    """Print what a command gives; return the exit status. Raises ModelError."""
    settings = load_settings(models={"llm_backend": "lpu"})
    if words[:1] == ["run"] and any(word.startswith("--prompt") for word in words):
        options = _parser().parse_args(words[1:])
        chosen = {"llm": options.model, "lpu_chips": options.chips}
        given = {name: value for name, value in chosen.items() if value is not None}
        settings = load_settings(models={"llm_backend": "lpu", **given})
        report = generate_text(settings, options.prompt, options.count)
        typer.echo(json.dumps(report) if options.json else _summary(report))
    else:
        asks_for_a_file = words[:1] and words[0] not in WITHOUT_A_FILE
        path = find_model(chosen_llm(settings).name, "llm").path if asks_for_a_file else None
        try:
            typer.echo(run_command(words, path))
        except LpuError as error:
            raise ModelError(str(error)) from error
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lpu run", description="Answer a text with tokens of the emulated chip."
    )
    parser.add_argument("--prompt", required=True, help="what the user says")
    parser.add_argument("--count", type=int, default=64, help="tokens at most (default %(default)s)")
    parser.add_argument("--model", help="a name (`models list`) or a GGUF file")
    parser.add_argument("--chips", type=int, help="a pipeline of so many chips: 1, 2, 4 or whole nodes of 8")
    parser.add_argument("--json", action="store_true")
    return parser


def generate_text(settings: Settings, prompt: str, most: int) -> dict[str, Any]:
    """Answer greedily, without a persona."""
    llm = build_lpu(settings)
    chat = llm.chat()
    messages = (Message("system", SYSTEM), Message("user", prompt))
    started_s, times_s, tokens = time.perf_counter(), [], []
    for token in texts(chat.stream(ChatRequest(messages, most, Sampling(repeat_penalty=1.0)))):
        times_s.append(time.perf_counter() - started_s)
        tokens.append(token)
    steps_s = [later - sooner for sooner, later in pairwise(times_s)]
    return {
        "text": "".join(token.text for token in tokens).strip(),
        "tokens": len(tokens),
        **_emulated(llm.pace, chat.usage, tokens),
        "host_ttft_ms": round(times_s[0] * 1000, 1) if times_s else None,
        "host_tokens_per_s": round(1 / statistics.median(steps_s), 1) if steps_s else None,
        "basis": {"emulated": "cycles of the compiled program", "host": "measured"},
    }


def _emulated(pace: Pace, usage: Usage, tokens: Sequence[Text]) -> dict[str, Any]:
    """Return what the compiled programs say of a reply to a prompt that was not cached."""
    timetable = pace.timing
    assert isinstance(timetable, Steps)
    steps = [
        timetable.decode_cycles(usage.prompt_tokens + number) for number in range(max(len(tokens) - 1, 1))
    ]
    cycles = statistics.mean(steps)
    used = timetable.summary(*next(timetable.cut(1, usage.prompt_tokens)))
    step_s = cycles / timetable.clock_hz + timetable.link_s
    kept = (
        "program_digest",
        "chips",
        "sram_bytes_used",
        "utilisation",
        "power_w",
        "hand_over_cycles",
        "stages",
    )
    return {
        "cycles_prefill": timetable.prefill_cycles(usage.prompt_tokens, 0),
        "cycles_per_token": round(cycles, 1),
        "emulated_ttft_ms": round((tokens[0].emulated_s or 0.0) * 1000, 4) if tokens else None,
        "emulated_tokens_per_s": round(1 / step_s, 1),
        "emulated_tokens_per_s_without_the_host_link": round(timetable.clock_hz / cycles, 1),
        **{key: used[key] for key in kept if key in used},
    }


def _summary(report: dict[str, Any]) -> str:
    emulated, host = report["emulated_tokens_per_s"], report["host_tokens_per_s"]
    cycles = f"{report['cycles_per_token']:,} cycles a token"
    summary = (
        f"{report['text']}\n\n{report['tokens']} tokens; emulated: {cycles}, {emulated:,} tokens/s, "
        f"first token after {report['emulated_ttft_ms']} ms; measured on this host: {host} tokens/s"
    )
    return "\n".join([summary, *stage_lines(report)])
