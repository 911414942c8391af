"""`voice-app ask`: one typed turn of a session without sound, with all its skills."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field

import typer

from voice_app.core import events
from voice_app.core.errors import VoiceAppError
from voice_app.observe.statistics import emulated
from voice_app.runtime.engine_set import load_text_only
from voice_app.runtime.host import hold_typed
from voice_app.runtime.plan import SessionPlan
from voice_app.runtime.settings import Settings


def run_ask(settings: Settings, text: str, as_json: bool, think: int = 1) -> None:
    """Print the answer to a question as it is written, or as JSON with its times (measured on this machine).

    With `think` the question is answered that many times, and what most answers agree on is printed. Raises
    ModelError, PersonaError, and VoiceAppError where there is no answer.
    """
    if think > 1:
        thinking = settings.thinking.model_copy(update={"samples": think})
        settings, text = settings.model_copy(update={"thinking": thinking}), f"Think harder: {text}"
    heard = TypedAnswer(echo=not as_json)
    plan = SessionPlan(settings.model_copy(update={"keep_log": False}), listeners=(heard,))
    engines = load_text_only(settings)
    try:
        asyncio.run(hold_typed(plan, [text], engines))
    finally:
        engines.close()
    if heard.status == "failed":
        raise VoiceAppError("; ".join(heard.notices) or "there is no answer")
    if as_json:
        typer.echo(json.dumps({**heard.as_json(), "llm": settings.models.llm_backend}, ensure_ascii=False))
    else:
        typer.echo()
        for line in (*heard.notices, *heard.considered()):
            typer.echo(line, err=True)


@dataclass(slots=True)
class TypedAnswer:
    """The result of a typed turn, from a session's events."""

    echo: bool
    """Whether the answer is printed as it is written."""
    asked_s: float = 0.0
    tokens: list[events.ResponseTextDelta] = field(default_factory=list)
    done: events.TextDone | None = None
    thought: events.Considered | None = None
    notices: list[str] = field(default_factory=list)
    status: str = ""

    def __call__(self, event: events.Event) -> None:
        """Take in one event."""
        match event:
            case events.TextSubmitted():
                self.asked_s = event.at_s
            case events.ResponseTextDelta():
                self.tokens.append(event)
                if self.echo:
                    typer.echo(event.delta, nl=False)
            case events.TextDone():
                self.done = event
            case events.Considered():
                self.thought = event
            case events.Noticed() if not self.asked_s:  # of the session, before the question
                typer.echo(event.message, err=True)
            case events.Noticed():
                self.notices.append(event.message)
            case events.ResponseDone():
                self.status = event.status
            case _:
                pass

    def as_json(self) -> dict[str, object]:
        """Return the answer with its times; rates and counts are of the language model's own tokens."""
        stamps = [token.at_s for token in self.tokens]
        rate = (len(stamps) - 1) / (stamps[-1] - stamps[0]) if len(set(stamps)) > 1 else None
        thought = {}
        if one := self.thought:
            spent_s, budget_s = round(one.spent_s, 3), one.budget_s
            thought = {"samples": one.samples, "agreed": one.agreed, "spent_s": spent_s, "budget_s": budget_s}
        return {
            "text": self.done.text.strip() if self.done else "",
            "tokens": self.done.tokens if self.done else 0,
            "ttft_ms": round((stamps[0] - self.asked_s) * 1000, 1) if stamps else None,
            "tokens_per_s": round(rate, 1) if rate else None,
            "basis": "measured",
            **emulated([token.emulated_s for token in self.tokens]),
            "late_tokens": self.done.late_tokens if self.done else 0,
            **thought,
        }

    def considered(self) -> list[str]:
        """Return what most answers agreed on, in words, where there were several."""
        if (one := self.thought) is None:
            return []
        used = f"{one.spent_s:.1f} s of {one.budget_s:.1f} s"
        return [f"{one.agreed} of {one.samples} answers agree; {used}, measured"]
