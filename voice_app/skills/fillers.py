"""What is said while an answer takes longer than that: words made beforehand, which are no part of the answer."""

from __future__ import annotations

from voice_app.core import clock
from voice_app.core.turn import TurnContext

THINKING = "Let me think about that."
LOOKING = "Let me look in your notes."
WORKING = "Let me work that out."
BRIDGES = (THINKING, LOOKING, WORKING)


def bridged(context: TurnContext, text: str, takes_s: float) -> None:
    """Have a bridge said once the turn is over, where the answer is then further away than the bridge is long."""
    opener = next((opener for opener in context.engines.bridges if opener.text == text), None)
    if opener:
        context.reply.filler = opener
        context.reply.due_s = clock.now() + takes_s
