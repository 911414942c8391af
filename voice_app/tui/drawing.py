"""Items of the transcript as lines of a terminal. Pure: an item, a width, a time in; lines out."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from rich.box import ROUNDED
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from rich.table import Table as RichTable
from rich.text import Text

from voice_app.tui.items import Item, NoteItem, ReplyItem, TableItem, ToolItem, UserItem
from voice_app.tui.palette import Palette

NAME_CELLS = 7
NARROW = 56
"""Below so many cells names shrink to signs."""
TerminalLine = list[Segment]
SIGNS = {"notice": "!", "memory": "*", "session": "~", "ignored": "·", "considered": "="}


@lru_cache(maxsize=1)
def _console() -> Console:
    return Console(width=80, color_system="truecolor", force_terminal=True, legacy_windows=False)


def item_lines(item: Item, width: int, now_s: float, palette: Palette, budget_s: float) -> list[TerminalLine]:
    """Return an item as lines of at most `width` cells; no markup in any text is obeyed."""
    match item:
        case UserItem():
            return _said(item, width, palette)
        case ReplyItem():
            return _reply(item, width, now_s, palette, budget_s)
        case TableItem():
            return _table(item, width, palette)
        case ToolItem():
            return _tool(item, width, palette)
        case NoteItem():
            return _note(item, width, palette)


def _said(item: UserItem, width: int, palette: Palette) -> list[TerminalLine]:
    text = Text(item.text, palette.partial if item.partial else palette.text)
    if item.partial:
        text.append(" …", palette.faint)
    if item.typed:
        text.append("  typed", palette.faint)
    return [[], *_beside("you", "›", text, width, palette.you)]


def _reply(
    item: ReplyItem, width: int, now_s: float, palette: Palette, budget_s: float
) -> list[TerminalLine]:
    text = reply_text(item, now_s, palette)
    if item.left_out:
        text.append(f" … ({item.left_out:,} more characters)", palette.faint)
    drawn = [[], *_beside(item.who or "voice", "●", text, width, palette.voice)]
    if meta := _meta(item, palette, budget_s):
        drawn += _beside("", " ", meta, width, palette.voice)
    return drawn


def reply_text(item: ReplyItem, now_s: float, palette: Palette) -> Text:
    """Return a reply with what is spoken, what sounds, what is yet to be spoken, and what never was."""
    shown = item.text.rstrip()
    first = len(shown) - len(shown.lstrip())
    text, mark = Text(shown), item.mark(now_s)
    over = item.heard is not None
    if mark is None:
        text.stylize(palette.text if over else palette.ahead)
    else:
        after = len(shown) - len(shown[mark.current :].lstrip())
        text.stylize(palette.text, 0, mark.current)
        text.stylize(palette.unheard if over else palette.ahead, after)
        text.stylize(palette.current, mark.spoken, mark.current)
    return text[first:]


def _meta(item: ReplyItem, palette: Palette, budget_s: float) -> Text:
    """Return what a reply took, and how it ended."""
    parts = [wait(item.to_sound_s, budget_s, palette)] if item.to_sound_s is not None else []
    if item.typed and parts:
        parts[0].append(" from the typed text", palette.faint)
    if item.heard is not None and item.tokens_per_s:
        parts.append(Text().append(f"{item.tokens_per_s:.0f} tokens/s", palette.faint))
    if item.status == "failed":
        parts.append(Text().append("failed", palette.bad))
    if item.status == "cancelled":
        heard = item.heard is not None and item.heard.current > 0
        ending = "cut off: the rest was not heard" if heard else "cut off before a word was heard"
        parts.append(Text().append(ending, palette.notice))
    return Text(" · ", palette.faint).join(parts)


def wait(seconds: float, budget_s: float, palette: Palette) -> Text:
    """Return how long the user waited, and whether that kept the budget, in a sign and a colour."""
    kept = seconds <= budget_s
    sign = "✓" if kept else f"✗ {(seconds - budget_s) * 1000:,.0f} over"
    return Text().append(f"{seconds * 1000:,.0f} ms {sign}", palette.good if kept else palette.bad)


def _table(item: TableItem, width: int, palette: Palette) -> list[TerminalLine]:
    indent = 2 if width < NARROW else NAME_CELLS + 3
    title = Text(item.title, palette.title)
    title.append("" if item.complete else "  …", palette.faint)
    table = RichTable(box=ROUNDED, border_style=palette.faint, header_style=palette.title, pad_edge=True)
    for column in item.columns or ("",):
        table.add_column(Text(column), overflow="fold")
    for row in item.rows:
        cells = [*row, *[""] * len(item.columns)][: max(1, len(item.columns))]
        table.add_row(*[Text(cell, palette.text) for cell in cells])
    room = max(4, width - indent)
    drawn = [_segments(line) for line in _wrapped(title, room)] if item.title else []
    drawn += _cropped(_console().render_lines(table, _console().options.update(width=room), pad=False), room)
    if item.left_out:
        drawn.append([Segment(f"… and {item.left_out} more rows", palette.faint)])
    return [[], *([Segment(" " * indent), *line] for line in drawn)]


def _cropped(drawn: Iterable[TerminalLine], room: int) -> list[TerminalLine]:
    """Cut what a table of many columns has beyond the room."""
    return [Segment.adjust_line_length(line, room, pad=False) for line in drawn]


def _tool(item: ToolItem, width: int, palette: Palette) -> list[TerminalLine]:
    text = Text(f"{item.name} {item.arguments}", palette.faint)
    text.append(" …" if item.output is None else f"\n= {item.output}", palette.text)
    if item.sources:
        text.append(f"\nfrom {', '.join(item.sources)}", palette.faint)
    return [[], *_beside("tool", "+", text, width, palette.notice)]


def _note(item: NoteItem, width: int, palette: Palette) -> list[TerminalLine]:
    faint = item.kind in ("ignored", "considered", "session")
    text = Text(item.text, palette.faint if faint else palette.notice)
    name = {"session": "now", "ignored": "·", "considered": "thought", "memory": "memory"}.get(
        item.kind, "note"
    )
    style = palette.faint if faint else palette.notice
    return [[], *_beside(name, SIGNS[item.kind], text, width, style)]


def _beside(name: str, sign: str, text: Text, width: int, style: Style) -> list[TerminalLine]:
    """Return text wrapped beside a name and a bar, or on a narrow screen beside a sign."""
    narrow = width < NARROW
    first = Segment(f"{sign} " if narrow else f"{name[:NAME_CELLS]:>{NAME_CELLS}} ", style)
    rest = Segment(" " * first.cell_length)
    bar = [] if narrow else [Segment("▎ ", style)]
    room = max(4, width - first.cell_length - 2 * len(bar))
    wrapped = enumerate(_wrapped(text, room))
    return [[rest if number else first, *bar, *_segments(line)] for number, line in wrapped]


def _wrapped(text: Text, width: int) -> list[Text]:
    return list(text.wrap(_console(), width, overflow="fold")) or [Text()]


def _segments(text: Text) -> TerminalLine:
    style = text.style if isinstance(text.style, Style) else Style.parse(text.style)
    return [segment for segment in Segment.apply_style(text.render(_console()), style) if segment.text]
