"""What to do in a city, from a language model that knows it: a thing to do at a real place, in a few words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from voice_app.skills.table import cell_grammar as grammar
from voice_app.skills.table import cell_prompts as prompts
from voice_app.skills.table.author import Author
from voice_app.skills.table.table import clean
from voice_app.skills.word_lists import word_set, words_of

TRIES = 4
FIRST_TEMPERATURE, MORE_TEMPERATURE = 0.3, 0.25
"""Of the first try with a seed, and what each further one adds."""
MOST_PLACE_WORDS = 5
ACTIVITY_TOKENS = 24
_OPEN_ENDS = word_set("of the and in at on a an for with to de la le du from near by de' der di el del")
_COMMON = word_set(
    "the a an of and in at on for with to from near by park museum street market restaurant cafe bar hotel church city "
    "square garden river old town national art center centre local de la le du di el del theater theatre bridge"
)


@dataclass(frozen=True, slots=True)
class Told:
    """A row so far: when, and what is done then."""

    when: str
    text: str


async def activity(
    by: Author, city: str, when: str, wish: str, told: Sequence[Told], taken: Sequence[str]
) -> str | None:
    """Return what to do in a city then, at a place that is in no row so far; None where nothing new comes.

    `when` ends with the time of day; `told` are this city's rows, `taken` all texts that are in the table.
    """
    verbs = _fresh_verbs(when.split()[-1].lower(), taken)
    request = prompts.real_activity(city, when, wish, [(row.when, row.text) for row in told])
    held, warm = grammar.begun(verbs, MOST_PLACE_WORDS), FIRST_TEMPERATURE if by.seed else 0.0
    for number in range(TRIES):
        draw, temperature = by.seed * TRIES + number, warm + MORE_TEMPERATURE * number
        text = whole(
            clean(await by.write(request, held, ACTIVITY_TOKENS, draw=draw, temperature=temperature)), verbs
        )
        if text and not any(same_place(text, other, city) for other in taken):
            return text
    return None


def _fresh_verbs(time: str, taken: Sequence[str]) -> tuple[str, ...]:
    """Return how an activity at a time of day may begin: as none does so far, as long as there are others."""
    verbs = prompts.verbs(time)
    fresh = tuple(verb for verb in verbs if not any(text.startswith(f"{verb} ") for text in taken))
    return fresh or verbs


def whole(text: str, verbs: Sequence[str]) -> str:
    """Return a text without words at its end that lead to others; empty where no place is left."""
    words = text.strip(" .'-").split()
    while words and words[-1].lower() in _OPEN_ENDS:
        words.pop()
    verb = next((verb for verb in verbs if " ".join(words).startswith(f"{verb} ")), None)
    return " ".join(words) if verb else ""


def same_place(text: str, other: str, city: str) -> bool:
    """Return whether two activities are at one place: a name that both have, which is not only the city's."""
    return text.casefold() == other.casefold() or bool(_names(text, city) & _names(other, city))


def _names(text: str, city: str) -> frozenset[str]:
    """Return the words of names in a text: capital words after its first that say more than "museum"."""
    capitals = [word for word in text.split()[1:] if word[:1].isupper()]
    return frozenset(words_of(" ".join(capitals))) - _COMMON - frozenset(words_of(city))
