"""Fills tables with what the language model writes, a cell at a time under a grammar: valid with any model."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import aclosing
from dataclasses import replace
from itertools import product

from inference.text.en.numerals import cardinal
from voice_app.skills.table import cell_grammar as grammar
from voice_app.skills.table import cell_prompts as prompts
from voice_app.skills.table.author import Author
from voice_app.skills.table.changes import Cell, fewer, with_cell
from voice_app.skills.table.city_cells import Told
from voice_app.skills.table.city_cells import activity as real_activity
from voice_app.skills.table.columns import ColumnKind, kind_of, near
from voice_app.skills.table.ideas import Slot, left_over, plan
from voice_app.skills.table.new_tables import NewGrid, NewItinerary, NewList
from voice_app.skills.table.shown import ACTIVITY, CITY, DAY, TIME, TIMES, Shown
from voice_app.skills.table.spoken_cells import titled
from voice_app.skills.table.table import Row, Table, clean
from voice_app.skills.table.table_call import TableCall

TRIES = 3
"""How often a cell that must be different from others is asked for; then the program decides."""
PHRASE_TOKENS, CHOICE_TOKENS, CELL_TOKENS, LINE_TOKENS = 64, 12, 16, 10
MOST_WORDS, MOST_KEY_WORDS = 5, 3
UNKNOWN = "unknown"
"""What a cell says that nothing came for."""
Growing = AsyncGenerator[Shown, None]
"""A table as it grows, row by row or cell by cell; the last one is complete."""


async def itinerary(by: Author, wanted: NewItinerary) -> Growing:
    """Yield an itinerary with one more row each time."""
    shown = Shown(
        title="",
        table=Table((CITY, DAY, TIME, ACTIVITY)),
        noun="itinerary",
        subjects=(wanted.city,),
        subject_column=CITY,
        key=ACTIVITY,
        wish=wanted.wish,
    ).of_days(wanted.days)
    shown = replace(shown, listed=True)
    told: list[Told] = []
    for slot in plan(wanted.days, wanted.wish, by.seed, times=wanted.times):
        text = await _activity(by, wanted.city, slot, wanted.wish, shown.table.column(ACTIVITY), told)
        row = (wanted.city, str(slot.day), slot.time, text)
        shown = shown.with_table(shown.table.with_rows(row))
        yield shown


async def things(by: Author, wanted: NewList) -> Growing:
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
    for name in await _names(by, wanted.subject, wanted.count, ()):
        cells = [await cell(by, column, name) for column in filled]
        shown = shown.with_table(shown.table.with_rows((name, *cells)))
        yield shown


async def grid(by: Author, wanted: NewGrid) -> Growing:
    """Yield a table whose rows and columns have names with one more row each time."""
    key, *filled = wanted.columns
    shown = Shown(
        title=wanted.subject[:1].upper() + wanted.subject[1:],
        table=Table(wanted.columns),
        noun=wanted.noun,
        subjects=(wanted.subject,),
        subject_column=None,
        key=key,
        filled=tuple(filled),
        rows_a_subject=len(wanted.rows),
    )
    told: list[tuple[str, str]] = []
    for name in wanted.rows:
        cells = [await _named_cell(by, wanted.subject, name, column, told) for column in filled]
        shown = shown.with_table(shown.table.with_rows((name, *cells)))
        yield shown


async def _named_cell(by: Author, subject: str, row: str, column: str, told: list[tuple[str, str]]) -> str:
    """Return a cell that no other has said, as far as there are others; told then."""
    kind, taken = kind_of(column), {text for _, text in told}
    fresh = [text for text in kind.choices if text not in taken] if kind else []
    held = grammar.choice(fresh or kind.choices) if kind else grammar.words(MOST_WORDS)
    request = prompts.named_cell(subject, row, column, told)
    text = ""
    for number in range(TRIES):
        written = await by.write(request, held, CELL_TOKENS, draw=by.seed + number, temperature=0.3 * number)
        text = clean(written).strip(" .'-")
        if text and text not in taken:
            break
    if kind and text not in kind.choices:
        text = (fresh or kind.choices)[0]
    told.append((f"{row}, {column}", text or UNKNOWN))
    return text or UNKNOWN


async def rows(by: Author, shown: Shown, call: TableCall) -> Growing:
    """Yield a table with a row more, of that name where it has one, or with more; of an itinerary, whole days more."""
    more = max(1, call.count)
    if shown.noun == "itinerary" and DAY in shown.table.columns and not call.row:
        days = _days(by, shown.of_days(shown.days + more), shown.days + more)
        async with aclosing(days) as growing:
            async for grown in growing:
                yield grown
        return
    key = shown.key or shown.table.columns[0]
    taken = shown.table.column(key)
    names = (
        [call.row] if call.row else (await _names(by, shown.subjects[0], len(taken) + more + 1, taken))[:more]
    )
    for name in names:
        made = {column: await cell(by, column, name) for column in shown.table.columns if column != key}
        shown = shown.with_table(
            shown.table.with_rows([made.get(column, titled(name)) for column in shown.table.columns])
        )
        yield shown


async def resized(by: Author, shown: Shown, call: TableCall) -> Growing:
    """Yield a table as it gets the days or rows that it shall have. Raises TableError."""
    wanted, before = call.days or call.count, len(shown.table.rows)
    cut = fewer(shown, call)
    yield cut
    if shown.noun == "itinerary":
        growing = _days(by, cut, wanted)
    elif wanted > before:
        growing = rows(by, cut, TableCall(action="add_row", count=wanted - before))
    else:
        return
    async with aclosing(growing) as more:
        async for grown in more:
            yield grown


async def _days(by: Author, shown: Shown, last: int) -> Growing:
    """Yield an itinerary as its cities get the days up to the last one, a row more each time."""
    table = shown.table
    times = tuple(dict.fromkeys(table.column(TIME))) if TIME in table.columns else TIMES[:1]
    times = times or TIMES
    for city in shown.subjects if shown.subject_column else shown.subjects[:1]:
        there = shown.with_table(replace(table, rows=shown.rows_of(city))) if shown.subject_column else shown
        told: list[Told] = []
        for slot in plan(last, shown.wish, by.seed, times=times)[there.days * len(times) :]:
            taken = shown.table.column(shown.key) if shown.key else ()
            text = await _activity(by, city, slot, shown.wish, taken, told)
            values = {shown.subject_column: city, DAY: str(slot.day), TIME: slot.time, shown.key: text}
            cells = [values[name] if name in values else await cell(by, name, text) for name in table.columns]
            shown = shown.with_rows_for(city, tuple(cells))
            yield shown
    yield shown.of_days(last)


async def another(by: Author, shown: Shown, at: Cell) -> Growing:
    """Yield a table with something else in one cell, and in the cells that follow from it."""
    table, name = shown.table, shown.table.columns[at.column]
    before = table.rows[at.row]
    if name == shown.key and shown.noun == "itinerary":
        said = dict(zip(table.columns, before, strict=True))
        day, time = said.get(DAY, "1"), said.get(TIME, TIMES[0])
        slots = plan(int(day) if day.isdecimal() else 1, shown.wish, by.seed)
        slot = next((slot for slot in reversed(slots) if slot.time == time), slots[-1])
        city = said.get(shown.subject_column or "", shown.subjects[0])
        text = await _activity(by, city, slot, shown.wish, table.column(name), [])
    else:
        told = [(f"{row[0]}, {name}", row[at.column]) for row in table.rows]
        text = await _named_cell(by, shown.subjects[0], before[0], name, told)
    grown = with_cell(table, at, text)
    if name == shown.key:
        for column in shown.filled:
            grown = with_cell(grown, Cell(at.row, table.index(column)), await cell(by, column, text))
    yield shown.with_table(grown)


async def column_again(by: Author, shown: Shown, name: str) -> Growing:
    """Yield a table whose column is filled in anew, one more of its cells each time."""
    place, table = shown.table.index(name), shown.table
    for at, before in enumerate(table.rows):
        table = with_cell(table, Cell(at, place), await cell(by, name, _told(shown, before)))
        yield shown.with_table(table)


async def column(by: Author, shown: Shown, name: str) -> Growing:
    """Yield a table with a column more, one more of its cells each time. Raises TableError."""
    before, cells = shown.table, list[str]()
    grown = replace(shown, filled=(*shown.filled, name), listed=False)
    rows = len(before.rows)
    yield grown.with_table(before.with_column(name, [""] * rows))
    for row in before.rows:
        cells.append(await cell(by, name, _told(shown, row)))
        yield grown.with_table(before.with_column(name, cells + [""] * (rows - len(cells))))


async def also_for(by: Author, shown: Shown, subject: str) -> Growing:
    """Yield a table with the rows of its first subject again for another one, one more each time. Raises TableError."""
    pattern = shown.rows_of(shown.subjects[0])
    grown = replace(shown, subjects=(*shown.subjects, subject), listed=False)
    keys = _activities if shown.noun == "itinerary" else _other_things
    async with aclosing(keys(by, shown, subject)) as found:
        for row in pattern:
            key = await anext(found, None)
            if key is None:
                return
            made = await _like(by, grown, row, subject, key)
            grown = grown.with_table(grown.table.with_rows(made))
            yield grown


async def _activities(by: Author, shown: Shown, city: str) -> AsyncGenerator[str, None]:
    """Yield what to do in another city, for every row of the first one, at its time of day."""
    pattern = shown.rows_of(shown.subjects[0])
    days = max(1, -(-len(pattern) // len(TIMES)))
    slots = list(plan(days, shown.wish, by.seed, days * len(shown.subjects)))
    taken, told = list(shown.table.column(shown.key) if shown.key else ()), list[Told]()
    for row in pattern:
        slot = next((slot for slot in slots if slot.time in row), slots[0])
        if len(slots) > 1:
            slots.remove(slot)
        taken.append(await _activity(by, city, slot, shown.wish, taken, told))
        yield taken[-1]


async def _other_things(by: Author, shown: Shown, subject: str) -> AsyncGenerator[str, None]:
    """Yield the names of other things, as many as there are of the first kind."""
    taken = shown.table.column(shown.key) if shown.key else ()
    for name in await _names(by, subject, shown.rows_a_subject, taken):
        yield name


async def cell(by: Author, name: str, row: str) -> str:
    """Return what stands in column `name` for a row that is told in words."""
    kind = kind_of(name)
    if kind is not None:
        return await _chosen(by, kind, row)
    written = await by.write(prompts.free_cell(row, name), grammar.words(MOST_WORDS), CELL_TOKENS)
    return clean(written).strip(" .'-") or UNKNOWN


async def _chosen(by: Author, kind: ColumnKind, row: str) -> str:
    """Return one of a kind's choices: the model's, or that of the nearest example."""
    written = await by.write(prompts.chosen_cell(kind, row), grammar.choice(kind.choices), CHOICE_TOKENS)
    return written if written in kind.choices else near(kind, row)[-1][1]


async def _activity(
    by: Author, city: str, slot: Slot, wish: str, taken: Sequence[str], told: list[Told]
) -> str:
    """Return what is not taken: from a model that knows the city, else a phrase of the slot's kind; told then."""
    when = f"Day {slot.day}, {slot.time.lower()}"
    text = None
    if by.knows_places:
        text = await real_activity(by, city, when, wish, told, taken)
    text = text or await _idea(by, city, slot, wish, taken)
    told.append(Told(when, text))
    return text


