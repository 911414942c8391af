"""Fills tables with what the language model writes, a cell at a time under a grammar: valid with any model."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import aclosing
from dataclasses import replace
from itertools import product

from inference.text.en.numerals import cardinal
from inference.types import Message, Sampling
from voice_app.core.turn import TurnContext
from voice_app.skills.table import cell_grammar as grammar
from voice_app.skills.table import cell_prompts as prompts
from voice_app.skills.table.columns import ColumnKind, kind_of, near
from voice_app.skills.table.ideas import TIMES, Slot, left_over, plan
from voice_app.skills.table.shown import ACTIVITY, CITY, DAY, TIME, Shown
from voice_app.skills.table.table import Row, Table, clean
from voice_app.skills.table.table_requests import NewItinerary, NewList

TRIES = 3
"""How often a cell that must be different from others is asked for; then the program decides."""
PHRASE_TOKENS, CHOICE_TOKENS, CELL_TOKENS, LINE_TOKENS = 64, 12, 16, 10
MOST_WORDS, MOST_KEY_WORDS = 5, 3
UNKNOWN = "unknown"
"""What a cell says that nothing came for."""
Growing = AsyncGenerator[Shown, None]
"""A table as it grows, row by row or cell by cell; the last one is complete."""


async def itinerary(context: TurnContext, wanted: NewItinerary, seed: int) -> Growing:
    """Yield an itinerary with one more row each time."""
    shown = Shown(
        title=f"{cardinal(str(wanted.days)).capitalize()}-day itinerary",
        table=Table((CITY, DAY, TIME, ACTIVITY)),
        noun="itinerary",
        subjects=(wanted.city,),
        subject_column=CITY,
        key=ACTIVITY,
        wish=wanted.wish,
        rows_a_subject=wanted.days * 3,
        listed=True,
    )
    for slot in plan(wanted.days, wanted.wish, seed):
        text = await _activity(context, wanted.city, slot, wanted.wish, shown.table.column(ACTIVITY), seed)
        row = (wanted.city, str(slot.day), slot.time, text)
        shown = shown.with_table(shown.table.with_rows(row))
        yield shown


async def things(context: TurnContext, wanted: NewList, seed: int) -> Growing:
    """Yield a table of things with one more row each time."""
    key, *filled = wanted.columns
    shown = Shown(
        title=f"{cardinal(str(wanted.count)).capitalize()} {wanted.subject}",
        table=Table(wanted.columns),
        noun="table",
        subjects=(wanted.subject,),
        subject_column=None,
        key=key,
        filled=tuple(filled),
        rows_a_subject=wanted.count,
    )
    for name in await _names(context, wanted.subject, wanted.count, (), seed):
        cells = [await cell(context, column, name) for column in filled]
        shown = shown.with_table(shown.table.with_rows((name, *cells)))
        yield shown


async def column(context: TurnContext, shown: Shown, name: str) -> Growing:
    """Yield a table with a column more, one more of its cells each time. Raises TableError."""
    before, cells = shown.table, list[str]()
    grown = replace(shown, filled=(*shown.filled, name), listed=False)
    rows = len(before.rows)
    yield grown.with_table(before.with_column(name, [""] * rows))
    for row in before.rows:
        cells.append(await cell(context, name, _told(shown, row)))
        yield grown.with_table(before.with_column(name, cells + [""] * (rows - len(cells))))


async def also_for(context: TurnContext, shown: Shown, subject: str, seed: int) -> Growing:
    """Yield a table with the rows of its first subject again for another one, one more each time. Raises TableError."""
    pattern = shown.rows_of(shown.subjects[0])
    grown = replace(shown, subjects=(*shown.subjects, subject), listed=False)
    keys = _activities if shown.noun == "itinerary" else _other_things
    async with aclosing(keys(context, shown, subject, seed)) as found:
        for row in pattern:
            key = await anext(found, None)
            if key is None:
                return
            made = await _like(context, grown, row, subject, key)
            grown = grown.with_table(grown.table.with_rows(made))
            yield grown


async def _activities(context: TurnContext, shown: Shown, city: str, seed: int) -> AsyncGenerator[str, None]:
    """Yield what to do in another city, for every row of the first one, at its time of day."""
    pattern = shown.rows_of(shown.subjects[0])
    days = max(1, -(-len(pattern) // len(TIMES)))
    slots = list(plan(days, shown.wish, seed, days * len(shown.subjects)))
    taken = list(shown.table.column(shown.key) if shown.key else ())
    for row in pattern:
        slot = next((slot for slot in slots if slot.time in row), slots[0])
        if len(slots) > 1:
            slots.remove(slot)
        taken.append(await _activity(context, city, slot, shown.wish, taken, seed))
        yield taken[-1]


async def _other_things(
    context: TurnContext, shown: Shown, subject: str, seed: int
) -> AsyncGenerator[str, None]:
    """Yield the names of other things, as many as there are of the first kind."""
    taken = shown.table.column(shown.key) if shown.key else ()
    for name in await _names(context, subject, shown.rows_a_subject, taken, seed):
        yield name


async def cell(context: TurnContext, name: str, row: str) -> str:
    """Return what stands in column `name` for a row that is told in words."""
    kind = kind_of(name)
    if kind is not None:
        return await _chosen(context, kind, row)
    written = await _text(context, prompts.free_cell(row, name), grammar.words(MOST_WORDS), CELL_TOKENS)
    return clean(written).strip(" .'-") or UNKNOWN


async def _chosen(context: TurnContext, kind: ColumnKind, row: str) -> str:
    """Return one of a kind's choices: the model's, or that of the nearest example."""
    written = await _text(
        context, prompts.chosen_cell(kind, row), grammar.choice(kind.choices), CHOICE_TOKENS
    )
    return written if written in kind.choices else near(kind, row)[-1][1]


async def _activity(
    context: TurnContext, city: str, slot: Slot, wish: str, taken: Sequence[str], seed: int
) -> str:
    """Return a phrase of the slot's kind that is not taken: the model's, or one that is left over."""
    parts = left_over(slot.kind, taken)
    request = prompts.activity(city, slot.time, slot.kind.name, wish)
    for number in range(TRIES):
        draw = _draw(seed * 1000 + len(taken) * TRIES + number)
        text = await _text(context, request, grammar.phrase(parts), PHRASE_TOKENS, draw)
        if text in phrases(parts) and text not in taken:
            return text
    return next((text for text in phrases(parts) if text not in taken), "".join(part[0] for part in parts))


def phrases(parts: Sequence[Sequence[str]]) -> list[str]:
    """Return every phrase of one part of each list."""
    return ["".join(chosen) for chosen in product(*parts)]


async def _names(
    context: TurnContext, subject: str, count: int, taken: Collection[str], seed: int
) -> list[str]:
    """Return different names of things, at most `count`; fewer where the model knows no more."""
    found: dict[str, str] = {}
    had = {name.casefold() for name in taken}
    request = prompts.things(cardinal(str(count)), subject)
    for number in range(TRIES):
        held = grammar.lines(count, MOST_KEY_WORDS)
        written = await _text(context, request, held, LINE_TOKENS * count, _draw(seed + number, 0.3 * number))
        for line in map(clean, written.split("\n")):
            name = line.strip(" .'-")
            if name and name.casefold() not in had | found.keys():
                found[name.casefold()] = name[:1].upper() + name[1:]
        if len(found) >= count:
            break
    return list(found.values())[:count] or [UNKNOWN.capitalize()]


async def _like(context: TurnContext, shown: Shown, row: Row, subject: str, key: str) -> Row:
    """Return a row like another one, with another subject and key, and the cells that follow from them."""
    made = []
    for name, before in zip(shown.table.columns, row, strict=True):
        if name == shown.subject_column:
            made.append(subject)
        elif name == shown.key:
            made.append(key)
        elif name in shown.filled:
            made.append(await cell(context, name, key))
        else:
            made.append(before)
    return tuple(made)


def _told(shown: Shown, row: Row) -> str:
    """Return a row in words: its key, or all of it."""
    return row[shown.table.index(shown.key)] if shown.key else ", ".join(row)


def _draw(seed: int, temperature: float = 0.7) -> Sampling:
    return Sampling(temperature=temperature, repeat_penalty=1.0, seed=seed)


async def _text(
    context: TurnContext, messages: Sequence[Message], held: str, most: int, draw: Sampling | None = None
) -> str:
    """Return what the model writes under a grammar."""
    sampling = draw or _draw(0, 0.0)
    tokens = context.written(messages, max_tokens=most, grammar=held, sampling=sampling)
    return "".join([token.text async for token in tokens])
