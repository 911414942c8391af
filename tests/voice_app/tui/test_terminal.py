"""The chat in a real terminal, on a real sound server, with the real models: what a person does in an evening."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from inference.audio import write_audio
from tests.pulse import PulseServer, require_pulse
from tests.speech import spoken
from tests.terminal import Terminal
from voice_app.core import events
from voice_app.observe.recorder import replay

pytestmark = [pytest.mark.card, pytest.mark.model, pytest.mark.terminal]
LIMIT_S = 120.0
SIZES = ((20, 5), (200, 60), (40, 12), (80, 24), (20, 5), (110, 34))


@dataclass
class Evening:
    """A chat that runs in a terminal with a sound card."""

    card: PulseServer
    terminal: Terminal
    folder: Path

    @property
    def log(self) -> list[events.Event]:
        path = self.folder / "events.jsonl"
        return list(replay(path)) if path.exists() else []

    def wait(self, kind: type[events.Fact], count: int = 1) -> events.Event:
        """Return event number `count` of a kind once it is there."""
        limit_s = time.monotonic() + LIMIT_S
        while time.monotonic() < limit_s:
            found = [event for event in self.log if isinstance(event, kind)]
            if len(found) >= count:
                return found[count - 1]
            time.sleep(0.1)
        pytest.fail(f"no {kind.__name__} number {count}\n{self.terminal.screen()}")

    def count(self, kind: type[events.Fact]) -> int:
        return sum(isinstance(event, kind) for event in self.log)

    def after(self, kind: type[events.Fact], act: Callable[[], object]) -> events.Event:
        """Do something, and return the first event of a kind that follows."""
        count = self.count(kind)
        act()
        return self.wait(kind, count + 1)

    def ask(self, text: str) -> str:
        """Type a question, and return the answer once it was heard to its end."""

        def send() -> None:
            self.terminal.type(text)
            self.terminal.press("Enter")

        done = self.after(events.ResponseDone, send)
        assert done.status == "completed"
        return [event for event in self.log if isinstance(event, events.TextDone)][-1].text

    def command(self, name: str) -> None:
        """Choose a command of the palette."""
        self.terminal.press("C-p")
        self.terminal.wait_for("Search for commands")
        self.terminal.type(name)
        self.terminal.wait_for(lambda screen: screen.count(name) >= 2)
        time.sleep(0.5)
        self.terminal.press("Enter")


@pytest.fixture
def evening(tmp_path: Path) -> Iterator[Evening]:
    require_pulse()
    with PulseServer() as card:
        private = {
            "XDG_STATE_HOME": str(tmp_path / "state"),
            "XDG_DATA_HOME": str(tmp_path / "data"),
            "PYTHONPATH": str(Path.cwd()),
        }
        command = [sys.executable, "-m", "voice_app", "chat", "--events", str(tmp_path / "events.jsonl")]
        with Terminal(command, card.env | private, 110, 34, cwd=str(tmp_path)) as terminal:
            yield Evening(card, terminal, tmp_path)


def test_an_evening_in_the_terminal(evening: Evening, tmp_path: Path) -> None:
    """Typed, spoken, stopped, switched to the chip and back, resized, pasted into, exported, left: all in order."""
    terminal = evening.terminal
    evening.wait(events.SessionCreated)
    terminal.wait_for("measured here")
    terminal.press("Enter")
    assert "Paris" in evening.ask("What is the capital of France?")
    terminal.wait_for("Paris")

    question = tmp_path / "question.wav"
    write_audio(question, spoken("What do bees make?"))
    heard = evening.after(events.PlaybackStopped, lambda: evening.card.play(question).wait())
    words = [event for event in evening.log if isinstance(event, events.TranscriptCompleted)][-1]
    assert heard.at_s > words.at_s
    assert "bees" in words.text.lower()
    terminal.wait_for("bees")

    def tell() -> None:
        terminal.type("Tell me a long story about a fox and a bear.")
        terminal.press("Enter")

    evening.after(events.PlaybackStarted, tell)
    stopped = evening.after(events.ResponseDone, lambda: terminal.press("Escape"))
    assert stopped.status == "cancelled"

    updated = evening.after(events.SessionUpdated, lambda: evening.command("Backend: lpu"))
    assert updated.models["llm_backend"] == "lpu"
    assert "Paris" in evening.ask("What is the capital of France?")
    emulated = [event for event in evening.log if isinstance(event, events.ResponseTextDelta)][-1]
    assert emulated.emulated_s is not None
    terminal.wait_for("emulated")
    updated = evening.after(events.SessionUpdated, lambda: evening.command("Backend: llama.cpp"))
    assert updated.models["llm_backend"] == "llama.cpp"

    for columns, rows in SIZES * 3:
        terminal.resize(columns, rows)
    terminal.paste("words " * 170_000)
    terminal.wait_for("cut off")
    terminal.press("Escape", "C-a", "C-k")

    evening.command("Export as Markdown")
    limit_s = time.monotonic() + 20
    while not (exports := list(tmp_path.rglob("voice-app-*.md"))) and time.monotonic() < limit_s:
        time.sleep(0.1)
    assert "Paris" in exports[0].read_text()

    terminal.press("C-q")
    assert terminal.end_status() == 0
    assert "Traceback" not in terminal.screen(history=2000)
    assert isinstance(evening.log[-1], events.SessionClosed)
    assert evening.count(events.Noticed) <= 4
