"""Answers turns that ask for a table or change the one there is: two sentences aloud, the table on the screen."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field

from inference.types import Text
from voice_app.core import events
from voice_app.core.errors import TableError
from voice_app.core.turn import Answer, TurnContext, announcement, text_delta
from voice_app.skills.skill import Skill, skill
from voice_app.skills.table import filling, sentences
from voice_app.skills.table.author import Author
from voice_app.skills.table.changes import cell_meant, changed, check, column_meant
from voice_app.skills.table.new_tables import New, NewGrid, NewItinerary, NewList, new_table
from voice_app.skills.table.reading import TableReader
from voice_app.skills.table.shown import Shown
from voice_app.skills.table.table_call import TableCall

NO_TABLE = "There is no table yet."
NO_EXPORT = "I can't save a table by voice; in the chat, Control P exports the conversation with its tables."
MOST_UNDONE = 20
"""Changes that can be taken back."""


@dataclass(slots=True)
class Tables:
    """The tables of one session; another seed makes other ones.

    What a draft makes is shown, and kept if it is whole, only once its turn is over.
    """

    seed: int = 0
    shown: Shown | None = None
    """The last table that was made whole. One that is cut short while it grows is shown, but changes nothing."""
    before: list[Shown | None] = field(default_factory=list)
    """What it was before each change, the latest last."""
    knows_places: bool = False
    """Whether the language model is asked for places of a city by their names."""

    def answer(self, call: TableCall, context: TurnContext) -> Answer:
        """Make or change a table, or read it, and say so."""
        if call.action == "export":
            return announcement(NO_EXPORT)
        if call.action == "make":
            return self._grown(context, call, self.shown)
        if call.action == "undo":
            return self._undone(context)
        if self.shown is None:
            return announcement(NO_TABLE)
        if call.action == "read":
            return announcement(_read(self.shown, call))
        if call.action in ("show", "again", "add_column", "add_row", "resize", "fill"):
            return self._grown(context, call, self.shown)
        return self._at_once(context, call, self.shown)

    async def _grown(
        self, context: TurnContext, call: TableCall, before: Shown | None
    ) -> AsyncGenerator[Text, None]:
        """Yield a first sentence at once and a second one when the table is whole."""
        after = before
        try:
            if before is not None:
                check(call, before)
            yield text_delta(sentences.first(call, before) + " ")
            async with aclosing(self._made(context, call, before)) as growing:
                async for after in growing:
                    self._show(context, after, complete=False)
            assert after is not None
            self._show(context, after, complete=True)
            yield text_delta(sentences.summary(call, after))
        except TableError as error:
            if before is not None and after is not before:  # the screen has a part of what failed
                self._show(context, before, complete=True)
            yield text_delta(f"I left the table as it is: {error}.")

    async def _at_once(
        self, context: TurnContext, call: TableCall, before: Shown
    ) -> AsyncGenerator[Text, None]:
        """Make a change that needs no model, then say what it did."""
        try:
            after = changed(before, call)
            said = sentences.done(call, before, after)
        except TableError as error:
            yield text_delta(f"I left the table as it is: {error}.")
            return
        self._show(context, after, complete=True)
        yield text_delta(said)

    async def _undone(self, context: TurnContext) -> AsyncGenerator[Text, None]:
        """Take the last change back."""
        if not self.before or self.shown is None:
            yield text_delta("There is no change of a table to take back.")
            return
        back, shown = self.before[-1], self.shown

        def undo() -> None:
            self.shown = self.before.pop()

        context.reply.when_released(undo)
        self._emit(context, back or shown.without_rows(), complete=True)
        yield text_delta("The table is as it was before." if back else "The table is taken back.")

    def _made(self, context: TurnContext, call: TableCall, before: Shown | None) -> filling.Growing:
        by = Author(context, self.seed, self.knows_places)
        if call.action == "make":
            return _new(by, new_table(call, context.text))
        assert before is not None
        match call.action:
            case "add_column":
                return filling.column(by, before, call.column)
            case "add_row":
                return filling.rows(by, before, call)
            case "resize":
                return filling.resized(by, before, call)
            case "again":
                return filling.also_for(by, before, call.subject)
            case "fill" if call.row:
                again = Author(context, self.seed + 1 + len(self.before), self.knows_places)
                return filling.another(again, before, cell_meant(before, call.row, call.column))
            case "fill":
                return filling.column_again(by, before, column_meant(before.table, call.column))
            case _:
                return _unchanged(changed(before, call))

    def _show(self, context: TurnContext, shown: Shown, *, complete: bool) -> None:
        """Show a table once the turn is over, and keep a complete one as the session's."""

        def keep() -> None:
            if shown != self.shown:
                self.before = [*self.before, self.shown][-MOST_UNDONE:]
                self.shown = shown

        if complete:
            context.reply.when_released(keep)
        self._emit(context, shown, complete=complete)

    def _emit(self, context: TurnContext, shown: Shown, *, complete: bool) -> None:
        def show() -> None:
            context.emit(
                events.TableShown(
                    title=shown.title,
                    columns=shown.table.columns,
                    rows=shown.table.rows,
                    complete=complete,
                    listed=shown.listed,
                )
            )

        context.reply.when_released(show)


def table_skill(tables: Tables) -> Skill:
    """Return the skill that makes and changes a session's tables."""
    reader = TableReader(lambda: tables.shown)

    @skill(
        "table",
        about="Plans days in a city, makes tables, and changes the one on the screen.",
        slots=reader.slots,
        fill=reader.fill,
        follow=reader.follow,
    )
    def table(call: TableCall, context: TurnContext) -> Answer:
        return tables.answer(call, context)

    return table


def _read(shown: Shown, call: TableCall) -> str:
    try:
        return sentences.read_aloud(shown, call)
    except TableError as error:
        return f"I can't read that: {error}."


def _new(by: Author, wanted: New) -> filling.Growing:
    match wanted:
        case NewItinerary():
            return filling.itinerary(by, wanted)
        case NewGrid():
            return filling.grid(by, wanted)
        case NewList():
            return filling.things(by, wanted)


async def _unchanged(shown: Shown) -> filling.Growing:
    yield shown
