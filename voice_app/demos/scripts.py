"""What is said in the demonstrations, and how the bundled voice is given it."""

from __future__ import annotations

from dataclasses import dataclass

SPEED = 0.9
"""Of the voice that asks: unhurried, as to a machine."""


@dataclass(frozen=True, slots=True)
class ScriptLine:
    """A request."""

    said: str
    aloud: str = ""
    """The same words with other stops; empty: as it stands. The bundled voice runs "this itinerary" together, and
    pauses so long in "Atlanta, Georgia" that speech to text begins a sentence there."""

    @property
    def for_voice(self) -> str:
        return self.aloud or self.said


ITINERARY = (
    ScriptLine(
        "I'd like to visit New York City for two days, and I'd like an itinerary that includes things that are not "
        "typically touristy. Can you make that itinerary for me?"
    ),
)
TABLE = (
    *ITINERARY,
    ScriptLine("Can you put this itinerary in a table?", aloud="Can you put this, itinerary, in a table?"),
    ScriptLine("Please add a column with the approximate cost of each event."),
    ScriptLine(
        "Now, can you do this for Atlanta, Georgia also?",
        aloud="Now can you do this for Atlanta Georgia also?",
    ),
)
SCRIPTS = {"itinerary": ITINERARY, "table": TABLE}
