"""A demonstration about tables on the terminal: what was heard, the table as it grows, what is said."""

from __future__ import annotations

from itertools import groupby

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table as Drawn
from rich.text import Text

from voice_app.core import events
from voice_app.skills.table.shown import ACTIVITY, CITY, DAY, TIME


class TableView:
    """Shows a session's events. Where the console is no terminal, tables appear once they are complete."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._live: Live | None = None
        self._heard = self._said = ""
        self._last: events.TableShown | None = None

    def __call__(self, event: events.Event) -> None:
        """Show one event."""
        match event:
            case events.TranscriptCompleted(text=text):
                self._heard = text
            case events.TextSubmitted(text=text):
                self._line("you", text)
            case events.TurnCommitted(speech_end_s=end_s) if end_s is not None:
                self._line("you", self._heard)
            case events.TableShown():
                self._show(event)
            case events.TextDone(text=text):
                self._said = text.strip()
            case events.Noticed(message=message):
                self._line("note", message)
            case events.ResponseDone(status=status) if status in ("completed", "failed"):
                self._end()
            case _:
                pass

    def _show(self, event: events.TableShown) -> None:
        self._last = event
        if not self.console.is_terminal:
            return
        if self._live is None:
            self._live = Live(console=self.console, auto_refresh=False)
            self._live.start()
        self._live.update(drawn(event), refresh=True)

    def _end(self) -> None:
        if self._live:
            self._live.stop()
        elif self._last:
            self.console.print(drawn(self._last))
        self._line("voice", self._said)
        self._live = self._last = None
        self._heard = self._said = ""

    def _line(self, who: str, text: str) -> None:
        self.console.print(Text.assemble((f"{who:>6}  ", "bold"), text), soft_wrap=True)


def drawn(shown: events.TableShown) -> RenderableType:
    """Return a table to be printed: as a list, day by day, where it was asked for as one."""
    names = shown.columns
    if shown.listed and {CITY, DAY, TIME, ACTIVITY} <= set(names):
        return _days(shown)
    table = Drawn()
    for name in names:
        table.add_column(Text(name))
    for row in shown.rows:
        table.add_row(*(Text(cell) for cell in row))
    return table


def _days(shown: events.TableShown) -> Group:
    city, day, time, activity = (shown.columns.index(name) for name in (CITY, DAY, TIME, ACTIVITY))
    lines: list[Text] = []
    for (place, number), rows in groupby(shown.rows, lambda row: (row[city], row[day])):
        lines.append(Text(f"{place}, day {number}", "bold"))
        lines += [Text(f"  {row[time]:<10} {row[activity]}") for row in rows]
    return Group(*lines)
