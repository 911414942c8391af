"""`voice-app demo compare`: one question to llama.cpp and to the emulated chip, as a race on the terminal.

Each runs alone, so that neither takes the other's cores; the race shows the tokens at the times they came. The chip's
times are emulated, llama.cpp's are measured, and what the emulation cost this machine stands beside them.
"""

from __future__ import annotations

import json as json_
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import typer
from rich.console import Console
from rich.live import Live
from rich.panel import Panel
from rich.table import Table as Drawn
from rich.text import Text

from inference.types import ChatRequest, Message, texts
from voice_app.runtime.engines import build_llm, llm_of_chip, with_models
from voice_app.runtime.persona import load_persona
from voice_app.runtime.settings import Settings

FRAME_S = 0.03
LINGER_S = 0.3
"""How long the finished race stands before the figures."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """A token of an answer and when it came, in seconds since the question."""

    text: str
    measured_s: float
    emulated_s: float | None


@dataclass(frozen=True, slots=True)
class Answered:
    """A backend's answer."""

    backend: str
    stamps: tuple[Stamp, ...]

    @property
    def text(self) -> str:
        return "".join(stamp.text for stamp in self.stamps).strip()

    @property
    def basis(self) -> str:
        """Return what its times in the race are: "measured" or "emulated"."""
        emulated = self.stamps and all(stamp.emulated_s is not None for stamp in self.stamps)
        return "emulated" if emulated else "measured"

    @property
    def times_s(self) -> list[float]:
        """Return when its tokens come in the race: by the chip's time where one is emulated."""
        if self.basis == "measured":
            return [stamp.measured_s for stamp in self.stamps]
        return [stamp.emulated_s or 0.0 for stamp in self.stamps]

    def until(self, passed_s: float) -> str:
        """Return the answer as far as it is there."""
        there = zip(self.stamps, self.times_s, strict=True)
        return "".join(stamp.text for stamp, at_s in there if at_s <= passed_s)

    def as_json(self) -> dict[str, Any]:
        """Return its figures; measured and emulated ones apart."""
        row: dict[str, Any] = {
            "backend": self.backend,
            "answer": self.text,
            "measured": token_figures([stamp.measured_s for stamp in self.stamps]),
        }
        if self.basis == "emulated":
            row["emulated"] = token_figures(self.times_s)
        return row


def token_figures(times_s: Sequence[float]) -> dict[str, float | int | None]:
    """Return the figures of a race from the times of its tokens; a rate needs two of them."""
    first, last = (times_s[0], times_s[-1]) if times_s else (None, None)
    rate = (len(times_s) - 1) / (last - first) if first is not None and last and last > first else None
    return {
        "tokens": len(times_s),
        "time_to_first_token_ms": None if first is None else round(first * 1000, 3),
        "total_ms": None if last is None else round(last * 1000, 3),
        "tokens_per_s": None if rate is None else round(rate, 1),
    }


def run_race(settings: Settings, question: str, json: bool) -> int:
    """Ask both backends, and show the race; return 1 when one has no answer."""
    settings = with_models(settings, llm=llm_of_chip(settings))  # the same weights race
    answered = [ask_backend(settings, backend, question) for backend in ("llama.cpp", "lpu")]
    if json:
        typer.echo(
            json_.dumps(
                {"question": question, "backends": [each.as_json() for each in answered]}, ensure_ascii=False
            )
        )
    else:
        show_race(Console(), question, answered)
    return 0 if all(each.text for each in answered) else 1


def ask_backend(settings: Settings, backend: str, question: str) -> Answered:
    """Ask one backend, its persona's prompt being read before, as in a conversation."""
    persona = load_persona(settings.persona).for_model(settings.models.llm)
    llm = build_llm(with_models(settings, llm_backend=backend))
    try:
        chat = llm.chat()
        chat.restore(persona.messages())
        request = ChatRequest(
            (*persona.messages(), Message("user", question)), persona.max_tokens, persona.draw()
        )
        start_s = time.perf_counter()
        stamps = [
            Stamp(token.text, time.perf_counter() - start_s, token.emulated_s)
            for token in texts(chat.stream(request))
        ]
    finally:
        llm.close()
    return Answered(backend, tuple(stamps))


def show_race(
    console: Console, question: str, answered: Sequence[Answered], sleep: Callable[[float], None] = time.sleep
) -> None:
    """Run the race on a terminal, at the times the tokens came; elsewhere only its end. Then the figures."""
    console.print(Text(question, "bold"))
    if console.is_terminal:
        with Live(console=console, auto_refresh=False) as live:
            for passed_s in frames(answered):
                live.update(side_by_side(answered, passed_s), refresh=True)
                sleep(FRAME_S)
            sleep(LINGER_S)
    else:
        for each in answered:
            console.print(Text(f"{each.backend} ({each.basis}): {each.text}"), soft_wrap=True)
    console.print(standings(answered))


def frames(answered: Sequence[Answered]) -> Iterator[float]:
    """Yield the moments that are drawn, in seconds since the question, up to the last token."""
    last_s = max((at_s for each in answered for at_s in each.times_s), default=0.0)
    for number in range(int(last_s / FRAME_S) + 1):
        yield number * FRAME_S
    yield last_s


def side_by_side(answered: Sequence[Answered], passed_s: float) -> Drawn:
    """Return the answers side by side as far as they have come."""
    grid = Drawn.grid(expand=True)
    for _ in answered:
        grid.add_column(ratio=1)
    panels = []
    for each in answered:
        there_s = [at_s for at_s in each.times_s if at_s <= passed_s]
        done = len(there_s) == len(each.times_s)
        state = f"done after {each.times_s[-1] * 1000:.1f} ms" if done and there_s else f"{passed_s:.2f} s"
        title = f"{each.backend}, {each.basis} time"
        panels.append(Panel(Text(each.until(passed_s).strip()), title=title, subtitle=state, height=12))
    grid.add_row(*panels)
    return grid


def standings(answered: Sequence[Answered]) -> Drawn:
    """Return the figures, a line for each backend and basis."""
    drawn = Drawn("backend", "basis", title="the same question")
    for name in ("first token ms", "all ms", "tokens", "tokens/s"):
        drawn.add_column(name, justify="right")
    for each in answered:
        row = each.as_json()
        for basis in ("emulated", "measured"):
            if found := row.get(basis):
                keys = ("time_to_first_token_ms", "total_ms", "tokens", "tokens_per_s")
                drawn.add_row(
                    each.backend, basis, *("-" if found[key] is None else f"{found[key]:g}" for key in keys)
                )
    return drawn
