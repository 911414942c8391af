"""What may stand in the slots of the sayings about tables; those of a table that is there know its names."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from voice_app.skills.number_words import ORDINALS
from voice_app.skills.phrases import Slot
from voice_app.skills.table import spoken_cells as spoken
from voice_app.skills.table.columns import kind_of
from voice_app.skills.table.shown import Shown
from voice_app.skills.word_lists import word_set, words_of

Look = Callable[[], Shown | None]
"""Returns the table that is there."""
_COUNT = r"(?:\d{1,2}|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)"
_NTH = rf"(?:{'|'.join(ORDINALS[:12])}|\d{{1,2}}(?:st|nd|rd|th)|last|final|top|bottom)"
_WORD = r"[\w'’.&-]+"
_UP_TO_SIX = rf"{_WORD}(?: {_WORD}){{0,5}}?"
_FEW = rf"{_WORD}(?: {_WORD}){{0,3}}?"
_DAYS = (
    rf"(?:(?:a|{_COUNT})[ -](?:full[ -]|whole[ -])?days?|(?:a |the |one |this )?(?:long |whole |full )?(?:weekend|week)"
    r"|full day|day)"
)
_STRICT_ROW = rf"(?:(?:day|row|line) (?:number )?{_COUNT}|{_NTH} (?:day|row|line)s?)"
_TIME = r"(?:mornings?|noons?|afternoons?|evenings?|nights?)"
_WISH = (
    r"(?:[,.;:!?]* (?:with|and|i|i'm|we|we're|that|but|where|including|on|my|our|please|for (?:me|us|two|a|the|my|our)"
    r"|focus\w*|this|next|nothing|no|not|without|by"
    r"|in (?:the )?(?:spring|summer|fall|autumn|winter|may|june|july))\b.*)?"
)
_PLANNED = (
    r"[,.;:!?]* .*\b(?:itinerary|plan|schedule|table|agenda|(?:should|could|can) (?:i|we) (?:do|see|visit)|things to do"
    r"|what to (?:do|see)|(?:best way|how) to spend (?:it|them))\b.*"
)
_PLACE = r"[^\W\d_][\w'’.-]*(?:[,.?!]? [\w'’.-]+){0,4}?"
_LISTS = word_set("list checklist")
_HEARD_TABLE = re.compile(r"(?:[\w-]+ )?table", re.IGNORECASE)


def _ends_with(nouns: frozenset[str]) -> Callable[[str], str | None]:
    def read(words: str) -> str | None:
        return spoken.bare(words) if words.lower().split()[-1] in nouns and len(words.split()) > 1 else None

    return read


FIXED: Mapping[str, Slot] = {
    "days": Slot(_DAYS, ("two days", "3 days", "a weekend", "one-day", "week"), spoken.days),
    "rowcount": Slot(_COUNT, ("four", "12"), spoken.count),
    "place": Slot(_PLACE, ("Naples", "New York City", "Atlanta, Georgia"), spoken.place),
    "capitals": Slot(
        r"[^\W\d_].*", ("Boston",), lambda words: spoken.place(words) if words[:1].isupper() else None
    ),
    "capitalplace": Slot(
        _PLACE, ("Boston",), lambda words: spoken.place(words) if words[:1].isupper() else None
    ),
    "times": Slot(
        rf"{_TIME}(?:,? (?:and )?(?:an |the |a )?{_TIME}){{0,4}}", ("morning and evening",), spoken.times
    ),
    "wish": Slot(_WISH, ("", ", we like music"), spoken.wish),
    "planwish": Slot(_PLANNED, (", make an itinerary", " and I need a plan"), spoken.wish),
    "several": Slot(r"\S.*?", ("cats and dogs", "tea, coffee and cocoa"), spoken.several),
    "names": Slot(r"\S.*", ("size and color", "name, capital, and language"), spoken.names),
    "plan": Slot(_FEW, ("meal plan", "workout schedule"), _ends_with(spoken.PLANS)),
    "listof": Slot(_FEW, ("packing list", "shopping list"), _ends_with(_LISTS)),
    "things": Slot(_UP_TO_SIX, ("rivers", "dog breeds"), spoken.things),
    "newcolumn": Slot(r"\S.*", ("the price", "how long each thing takes"), spoken.column_name),
    "shortcolumn": Slot(_FEW, ("price", "opening hours"), spoken.column_name),
    "oldcolumn": Slot(_FEW, ("cost", "time of day"), spoken.old_column),
    "nthcolumn": Slot(_NTH, ("second", "last"), spoken.ordinal_column),
    "rowname": Slot(_UP_TO_SIX, ("Sunday", "the hotel"), spoken.value),
    "strictrow": Slot(_STRICT_ROW, ("day two", "third row", "row 3"), spoken.row),
    "otherrow": Slot(
        rf"(?:{_STRICT_ROW}|{_COUNT})",
        ("day one", "row 3"),
        lambda said: spoken.row(said) or spoken.nth(said),
    ),
    "nthrow": Slot(rf"(?:{_NTH}|{_COUNT})", ("third", "last"), spoken.nth_row),
    "nthday": Slot(rf"(?:{_NTH}|{_COUNT})", ("third", "two"), spoken.ordinal_day),
    "wholedays": Slot(_DAYS, ("three days", "a day"), spoken.whole_days),
    "row": Slot(r".{3,40}?", ("row two",), spoken.row),
    "dayof": Slot(_NTH, ("second", "last"), spoken.ordinal_day),
    "value": Slot(r"\S.{0,110}?", ("a boat trip", "pizza"), spoken.value),
    "fewwords": Slot(_UP_TO_SIX, ("the site",), lambda _: ""),
    "heardtable": Slot(
        r"(?:[\w-]+ )?table", ("re-in-a table",), lambda text: "" if _HEARD_TABLE.match(text) else None
    ),
    "each": Slot(
        r"(?:the|an?|approximate|rough|its|their) (?:(?!column\b).){2,40}? (?:of|for|to) (?:each|every|all)\b.*",
        ("the duration of each activity",),
        spoken.column_name,
    ),
    "columnkind": Slot(
        _FEW,
        ("costs",),
        lambda words: (
            spoken.titled(spoken.bare(words)) if kind_of(words) and "column" not in words.lower() else None
        ),
    ),
}
"""Slots that need no table."""


def slots(look: Look) -> dict[str, Slot]:
    """Return all slots, with those that name a part of the table that `look` returns."""

    def column(words: str) -> str | None:
        shown = look()
        return spoken.named(shown.table.columns, words, surely=True) if shown else None

    def part(words: str) -> str | None:
        low = words.lower().removesuffix("'s")
        return low if low.rstrip("s") in spoken.PARTS else column(words)

    def row(words: str) -> str | None:
        return spoken.row(words) or cell(words)

    def cell(words: str) -> str | None:
        shown = look()
        if shown is None:
            return None
        wanted = spoken.bare(words).casefold()
        cells = [text for row in shown.table.rows for text in row if not text.isdecimal()]
        exact = next((text for text in cells if text.casefold() == wanted), None)
        inside = [
            text for text in cells if len(wanted) > 3 and re.search(rf"\b{re.escape(wanted)}\b", text, re.I)
        ]
        return exact or (inside[0] if len(set(inside)) == 1 else None)

    def row_words(words: str) -> str | None:
        """Return nothing where the words are what the rows are of, None for others."""
        shown = look()
        if shown is None:
            return None
        nouns = {spoken.singular(words_of(name)[-1]) for name in (*shown.subjects, shown.table.columns[0])}
        said = [spoken.singular(word) for word in words_of(words)]
        return "" if said and said[-1] in nouns | {"row", "line", "entry"} else None

    def thing(words: str) -> str | None:
        shown = look()
        said = spoken.things(words) if shown and shown.noun == "table" else None
        words_said = words_of(said or "")
        odd = any(map(spoken.number, words_said)) or set(words_said) & {"row", "rows", "column", "columns"}
        return None if odd else said

    words = r"[\w'’.-]+(?: [\w'’.-]+){0,4}?"
    return {
        **FIXED,
        "part": Slot(words, ("morning", "evening", "lunch"), part),
        "knowncolumn": Slot(words, ("cost",), lambda said: part(said)),
        "knownrow": Slot(words, ("Rome",), row),
        "rowwords": Slot(_FEW, ("rows",), row_words),
        "thing": Slot(_FEW, ("pears",), thing),
        "knowncell": Slot(words, ("the museum",), cell),
    }