async def _idea(by: Author, city: str, slot: Slot, wish: str, taken: Sequence[str]) -> str:
    """Return a phrase of the slot's kind that is not taken: the model's, or one that is left over."""
    parts = left_over(slot.kind, taken)
    request = prompts.activity(city, slot.time, slot.kind.name, wish)
    for number in range(TRIES):
        draw = by.seed * 1000 + len(taken) * TRIES + number
        text = await by.write(request, grammar.phrase(parts), PHRASE_TOKENS, draw=draw, temperature=0.7)
        if text in phrases(parts) and text not in taken:
            return text
    return next((text for text in phrases(parts) if text not in taken), "".join(part[0] for part in parts))


def phrases(parts: Sequence[Sequence[str]]) -> list[str]:
    """Return every phrase of one part of each list."""
    return ["".join(chosen) for chosen in product(*parts)]


async def _names(by: Author, subject: str, count: int, taken: Collection[str]) -> list[str]:
    """Return different names of things, at most `count`; fewer where the model knows no more."""
    found: dict[str, str] = {}
    had = {name.casefold() for name in taken}
    request = prompts.things(cardinal(str(count)), subject)
    for number in range(TRIES):
        held = grammar.lines(count, MOST_KEY_WORDS)
        written = await by.write(
            request, held, LINE_TOKENS * count, draw=by.seed + number, temperature=0.3 * number
        )
        for line in map(clean, written.split("\n")):
            name = line.strip(" .'-")
            if name and name.casefold() not in had | found.keys():
                found[name.casefold()] = name[:1].upper() + name[1:]
        if len(found) >= count:
            break
    return list(found.values())[:count] or [UNKNOWN.capitalize()]


async def _like(by: Author, shown: Shown, row: Row, subject: str, key: str) -> Row:
    """Return a row like another one, with another subject and key, and the cells that follow from them."""
    made = []
    for name, before in zip(shown.table.columns, row, strict=True):
        if name == shown.subject_column:
            made.append(subject)
        elif name == shown.key:
            made.append(key)
        elif name in shown.filled:
            made.append(await cell(by, name, key))
        else:
            made.append(before)
    return tuple(made)


def _told(shown: Shown, row: Row) -> str:
    """Return a row in words: its key, or all of it."""
    return row[shown.table.index(shown.key)] if shown.key else ", ".join(row)
