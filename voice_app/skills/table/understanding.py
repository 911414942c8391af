"""What is asked of tables, from free speech: pure, and quick to say that something is no such request.

`understood` is the door. Everything but a new itinerary and a new table needs a table that is there.
"""

from __future__ import annotations

import re

from voice_app.skills.number_words import small_number
from voice_app.skills.table.changes import CHANGES
from voice_app.skills.table.spoken_cells import (
    ABOUT,
    ITINERARY,
    bare,
    days_in,
    listed,
    place_in,
    singular,
    titled,
)
from voice_app.skills.table.table_requests import NewItinerary, NewList, Request
from voice_app.skills.utterance import Utterance
from voice_app.skills.word_lists import word_set

LONGEST_REQUEST = 600
"""Characters; a request for a table is not longer, a pasted text is."""
MOST_ASKED_ROWS = 12


def understood(said: Utterance, columns: tuple[str, ...] | None = None) -> Request | None:
    """Return what is asked of tables, None for nothing; `columns` are those of the table there is, if any."""
    if not said.text or len(said.text) > LONGEST_REQUEST:
        return None
    if columns is not None:
        for change in CHANGES:
            if found := change(said, columns):
                return found
    return _new_itinerary(said) or _new_list(said.plain)


# What needs no table.

_WANTED = re.compile(
    r"\b(?:make|create|plan|write|give|build|need|want|like|prepare|suggest|put together|design|draw up|get|find)\b",
    re.I,
)
_PLAN = re.compile(
    r"^(?:help (?:me|us) )?(?:plan|organi[sz]e|put together)\b.{0,50}"
    r"\b(?:trip|days?|weekend|visit|stay|vacation|holiday|week)\b",
    re.I,
)
_TO_PLACE = re.compile(r"\b(?:visit(?:ing)?|in|to|for|of|around|through|see)(?: the city of)? ", re.I)


def _new_itinerary(said: Utterance) -> NewItinerary | None:
    text = said.text
    asked = (ITINERARY.search(text) and _WANTED.search(text)) or _PLAN.search(said.plain)
    if not asked or ABOUT.match(said.plain):
        return None
    places = [place_in(text[match.end() :]) for match in _TO_PLACE.finditer(text)]
    city = next((place for place in places if place), None)
    return NewItinerary(city, days_in(text), text) if city else None


_MAKE = r"\b(?:make|create|give|draw|write|build|show|want|like|need|prepare|do|generate)\b"
_LIST = re.compile(
    rf"{_MAKE}[^.?!]{{0,24}}?\btable (?P<how>of|with|about|showing|listing|comparing|for) (?P<rest>.+)", re.I
)
_COLUMNS = re.compile(
    r",? (?:and )?(?:with|that has|having|showing|and) (?:(?:the|their|its) )?(?:(?:following )?columns?"
    r"(?: (?:for|called|named|of|with))?:?|(?<=their )|(?<=its )) ?(?P<columns>.+)$",
    re.I,
)
_COLUMNS_FIRST = re.compile(
    r"(?:the )?columns?(?: (?:for|called|named))?:? (?P<columns>.+?) (?:for|of|about) (?P<subject>.+)", re.I
)
_NOT_LISTED = word_set("contents two three four five six seven eight people oak wood plates")


def _new_list(text: str) -> NewList | None:
    match = _LIST.search(text)
    if not match or ABOUT.match(text):
        return None
    rest = match["rest"].strip(" .?!")
    first, split = _COLUMNS_FIRST.match(rest), _COLUMNS.search(rest)
    named = first or split
    if first:
        subject = first["subject"]
    elif split:
        subject = rest[: split.start()]
    else:
        subject = rest
    words = bare(subject).split()
    count = small_number(words[0]) if len(words) > 1 else None
    words = words[1:] if count else words
    plural = bool(words) and words[-1].lower().endswith("s") and not words[-1].lower().endswith("ss")
    if not words or len(words) > 6 or words[-1].lower() in _NOT_LISTED or not (named or plural):
        return None
    if not named and match["how"].lower() in ("for", "with"):
        return None
    key = titled(singular(words[-1]))
    others = listed(named["columns"]) if named else ["description"]
    return NewList(" ".join(words), min(count or 4, MOST_ASKED_ROWS), _with_key(key, others))


def _with_key(key: str, others: list[str]) -> tuple[str, ...]:
    """Return the columns of a list: what names the things first, each once."""
    names: dict[str, str] = {}
    is_key = {key.casefold(), "name", "names", "title"}
    for name in sorted(others, key=lambda name: name.casefold() not in is_key):
        names.setdefault(name.casefold(), titled(name))
    if others and next(iter(names)) not in is_key:
        names = {key.casefold(): key, **names}
    return tuple(names.values())[:6]
