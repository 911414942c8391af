"""The conversation as lines in a terminal: what was heard, what was answered, where the time went."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.text import Text

from voice_app.core import events
from voice_app.core.stages import turn_times
from voice_app.observe.statistics import emulated
from voice_app.observe.waterfall import waterfall

BASIS = {
    "lpu": "the emulated LPU computes the tokens; times are this machine's but where they say emulated",
    "lpu-delegated": "llama.cpp computes the tokens; an emulated LPU only says when they would come",
}
"""What a session's tokens and times are, where a chip is emulated."""


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
        self.answered = False
        """Whether a reply was said to its end."""
        self.failed = False
        """Whether a reply failed."""

    def __call__(self, event: events.Event) -> None:
        """Show one event."""
        self._turn.append(event)
        self._show_draft(event)
        match event:
            case events.SessionCreated(models=models):
                self.console.print("ready", highlight=False)
                if note := BASIS.get(models.get("llm_backend", "")):
                    self._line("note", note)
            case events.TextSubmitted(text=text):
                self._line("you", text)
            case events.ItemTruncated(heard=heard):
                self._line("cut", f"heard up to: {heard}" if heard else "before a word was heard")
            case events.Noticed(message=message):
                self.note(message)
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

    def note(self, message: str) -> None:
        """Show a line of the program's own."""
        self._line("note", message)

    def _finish(self, turn: int, status: str) -> None:
        ended, self._turn, self._released = self._turn, [], False
        self.turns.append(ended)
        self.failed = self.failed or status == "failed"
        self.answered = self.answered or status == "completed"
        if status == "completed":
            times = Text("  time  ", "bold").append_text(waterfall(turn_times(ended, turn), self._budget_s))
            self.console.print(times, soft_wrap=True)
            if line := _emulated_line(ended):
                self._line("lpu", line)


def _emulated_line(turn: list[events.Event]) -> str:
    """Return what the chip's time of the spoken draft was, and how far this machine fell behind; empty without one."""
    tokens = [event for event in turn if isinstance(event, events.ResponseTextDelta)]
    spoken = max((token.revision for token in tokens), default=0)
    row = emulated(token.emulated_s for token in tokens if token.revision == spoken)
    if not row:
        return ""
    done = [event for event in turn if isinstance(event, events.TextDone) and event.revision == spoken]
    late = (
        f"; {done[-1].late_tokens} of {done[-1].tokens} came later here"
        if done and done[-1].late_tokens
        else ""
    )
    first = (
        f"{row['emulated_ttft_ms']} ms to the first token"
        if row["emulated_ttft_ms"]
        else "prompt read before"
    )
    figures = f"{first}, {row['emulated_tokens_per_s']} tokens/s"
    return f"{figures} (emulated){late}"
