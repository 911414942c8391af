"""What is asked of the table that is there, from free speech; the columns help to know what is meant."""

from __future__ import annotations

import re
from collections.abc import Callable

from voice_app.skills.number_words import small_number
from voice_app.skills.table.spoken_cells import (
    ABOUT,
    ITINERARY,
    PLACES,
    bare,
    column_named,
    place_in,
    singular,
    titled,
)
from voice_app.skills.table.table_requests import (
    AddColumn,
    AlsoFor,
    AsTable,
    Change,
    DropColumn,
    DropRow,
    RenameColumn,
    SortRows,
)
from voice_app.skills.utterance import Utterance
from voice_app.skills.word_lists import word_set

Columns = tuple[str, ...]
_AS_TABLE = re.compile(
    r"\b(?:put|show|turn|make|convert|format|display|arrange|write|lay|present|organi[sz]e|give|see|have|get)\b.{0,40}?"
    r"\b(?:this|that|it|these|those|them|itinerary|plan|list|everything|schedule|all)\b.{0,40}?"
    r"\b(?:in|into|as|to)(?: a| the| an)? table\b"
    r"|\b(?:put|show|write|lay) .{0,20}?\b(?:itinerary|plan|list|schedule) on a table\b"
    r"|^\W*(?:now )?(?:can|could|would|will) you (?:please )?put\b.{0,30}?\b(?:in|into) (?:a|the)\b.{0,12}? table\W*$"
    r"|^\W*(?:and )?(?:now )?(?:as|in) a table\b",
    re.I,
)


def _as_table(said: Utterance, _: Columns) -> AsTable | None:
    text = said.text
    return AsTable() if _AS_TABLE.search(text) and "column" not in text.lower() else None


_ADD_COLUMN = (
    re.compile(
        r"\b(?:add|include|insert|append|put|give|create|make|have|need|want|like|at|had|ad)\b.{0,30}?\bcolumns?\b"
        r"(?: (?:to|in) (?:the|this|that|my) table)?,?"
        r" (?:with|for|of|showing|shows|called|named|about|containing|saying|titled|listing|on"
        r"|(?:that|which) (?:shows|says|has|gives|lists|contains|tells|is called)) (?P<name>.+)",
        re.I,
    ),
    re.compile(
        r"\badd (?:an?|the|another) (?!new |another |extra |second )(?P<name>[\w' -]{2,40}?) columns?\b", re.I
    ),
)
_ADD_EACH = re.compile(
    r"\b(?:add|include|show|put in) (?:me |also )?"
    r"(?P<name>(?:the|an?|approximate|rough|its|their) .{2,40}?) (?:of|for|to) (?:each|every|all)"
    r"(?: (?:of )?(?:the |these |those )?(?P<noun>[a-z]+))?",
    re.I,
)
_ROW_NOUNS = word_set("event activity row item one thing stop entry place day them line city trip")
_OF_EACH = re.compile(
    r",?\s+(?:of|for|per|to|in|on|at|from)\s+"
    r"(?:each|every|all|the (?:table|itinerary|end|events?)|this (?:table|itinerary)|them|it|these|everything)\b.*$"
    r"|\s+per\s+(?:event|row|item|activity|person)\b.*$",
    re.I,
)
_PHRASES = (
    (re.compile(r"^(?:approximately |about )?how much\b.*", re.I), "Cost"),
    (re.compile(r"^how long\b.*", re.I), "Duration"),
    (re.compile(r"^(?:whether|if) (?:it is|it's|they are|each \w+ is|you are) ", re.I), ""),
)


def _add_column(said: Utterance, columns: Columns) -> AddColumn | None:
    text = said.plain
    match = next((found for pattern in _ADD_COLUMN if (found := pattern.search(text))), None)
    if match is None:
        match = _ADD_EACH.search(text)
        nouns = _ROW_NOUNS | {singular(column.casefold()) for column in columns}
        if match is None or singular((match["noun"] or "one").lower()) not in nouns:
            return None
    name = column_name(match["name"])
    return AddColumn(name) if name else None


def column_name(said: str) -> str:
    """Return the name of a column from the words that ask for it; empty where nothing is left."""
    said = re.split(r"[.?!;]\s|[.?!;]$", said)[0]
    for pattern, instead in _PHRASES:
        said = pattern.sub(instead, bare(said))
    return titled(bare(_OF_EACH.sub("", said))[:40].strip())


_ALSO_FOR = re.compile(
    r"\b(?:do|make|repeat|create|give me|get|try|write|add|show me|have|want|like|need)\b.{0,25}?"
    r"\b(?:this|that|it|the same(?: thing| itinerary| table| plan)?|these|another(?: one| itinerary| table)?"
    r"|one|an itinerary|rows)\b.{0,25}?\b(?P<how>for|in) (?P<rest>.+)|\bthe same (?:\w+ )?(?:for|with|in) (?P<same>.+)"
    r"|^add (?P<add>[A-Z].+?)"
    r"(?: to (?:it|the table|this|that))?\W*$",
    re.I,
)
_TORN = re.compile(
    r"^([A-Z][\w'’-]*(?: [A-Z][\w'’-]*)*)[.?!] (?=[A-Z]\w+(?: [A-Z]\w+)?,? (?:also|too|as well)\W*$)"
)
"""A place and its region in two sentences, as speech to text writes a comma: "for Atlanta? Georgia also."."""
_TOO = re.compile(r"\b(?:also|too|as well|same|another|next|again|repeat)\b", re.I)


