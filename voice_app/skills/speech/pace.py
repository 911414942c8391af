"""How fast the voice speaks, as it is asked to aloud: from the next answer on, for the rest of the session."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

from voice_app.core.errors import ToolError
from voice_app.skills.skill import Arguments, Outcome, Skill, skill

STEP = 1.2
"""What one "slower" or "faster" changes: three of them are as much as a voice takes without sounding strange."""
SLOWEST, FASTEST = 0.6, 1.75
NO_VOLUME = "I can't change the volume yet."


class Speaking(Arguments):
    """How to speak."""

    action: Literal["slower", "faster", "normal", "volume"]


@dataclass(slots=True)
class Pace:
    """How fast the voice of a session speaks, as a multiple of its persona's speed."""

    tell: Callable[[float], None] = lambda _: None
    """Tells the voice."""
    factor: float = 1.0

    def set(self, factor: float) -> None:
        """Speak so fast."""
        self.factor = factor
        self.tell(factor)


def paced(factor: float, action: str) -> float:
    """Return how fast to speak after an action; the same as before where it would be too much."""
    if action == "normal":
        return 1.0
    wanted = factor / STEP if action == "slower" else factor * STEP
    return wanted if SLOWEST <= wanted <= FASTEST else factor


def speech_skill(pace: Pace) -> Skill:
    """Return the skill that has the voice speak slower or faster."""

    @skill("speech", about="Speaks slower, faster, or at the usual speed.")
    def speech(call: Speaking) -> Outcome:
        if call.action == "volume":
            raise ToolError(NO_VOLUME)
        factor = paced(pace.factor, call.action)
        if call.action != "normal" and factor == pace.factor:
            raise ToolError(f"I can't speak any {call.action}.")
        text = (
            "At my usual speed again." if call.action == "normal" else f"A little {call.action} from now on."
        )
        return Outcome(text, effect=partial(pace.set, factor))

    return speech
