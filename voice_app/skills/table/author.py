"""Who writes the cells of a table: the turn's language model, under a grammar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from inference.types import LlmCapabilities, Message, Sampling
from voice_app.core.turn import TurnContext

LEAST_PARAMETERS = 10**9
"""Of a model that is asked for places by their names: the 1.5B knows them, the 135M makes them up."""


def knows_places(llm: LlmCapabilities) -> bool:
    """Return whether a language model can be asked for places; one elsewhere is taken to be large."""
    return not llm.local or llm.parameters >= LEAST_PARAMETERS


@dataclass(frozen=True, slots=True)
class Author:
    """Writes cells; another seed writes other ones."""

    context: TurnContext
    seed: int = 0
    knows_places: bool = False

    async def write(
        self, messages: Sequence[Message], held: str, most: int, *, draw: int = 0, temperature: float = 0.0
    ) -> str:
        """Return what the model writes under a grammar, in at most so many tokens; `draw` is the seed."""
        sampling = Sampling(temperature=temperature, repeat_penalty=1.0, seed=draw)
        tokens = self.context.written(messages, max_tokens=most, grammar=held, sampling=sampling)
        return "".join([token.text async for token in tokens])
