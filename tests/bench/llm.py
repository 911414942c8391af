"""Tokens a second of our streaming wrapper against bare llama.cpp, interleaved in one process.

    python -m tests.bench.llm [--rounds 9] [--tokens 64] [--json]

Bare: a greedy loop on llama.cpp's C interface, nothing else in it. Wrapper: `LlamaChat.stream`. Lane: the same through
the session's scheduler and an event loop. Measured on this machine; the ratio is what counts.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import time
from collections.abc import Callable

from inference.llm.llamacpp import LlamaCpp
from inference.llm.native import NativeContext
from inference.llm.prompt import Prompts
from inference.protocols import Chat
from inference.types import Cancel, ChatRequest, Message, Sampling, texts
from voice_app.core.ports import Priority
from voice_app.runtime.engines import build_llm
from voice_app.runtime.scheduler import Scheduler
from voice_app.runtime.settings import load_settings

STORY = (Message("user", "Tell me a long story about a dog and the sea."),)


def bare(llm: LlamaCpp, chat: Chat, tokens: int) -> float:
    """Return tokens a second of a loop of decode and greedy sample on the C interface."""
    lib, context = llm.model.lib, llm.context
    assert isinstance(context, NativeContext)
    prompt, _ = Prompts(llm.model).asked(STORY)
    chat.forget()
    context.decode(0, prompt, 0, [len(prompt) - 1], Cancel())
    sampler = lib.llama_sampler_init_greedy()
    token = lib.llama_sampler_sample(sampler, context.pointer, -1)
    start_s = time.perf_counter()
    for _ in range(tokens):
        batch = (lib.llama_token * 1)(token)
        lib.llama_decode(context.pointer, lib.llama_batch_get_one(batch, 1))
        token = lib.llama_sampler_sample(sampler, context.pointer, -1)
    rate = tokens / (time.perf_counter() - start_s)
    lib.llama_sampler_free(sampler)
    chat.forget()
    return rate


def request(tokens: int) -> ChatRequest:
    return ChatRequest(STORY, tokens + 1, Sampling(repeat_penalty=1.0))


def wrapper(chat: Chat, tokens: int) -> float:
    """Return tokens a second of our stream."""
    items = texts(chat.stream(request(tokens)))
    next(items)
    start_s = time.perf_counter()
    count = sum(1 for _ in items)
    return count / (time.perf_counter() - start_s)


def scheduled(chat: Chat, tokens: int, scheduler: Scheduler) -> float:
    """Return tokens a second through scheduler and event loop."""

    async def read() -> float:
        count, start_s = 0, 0.0
        async for _ in scheduler.session("").stream(
            lambda: Priority.FIRST_TOKENS, texts(chat.stream(request(tokens))), on="llm"
        ):
            count += 1
            start_s = start_s or time.perf_counter()
        return (count - 1) / (time.perf_counter() - start_s)

    return asyncio.run(read())


def measure(rounds: int, tokens: int) -> dict[str, list[float]]:
    """Return tokens a second of every way and round. The model runs in one thread, the scheduler's, throughout."""
    scheduler = Scheduler()
    llm = scheduler.prepare("llm", lambda: build_llm(load_settings())).result()
    assert isinstance(llm, LlamaCpp)
    chat = llm.chat()
    ways: dict[str, Callable[[], float]] = {
        "bare": lambda: scheduler.prepare("llm", lambda: bare(llm, chat, tokens)).result(),
        "wrapper": lambda: scheduler.prepare("llm", lambda: wrapper(chat, tokens)).result(),
        "scheduler": lambda: scheduled(chat, tokens, scheduler),
    }
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            rates[name].append(way())
    scheduler.close()
    return rates


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rates = measure(options.rounds, options.tokens)
    ratios = {
        name: statistics.median(a / b for a, b in zip(rates[name], rates["bare"], strict=True))
        for name in ("wrapper", "scheduler")
    }
    report = {
        "basis": "measured",
        **{f"{name}_tokens_per_s": round(statistics.median(values), 1) for name, values in rates.items()},
        **{f"{name}_to_bare": round(ratio, 3) for name, ratio in ratios.items()},
    }
    if options.json:
        print(json.dumps(report))
    else:
        for key, value in report.items():
            print(f"{key:28}", value)


if __name__ == "__main__":
    main()
