"""The conversation as lines in a terminal: what was heard, what was answered, where the time went."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.text import Text

from voice_app import events
from voice_app.stages import emulated, turn_times
from voice_app.waterfall import waterfall


class ConsoleView:
    """Prints the events that a person wants to see. Plain lines, so that pipes and tests can read them."""

    def __init__(self, console: Console, budget_s: float = 0.3) -> None:
        self.console = console
        self._budget_s = budget_s
        self._turn: list[events.Event] = []
        self.turns: list[list[events.Event]] = []
        """The events of every turn that ended."""
        self._draft: list[tuple[str, str]] = []
        self._released = False
        self.failed = False
        """Whether a reply failed."""

    def __call__(self, event: events.Event) -> None:
        """Show one event."""
        self._turn.append(event)
        self._show_draft(event)
        match event:
            case events.SessionCreated(models=models):
                self.console.print("ready", highlight=False)
                if models.get("llm_backend") == "lpu":
                    self._line("note", "the emulated LPU computes the tokens; times are this machine's")
            case events.TextSubmitted(text=text):
                self._line("you", text)
            case events.ItemTruncated(heard=heard):
                self._line("cut", f"heard up to: {heard}" if heard else "before a word was heard")
            case events.Noticed(message=message):
                self._line("note", message)
            case events.ResponseDone(status=status):
                self._finish(event.turn, status)
            case _:
                pass

    def _show_draft(self, event: events.Event) -> None:
        """Keep what a draft made, and show it once the draft is released."""
        match event:
            case events.DraftCreated():
                self._draft = []
            case events.TurnCommitted():
                self._released = True
            case events.TranscriptCompleted(text=text) if text:
                self._draft.append(("you", text))
            case events.TextDone(text=text):
                self._draft.append(("voice", text.strip()))
            case _:
                pass
        if self._released:
            for who, text in self._draft:
                self._line(who, text)
            self._draft = []

    def _line(self, who: str, text: str) -> None:
        self.console.print(f"[bold]{who:>6}[/bold]  {escape(text)}", highlight=False, soft_wrap=True)

    def _finish(self, turn: int, status: str) -> None:
        ended, self._turn, self._released = self._turn, [], False
        self.turns.append(ended)
        self.failed = self.failed or status == "failed"
        if status == "completed":
            line = Text("  time  ", "bold").append_text(waterfall(turn_times(ended, turn), self._budget_s))
            self.console.print(line, soft_wrap=True)
            tokens = [event for event in ended if isinstance(event, events.ResponseTextDelta)]
            spoken = max((token.revision for token in tokens), default=0)
            if row := emulated(token.emulated_s for token in tokens if token.revision == spoken):
                figures = f"{row['emulated_ttft_ms']} ms to the first token, {row['emulated_tokens_per_s']} tokens/s"
                self._line("lpu", f"{figures} (emulated)")
