"""The calls of earlier turns that words may go on from."""

from __future__ import annotations

import json
from collections.abc import Sequence

from voice_app.core.history import Exchange, SkillCall
from voice_app.skills.skill import Called

LATEST_TURNS = 4
"""Turns after which nobody says "it" of what a skill did; a question back is answered at once, or not at all."""


def calls_before(turns: Sequence[Exchange]) -> tuple[Called, ...]:
    """Return the calls of the last turns, the most recent first."""
    found = []
    for back, turn in enumerate(reversed(turns[-LATEST_TURNS:])):
        for call in reversed(turn.calls):
            asks = call.kind == "question"
            if call.kind != "refusal" and (back == 0 or not asks):
                found.append(_called(call, back))
    return tuple(found)


def _called(call: SkillCall, ago: int) -> Called:
    arguments = json.loads(call.arguments)
    return Called(call.skill, arguments, call.output, clarifies=call.kind == "question", ago=ago)
