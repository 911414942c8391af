"""Answers turns that ask for a table or change the one there is: two sentences aloud, the table on the screen."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

from inference.types import Message, Text
from voice_app.core import events
from voice_app.core.errors import TableError
from voice_app.core.turn import Answer, TurnContext, text_delta
from voice_app.skills.skill import Skill, skill
from voice_app.skills.table import filling, sentences
from voice_app.skills.table import table_requests as ask
from voice_app.skills.table.shown import Shown
from voice_app.skills.table.understanding import understood
from voice_app.skills.utterance import Utterance


@dataclass(slots=True)
class Tables:
    """The tables of one session; another seed makes other ones.

    What a draft makes is shown, and kept if it is whole, only once its turn is over.
    """

    seed: int = 0
    shown: Shown | None = None
    """The last table that was made whole. One that is cut short while it grows is shown, but changes nothing."""

    def read(self, utterance: Utterance, earlier: Sequence[Message]) -> ask.Request | None:
        """Return what an utterance asks of tables, None where it asks nothing of them."""
        return understood(utterance, self.shown.table.columns if self.shown else None)

    def answer(self, request: ask.Request, context: TurnContext) -> Answer:
        """Make or change a table and say so."""
        return self._answer(context, request, self.shown)

    async def _answer(
        self, context: TurnContext, request: ask.Request, before: Shown | None
    ) -> AsyncGenerator[Text, None]:
        after = before
        try:
            if before is not None:
                check(request, before)
            yield text_delta(sentences.first(request, before) + " ")
            async with aclosing(self._made(context, request, before)) as growing:
                async for after in growing:
                    self._show(context, after, complete=False)
            assert after is not None
            self._show(context, after, complete=True)
            yield text_delta(sentences.summary(request, after))
        except TableError as error:
            if before is not None and after is not before:  # the screen has a part of what failed
                self._show(context, before, complete=True)
            yield text_delta(f"I left the table as it is: {error}.")

    def _made(self, context: TurnContext, request: ask.Request, before: Shown | None) -> filling.Growing:
        match request:
            case ask.NewItinerary():
                return filling.itinerary(context, request, self.seed)
            case ask.NewList():
                return filling.things(context, request, self.seed)
            case ask.AddColumn(name=name) if before:
                return filling.column(context, before, name)
            case ask.AlsoFor(subject=subject) if before:
                return filling.also_for(context, before, subject, self.seed)
        assert before is not None
        return _at_once(changed(before, request))

    def _show(self, context: TurnContext, shown: Shown, *, complete: bool) -> None:
        """Show a table once the turn is over, and keep a complete one as the session's."""

        def show() -> None:
            if complete:
                self.shown = shown
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

    @skill(
        "table",
        about="Plans days in a city, makes tables, and changes the one on the screen.",
        read=tables.read,
    )
    def table(call: object, context: TurnContext) -> Answer:
        return tables.answer(call, context)  # type: ignore[arg-type]

    return table


def check(request: ask.Request, shown: Shown) -> None:
    """Raise TableError where a change can't be made, before anything is said of it."""
    match request:
        case ask.AddColumn(name=name):
            shown.table.with_column(name, [""] * len(shown.table.rows))
        case ask.AlsoFor(subject=subject):
            if subject.casefold() in map(str.casefold, shown.subjects):
                raise TableError(f"{subject} is in it already")
            shown.table.with_rows(*shown.rows_of(shown.subjects[0]))
            if shown.subject_column is None and shown.noun == "itinerary":
                raise TableError("without its column for the city the rows could not be told apart")
        case ask.AsTable() | ask.DropColumn() | ask.RenameColumn() | ask.DropRow() | ask.SortRows():
            changed(shown, request)
        case _:
            pass


def changed(shown: Shown, request: ask.Request) -> Shown:
    """Return a table after a change that needs no model. Raises TableError."""
    table = shown.table
    match request:
        case ask.DropColumn(name=name):
            return shown.without_column(name)
        case ask.RenameColumn(name=name, other=other):
            return shown.renamed(name, other)
        case ask.DropRow(number=number):
            return shown.with_table(table.without_row(number))
        case ask.SortRows(name=name, descending=down):
            return shown.with_table(table.sorted_by(name, descending=down))
        case _:
            return replace(shown, listed=False)


async def _at_once(shown: Shown) -> filling.Growing:
    yield shown
