"""`voice-app talk`: a session with its lines on the terminal."""

from __future__ import annotations

from dataclasses import replace

from rich.console import Console

from voice_app.observe.console import ConsoleView
from voice_app.runtime.host import run_session
from voice_app.runtime.plan import SessionPlan


def talk_in_terminal(plan: SessionPlan) -> int:
    """Hold a session; return 1 when a reply failed, or recordings had no word in them, else 0."""
    view = ConsoleView(Console(), plan.settings.turn.budget_ms / 1000)
    run_session(replace(plan, listeners=(*plan.listeners, view)))
    if plan.recordings and not (view.answered or view.failed):
        view.note("no words were heard in what was to be heard")
        return 1
    return 1 if view.failed else 0
