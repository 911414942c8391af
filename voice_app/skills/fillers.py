"""Filler words: what is said while an answer takes longer than that. They are no part of the answer."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator
from contextlib import contextmanager

from voice_app.core import clock
from voice_app.core.turn import THINKING, TurnContext

LOOKING = "Let me look in your notes."
WORKING = "Let me work that out."
FILLERS = (THINKING, LOOKING, WORKING)
BRIDGE_FROM_S = 0.3
"""How long a skill is chosen before an opener bridges the wait: the words are known 0.1 s after the user's end."""


def set_filler(context: TurnContext, text: str, takes_s: float) -> None:
    """Have a filler said once the turn is over, where the answer then takes longer than the filler lasts."""
    filler = next((filler for filler in context.engines.fillers if filler.text == text), None)
    if filler:
        context.reply.filler = filler
        context.reply.due_s = clock.now() + takes_s


@contextmanager
def bridging(context: TurnContext) -> Iterator[None]:
    """Have an opener said where what is done meanwhile, of unknown length, takes longer than `BRIDGE_FROM_S`."""
    timer = asyncio.get_running_loop().call_later(BRIDGE_FROM_S, _bridge, context)
    try:
        yield
    finally:
        timer.cancel()


def _bridge(context: TurnContext) -> None:
    openers, reply = context.engines.openers, context.reply
    if openers and reply.filler is None:
        reply.filler, reply.due_s = openers[len(context.turns) % len(openers)], math.inf
        reply.bridged.set()
