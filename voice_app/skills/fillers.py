"""Filler words: what is said while an answer takes longer than that. They are no part of the answer."""

from __future__ import annotations

from voice_app.core import clock
from voice_app.core.turn import THINKING, TurnContext

LOOKING = "Let me look in your notes."
WORKING = "Let me work that out."
FILLERS = (THINKING, LOOKING, WORKING)


def set_filler(context: TurnContext, text: str, takes_s: float) -> None:
    """Have a filler said once the turn is over, where the answer then takes longer than the filler lasts."""
    filler = next((filler for filler in context.engines.fillers if filler.text == text), None)
    if filler:
        context.reply.filler = filler
        context.reply.due_s = clock.now() + takes_s
