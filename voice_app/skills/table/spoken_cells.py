"""Pieces of free speech, as speech to text writes it: places, counts, lists, names of columns."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

from voice_app.skills.number_words import ORDINALS, small_number
from voice_app.skills.word_lists import word_set

PLACES = {**{word: place for place, word in enumerate(ORDINALS[:8], start=1)}, "last": -1}
"""Of a row, by its ordinal."""
MOST_DAYS = 7

ABOUT = re.compile(
    r"(?:what(?:'s| is| does| are| was)|who|where|when|why|how (?:do|does|did|to|many|long|much)|did|do you)\b",
    re.I,
)
"""How a question begins that asks about something, not for it."""
ITINERARY = re.compile(r"\b(?:itinerar(?:y|ies)|(?:travel|trip|day|sightseeing) plans?)\b", re.I)

_NO_NAME = r"(?!(?:I|And|Can|Could|Please|With|For|But|Then|Now|Also|Too|Thanks|That|The|It|This)\b)"
_CAPITAL = rf"(?:St\.|{_NO_NAME}[A-Z][\w'’-]*)"
_REGION = rf"{_CAPITAL}(?: {_CAPITAL}){{0,2}}"
_PLACE = re.compile(
    rf"(?:the )?(?P<place>{_CAPITAL}(?: (?:(?:of|de|la|del|do|am) )?{_CAPITAL}){{0,3}}(?:, {_REGION})?)"
)
_SMALL_PLACE = re.compile(r"(?P<place>[a-z][a-z'’-]+(?:,? [a-z][a-z'’-]+){0,3})")
_NO_PLACE = word_set(
    "a an the me us you him her it them this that these those my our your his each every all everyone one two three "
    "four five six seven fun free now then here there which what also too and or that with for please example instance "
    "itinerary table trip weekend days day week visit see do make be go"
)
_AFTER_PLACE = re.compile(
    r",? (?:for|with|that|and|also|too|as|please|including|in|on|where|by|over|next|this)\b.*$"
)


def place_in(text: str) -> str | None:
    """Return the place that `text` begins with: its capitalised words, else its first small ones up to a particle."""
    text = text.lstrip()
    if match := _PLACE.match(text):
        return match["place"]
    if match := _SMALL_PLACE.match(text):
        found = _AFTER_PLACE.sub("", match["place"])
        words = re.findall(r"[a-z'’-]+", found)
        if words and not set(words) & _NO_PLACE:
            return found.title()
    return None


def days_in(text: str) -> int:
    """Return for how many days a request is: two where it does not say."""
    lower = text.lower()
    if match := re.search(r"\b([a-z]+|\d{1,2})(?:[ -]full)?[ -]days?\b", lower):
        found = 1 if match[1] in ("a", "single", "per") else small_number(match[1])
        if found:
            return min(found, MOST_DAYS)
    if re.search(r"\b(?:a|one|whole|full) week\b", lower):
        return MOST_DAYS
    return 1 if re.search(r"\b(?:day trip|today|tomorrow)\b", lower) else 2


def listed(text: str) -> list[str]:
    """Return the things that "a, b, and c" names."""
    parts = re.split(r"\s*(?:,|;|\band\b|\bplus\b|&)\s*", text.strip(" .?!"))
    return [part for part in (bare(part) for part in parts) if part]


def bare(text: str) -> str:
    """Return a name without its article and what is said around it."""
    text = re.sub(
        r"\s*\b(?:please|too|also|as well|if you can|thanks|thank you|for me)\b[\s.,?!]*",
        " ",
        text,
        flags=re.I,
    )
    text = re.sub(
        r"^\W*(?:(?:the|a|an|their|its|one|with|for|of|called|named)\s+)+", "", text.strip(), flags=re.I
    )
    return text.strip(" .,?!:;\"'")


def titled(name: str) -> str:
    """Return a name as a column's title: its first letter large."""
    return name[:1].upper() + name[1:]


def singular(noun: str) -> str:
    """Return the singular of a regular English noun."""
    for end, instead in (("ies", "y"), ("sses", "ss"), ("shes", "sh"), ("ches", "ch"), ("xes", "x")):
        if noun.lower().endswith(end):
            return noun[: -len(end)] + instead
    return noun[:-1] if noun.lower().endswith("s") and not noun.lower().endswith("ss") else noun


def column_named(columns: Sequence[str], said: str, *, surely: bool = False) -> str | None:
    """Return the column that is meant by these words; None where none is near.

    `surely`: words that only have a column's name among them mean none.
    """
    wanted = bare(said).casefold()
    for column in columns:
        if column.casefold() == wanted:
            return column
    stems = {singular(word) for word in re.findall(r"\w+", wanted)}
    for column in columns:
        words = {singular(word) for word in re.findall(r"\w+", column.casefold())}
        if stems and (stems <= words or (words <= stems and not surely)):
            return column
    near = difflib.get_close_matches(wanted, [column.casefold() for column in columns], 1, 0.75)
    return next((column for column in columns if near and column.casefold() == near[0]), None)
