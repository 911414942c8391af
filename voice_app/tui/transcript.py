"""The transcript: a scrolled list of items that draws an item only when it has changed, and lines only when seen."""

from __future__ import annotations

from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip

from voice_app.tui.drawing import item_lines
from voice_app.tui.items import Item, ReplyItem
from voice_app.tui.palette import Palette
from voice_app.tui.scene import Scene
from voice_app.tui.spoken_words import Mark

Seen = tuple[Item, Mark | None]
"""What the lines of an item depend on, beside width and styles."""


class Transcript(ScrollView, can_focus=True):
    """What was said, with the latest at the bottom; follows it unless the user has scrolled up."""

    ALLOW_SELECT: ClassVar[bool] = True

    def __init__(self, budget_s: float, empty: Text) -> None:
        super().__init__()
        self._budget_s = budget_s
        self._empty = empty
        self._palette = Palette()
        self._width = 0
        self._style = Style()
        self._drawn: dict[str, tuple[Seen, list[Strip]]] = {}
        self._strips: list[Strip] = []
        self._follows = True
        """Whether the latest line is kept in sight; not after the user has scrolled up."""
        self.drawings = 0
        """Items drawn so far."""

    def show(self, scene: Scene, now_s: float, palette: Palette) -> bool:
        """Draw what has changed; return whether anything had."""
        width = self.scrollable_content_region.width
        if width <= 0:
            return False
        if (width, palette) != (self._width, self._palette):
            self._width, self._palette = width, palette
            self._drawn = {}
        if self.scroll_target_y < self.scroll_y:  # the user is on the way up
            self._follows = False
        if self._follows and self.scroll_offset.y != self.max_scroll_y:
            self.scroll_to(y=self.max_scroll_y, animate=False, immediate=True)
        if not self._redraw(scene, now_s) and self._strips:
            return False
        self._strips = [strip for _, strips in self._drawn.values() for strip in strips] or self._hint()
        if scene.folded:
            earlier = Text(f"{scene.folded:,} earlier items are in the session's log", palette.faint)
            self._strips.insert(0, Strip(earlier.render(self.app.console)))
        self.virtual_size = Size(width, len(self._strips))
        if self._follows:
            self.scroll_to(y=self.max_scroll_y, animate=False, immediate=True)
        self.refresh()
        return True

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Stop following when the user scrolls up; follow again at the end."""
        super().watch_scroll_y(old_value, new_value)
        if new_value < old_value or new_value >= self.max_scroll_y:
            self._follows = new_value >= self.max_scroll_y

    def _redraw(self, scene: Scene, now_s: float) -> bool:
        """Draw the items that have changed; return whether there was one."""
        changed = False
        for key in [key for key in self._drawn if key not in scene.items]:
            del self._drawn[key]
            changed = True
        known = list(self._drawn)
        for key, item in scene.items.items():
            seen = item, item.mark(now_s) if isinstance(item, ReplyItem) else None
            before = self._drawn.get(key)
            if before is None or before[0][0] is not item or before[0][1] != seen[1]:
                drawn = item_lines(item, self._width, now_s, self._palette, self._budget_s)
                self._drawn[key] = seen, [Strip(line) for line in drawn]
                self.drawings += 1
                changed = True
        if changed and list(self._drawn)[: len(known)] != list(scene.items)[: len(known)]:
            self._drawn = {key: self._drawn[key] for key in scene.items}
        return changed

    def _hint(self) -> list[Strip]:
        """Return what an empty transcript says."""
        wrapped = self._empty.copy().wrap(self.app.console, max(4, self._width))
        return [Strip(line.render(self.app.console)) for line in wrapped]

    def render_lines(self, crop: Region) -> list[Strip]:
        """Return the lines that are seen, all in the same style."""
        self._style = self.rich_style
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        """Return one line of what is seen."""
        style, width, at = self._style, self.size.width, self.scroll_offset.y + y
        if at >= len(self._strips):
            return Strip.blank(width, style)
        strip = self._strips[at]
        selection = self.text_selection
        if selection is not None and (span := selection.get_span(at)) is not None:
            strip = _selected(strip, span, self.screen.get_component_rich_style("screen--selection"))
        return strip.crop_extend(0, width, style).apply_style(style).apply_offsets(0, at)

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """Return the text that is selected."""
        return selection.extract("\n".join(strip.text.rstrip() for strip in self._strips)), "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        """Show what is selected."""
        self.refresh()


def _selected(strip: Strip, span: tuple[int, int], style: Style) -> Strip:
    start, end = span
    cells = strip.cell_length
    end = cells if end == -1 else min(end, cells)
    if start >= end:
        return strip
    middle = [Segment(text, (old or Style()) + style) for text, old, _ in strip.crop(start, end)]
    return Strip([*strip.crop(0, start), *middle, *strip.crop(end, cells)])
