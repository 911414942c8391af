"""A session that another thread controls: typed turns, stops, switches, with the real models and no sound card."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from voice_app.core import events
from voice_app.runtime.live import LiveSession, switched_settings
from voice_app.runtime.plan import SessionPlan
from voice_app.runtime.settings import load_settings

pytestmark = pytest.mark.model
PATIENCE_S = 60.0


class Watched:
    """A live session without devices, and what it told."""

    def __init__(self, log: Path) -> None:
        self.log: list[events.Event] = []
        settings = load_settings(memory="off", audio={"input": "missing card", "output": "missing card"})
        session = SessionPlan(settings, events_file=log, listeners=(self.log.append,))
        self.live = LiveSession(session, keep_sound=True)
        self.thread = threading.Thread(target=self.live.run)

    def wait(self, kind: type[events.Fact], count: int = 1) -> events.Event:
        """Return event number `count` of a kind once it is there."""
        limit_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < limit_s:
            found = [event for event in list(self.log) if isinstance(event, kind)]
            if len(found) >= count:
                return found[count - 1]
            time.sleep(0.02)
        raise AssertionError(f"no {kind.__name__} number {count}")


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    session = Watched(tmp_path / "events.jsonl")
    session.thread.start()
    session.wait(events.SessionCreated)
    yield session
    session.live.end()
    session.thread.join(PATIENCE_S)
    assert not session.thread.is_alive()


def test_without_devices_one_can_type_repeat_stop_and_switch(watched: Watched, tmp_path: Path) -> None:
    """Each control has its effect, is told by events, and nothing ends the session."""
    live = watched.live
    missing = [watched.wait(events.Noticed, number).message for number in (1, 2)]
    assert not live.has_microphone()
    assert "You can type." in missing[0]
    assert "shown, not heard" in missing[1]

    live.submit("What is the capital of France?")
    assert watched.wait(events.ResponseDone).status == "completed"
    live.repeat()
    watched.wait(events.ResponseDone, 2)
    first, second = watched.wait(events.TextDone), watched.wait(events.TextDone, 2)
    assert "Paris" in first.text
    assert second.text.strip() == first.text.strip()

    live.submit("Tell me a long story about a fox.")
    watched.wait(events.PlaybackStarted, 3)
    live.interrupt()
    assert watched.wait(events.ResponseDone, 3).status == "cancelled"

    live.switch(persona="friend")  # two at once: one after the other, nothing lost
    live.switch(backend="lpu-delegated")
    assert watched.wait(events.SessionUpdated).persona == "friend"
    second = watched.wait(events.SessionUpdated, 2)
    assert (second.persona, second.models["llm_backend"]) == ("friend", "lpu-delegated")
    live.switch(model="nonsense")
    assert "nothing was changed" in watched.wait(events.Noticed, 6).message
    live.submit("Hello!")
    assert watched.wait(events.ResponseDone, 4).status == "completed"
    assert live.write_sound(tmp_path / "kept.wav") > 1


def test_a_microphone_that_is_closed_while_the_models_load_stays_closed(tmp_path: Path) -> None:
    """What the screen says is so from the first frame on."""
    session = Watched(tmp_path / "events.jsonl")
    session.live.set_muted(True)
    session.thread.start()
    session.wait(events.SessionCreated)
    running = session.live._running
    assert running is not None
    assert not running.host.devices.source.open
    session.live.end()
    session.thread.join(PATIENCE_S)


def test_a_switch_changes_one_setting() -> None:
    """All others stay."""
    before = load_settings()
    after = switched_settings(before, {"voice": "other", "persona": "friend", "input": "2"})

    assert (after.models.tts, after.persona, after.audio.input) == ("other", "friend", "2")
    assert after.models.llm == before.models.llm
    assert after.audio.output == before.audio.output
