"""Where the user types: Enter sends, Ctrl+J breaks the line, the arrows call up what was sent before.

Pages are the transcript's: a text of a few lines has none.
"""

from __future__ import annotations

from collections import deque

from textual import events
from textual.message import Message
from textual.widgets import TextArea

from voice_app.tui.terminal_safe import bounded, terminal_safe

MOST_CHARS = 8000
"""Of a turn: what a context of 2048 tokens holds of English, about four characters a token."""


class Composer(TextArea):
    """A text field of a few lines that sends what is in it."""

    class Sent(Message):
        """The user has sent a text."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Cut(Message):
        """What was pasted is longer than a turn: only its beginning is kept."""

        def __init__(self, pasted: int, kept: int) -> None:
            super().__init__()
            self.pasted, self.kept = pasted, kept

    class Paged(Message):
        """The user wants to see an earlier, or a later, page of what was said."""

        def __init__(self, key: str) -> None:
            super().__init__()
            self.up = key == "pageup"

    def __init__(self, placeholder: str) -> None:
        super().__init__(
            soft_wrap=True,
            tab_behavior="focus",
            compact=True,
            highlight_cursor_line=False,
            placeholder=placeholder,
        )
        self._sent: deque[str] = deque(maxlen=100)
        self._back = 0

    async def _on_key(self, event: events.Key) -> None:
        """Send, break the line, or call up an earlier text; all else is the text area's."""
        if event.key == "enter":
            self._send()
        elif event.key in ("ctrl+j", "shift+enter"):
            self.insert("\n")
        elif event.key in ("pageup", "pagedown"):
            self.post_message(self.Paged(event.key))
        elif event.key == "up" and self.cursor_at_first_line:
            self._recall(1)
        elif event.key == "down" and self.cursor_at_last_line:
            self._recall(-1)
        elif not (event.is_printable and len(self.text) >= MOST_CHARS):
            return
        event.prevent_default()
        event.stop()

    async def _on_paste(self, event: events.Paste) -> None:
        """Insert what is pasted as far as there is room for it, and post how much that was.

        Terminals send the ends of pasted lines as carriage returns.
        """
        event.prevent_default()
        event.stop()
        self.take(event.text)

    def take(self, text: str) -> None:
        """Insert a text where the cursor is, as far as there is room for it."""
        room = max(0, MOST_CHARS - len(self.text) + len(self.selected_text))
        kept, more = bounded(text.replace("\r\n", "\n").replace("\r", "\n"), room)
        self.insert(terminal_safe(kept), maintain_selection_offset=False)
        if more:
            self.post_message(self.Cut(len(text), len(kept)))

    def _send(self) -> None:
        text = self.text.strip()
        if text:
            self._sent.append(text)
            self.text = ""
            self._back = 0
            self.post_message(self.Sent(text))

    def _recall(self, step: int) -> None:
        """Go back to an earlier text, or forward to a later one."""
        self._back = max(0, min(len(self._sent), self._back + step))
        self.text = self._sent[-self._back] if self._back else ""
        self.move_cursor(self.document.end)