def _also_for(said: Utterance, columns: Columns) -> AlsoFor | None:
    text = said.plain
    match = _ALSO_FOR.search(text)
    if not match or ABOUT.match(text) or "column" in text.lower():
        return None
    if ITINERARY.search(text) and not _TOO.search(text):
        return None  # a new one
    rest = match["rest"] or match["same"] or match["add"]
    place = place_in(_TORN.sub(r"\1, ", rest))
    if place is None or (match["add"] and rest[:1].islower()):
        return None
    if match["how"] and match["how"].lower() == "in" and not _TOO.search(text):
        return None  # "do this in Spanish"
    small = not rest.removeprefix("the ")[:1].isupper()
    plain = re.fullmatch(r"\W*(?:\w+ ){0,4}do (?:this|that|it|the same) for [\w', -]{3,30}\W*", text, re.I)
    return None if small and not (_TOO.search(text) or plain) else AlsoFor(place)


_DROP = re.compile(r"\b(?:remove|delete|drop|take out|take away|leave out|get rid of)\b (?P<rest>.+)", re.I)
_ROW = re.compile(
    r"\b(?P<ordinal>first|second|third|fourth|fifth|sixth|seventh|eighth|last) (?:row|line|event|entry)\b"
    r"|\b(?:row|line|event|entry) (?:number )?(?P<number>\w+)",
    re.I,
)


def _drop(said: Utterance, columns: Columns) -> DropColumn | DropRow | None:
    text = said.plain
    match = _DROP.search(text)
    if not match:
        return None
    rest = match["rest"]
    if row := _ROW.search(rest):
        place = PLACES[row["ordinal"].lower()] if row["ordinal"] else small_number(row["number"])
        return DropRow(place) if place else None
    name = re.sub(r"\b(?:columns?|called|named|from (?:the|this) table|again|for)\b", " ", rest, flags=re.I)
    name = bare(" ".join(name.split()))
    is_column = re.search(r"\bcolumns?\b", rest, re.I) is not None
    column = column_named(columns, name, surely=not is_column)
    if column is None and not is_column:
        return None
    return DropColumn(column or name) if name else None


_RENAME_TO = re.compile(
    r"\b(?P<verb>rename|change|relabel)\b (?:the name of )?(?P<name>.+?) (?:to|into|as) (?P<other>.+)", re.I
)


def _rename(said: Utterance, columns: Columns) -> RenameColumn | None:
    text = said.plain
    match = _RENAME_TO.search(text)
    if not match:
        return None
    is_column = re.search(r"\bcolumn\b|\bname of\b|\bheading\b", text, re.I) is not None
    if not is_column and match["verb"].lower() == "change":
        return None  # a cell may be meant, or something else
    name = " ".join(re.sub(r"\b(?:column|heading|called|named)\b", " ", match["name"], flags=re.I).split())
    column = column_named(columns, name, surely=not is_column)
    other = titled(bare(match["other"])[:40])
    if column is None and not re.search(r"\bcolumn\b|\brename\b", text, re.I):
        return None
    return RenameColumn(column or bare(name), other) if other else None


_SORT = re.compile(r"\b(?:sort|order|rank|arrange)\b(?P<what>.{0,30}?) by (?:the )?(?P<name>.+)", re.I)
_DOWN = re.compile(
    r",?\s*\b(?:descending|in descending order|(?:from )?(?:the )?(?:highest|largest|most expensive|dearest)"
    r"(?: first| to \w+)?"
    r"|downwards?|backwards?|in reverse(?: order)?)\b.*$",
    re.I,
)
_UP = re.compile(
    r",?\s*\b(?:ascending|in ascending order|(?:from )?(?:the )?(?:lowest|smallest|cheapest)(?: first| to \w+)?)\b.*$",
    re.I,
)


def _sort(said: Utterance, columns: Columns) -> SortRows | None:
    text = said.plain
    match = _SORT.search(text)
    if not match:
        return None
    down = _DOWN.search(match["name"])
    name = bare(re.sub(r"\bcolumn\b", "", _UP.sub("", _DOWN.sub("", match["name"]))))
    column = column_named(columns, name)
    explicit = re.search(r"\b(?:table|rows?|column)\b", text, re.I)
    if column is None and not (explicit and name):
        return None
    return SortRows(column or name, bool(down))


CHANGES: tuple[Callable[[Utterance, Columns], Change | None], ...] = (
    _rename,
    _sort,
    _drop,
    _add_column,
    _as_table,
    _also_for,
)
