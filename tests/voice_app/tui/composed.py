"""Logs written by hand: what a recorded session of four questions does not contain."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from voice_app.core import events

MODELS = {
    "stt": "whisper-tiny.en",
    "llm": "smollm2-135m-instruct",
    "llm_backend": "llama.cpp",
    "tts": "piper-en_US-joe-medium",
}


def created(backend: str = "llama.cpp") -> list[events.Event]:
    """A session begins."""
    return [
        events.SessionCreated(
            at_s=0.0,
            started="2026-11-22T10:00:00+00:00",
            models={**MODELS, "llm_backend": backend},
            persona="plain",
            because="the largest that keeps the budget: first clause after 96 ms, 135 allowed",
            calibrated_ms={"stt": 46.0, "token": 9.1, "tts_first_sound": 31.5},
        )
    ]


class Turn:
    """A turn of a composed session: events of one turn and draft, dated by the second of the session."""

    def __init__(self, number: int, at_s: float, revision: int = 1) -> None:
        self.number, self.at_s, self.revision = number, at_s, revision
        self.log: list[events.Event] = []

    def add(self, kind: type[events.Fact], after_s: float, **fields: Any) -> Turn:
        """Let something happen so many seconds after the turn's beginning."""
        at_s = round(self.at_s + after_s, 6)
        self.log.append(kind(at_s=at_s, turn=self.number, revision=self.revision, **fields))  # type: ignore[arg-type]
        return self

    def typed(self, text: str) -> Turn:
        """The user types."""
        self.add(events.TextSubmitted, 0.0, text=text)
        return self.add(events.TurnCommitted, 0.0, speech_end_s=None).add(events.DraftCreated, 0.0)

    def spoken(self, text: str) -> Turn:
        """The user has spoken; the turn is over a fifth of a second after the last voiced sample."""
        self.add(events.SpeechStopped, 0.03, speech_end_s=self.at_s).add(events.DraftCreated, 0.03)
        self.add(events.TranscriptCompleted, 0.08, text=text)
        self.add(
            events.EndpointPredicted, 0.1, silence_s=0.2, finished=0.98, because="the words look finished"
        )
        return self

    def answered(self, text: str, *, emulated: bool = False) -> Turn:
        """The model writes; its first clause becomes sound."""
        spoken = any(isinstance(event, events.SpeechStopped) for event in self.log)
        early_s = 0.0 if spoken else 0.09
        self.at_s -= early_s
        self.add(events.ResponseCreated, 0.1)
        for number, word in enumerate(text.split(" ")):
            due = 0.0008 + number * 0.0001 if emulated else None
            delta = word if number == 0 else f" {word}"
            self.add(
                events.ResponseTextDelta,
                0.12 + number * 0.01,
                delta=delta,
                token_id=number,
                emulated_s=due,
            )
        at_s = 0.12 + len(text.split(" ")) * 0.01
        chip = {"cycles_per_token": 62192, "chip_utilisation": {"MXM weights": 0.163, "MEM read": 0.124}}
        self.add(
            events.TextDone,
            at_s,
            text=text,
            tokens=len(text.split(" ")),
            prompt_tokens=217,
            cached_tokens=201,
            late_tokens=3 if emulated else 0,
            **(chip if emulated else {}),
        )
        self.add(events.ClauseReady, at_s, text=text).add(events.AudioDelta, at_s + 0.03, audio_s=1.0)
        if spoken:
            self.add(events.TurnCommitted, at_s + 0.04, speech_end_s=self.at_s)
        ends, place = [], 0
        for number, word in enumerate(text.split(" ")):
            place += len(word) + (number > 0)
            ends.append((place, round(0.25 * (number + 1), 3)))
        self.add(events.WordsTimed, at_s + 0.05, raw=text, text=text, clause=0, start_s=0.0, ends=ends)
        self.add(events.PlaybackStarted, at_s + 0.06)
        self.at_s += early_s
        return self

    def ended(self, after_s: float) -> Turn:
        """The reply has been heard."""
        self.add(events.PlaybackStopped, after_s, audio_s=after_s)
        return self.add(events.ResponseDone, after_s, status="completed")


def session(*turns: Turn, backend: str = "llama.cpp") -> list[events.Event]:
    """A session of turns."""
    return [*created(backend), *(event for turn in turns for event in turn.log)]


def interrupted() -> list[events.Event]:
    """The user talks over a reply, is heard, and a cough before that is not."""
    first = Turn(1, 1.0).spoken("Tell me about bees.")
    first.answered("Bees are social insects that live in colonies and make honey.")
    first.add(events.PlaybackHeld, 0.8).add(events.SpeechStarted, 0.8, speech_start_s=1.7)
    first.add(events.SpeechIgnored, 1.0, heard="mhm").add(events.PlaybackResumed, 1.0)
    first.add(events.PlaybackHeld, 1.6).add(events.SpeechStarted, 1.6, speech_start_s=2.5)
    first.add(events.PlaybackCleared, 1.9, audio_s=1.1).add(events.ResponseDone, 1.9, status="cancelled")
    first.add(events.ItemTruncated, 1.9, heard="Bees are social insects")
    second = Turn(2, 4.0, revision=0).add(events.TranscriptDelta, -0.5, text="No, tell me about wasps")
    return session(first, second)


def with_table() -> list[events.Event]:
    """A table is shown, then grown by a column; a tool is asked; memory changes; answers were compared."""
    rows = (
        ("09:00", "Breakfast at a diner"),
        ("11:00", "Walk through the Ramble"),
        ("14:00", "Roosevelt Island"),
    )
    first = Turn(1, 1.0).typed("Can you put this itinerary in a table?")
    first.add(events.TableShown, 0.1, title="New York City", columns=("time", "what"), rows=rows)
    first.answered("Here is the table.").ended(2.0)
    priced = tuple((*row, cost) for row, cost in zip(rows, ("$18", "free", "$2.90"), strict=True))
    second = Turn(2, 5.0).typed("Please add a column with the approximate cost of each event.")
    second.add(
        events.TableShown,
        0.1,
        title="New York City",
        columns=("time", "what", "cost"),
        rows=priced,
        complete=False,
    )
    second.add(events.ToolCalled, 0.11, name="notes", arguments='{"words": "prices"}')
    second.add(events.ToolAnswered, 0.12, name="notes", output="diner $18", sources=("travel.md",))
    second.add(events.Considered, 0.12, samples=5, agreed=4, spent_s=1.2, budget_s=2.0)
    second.answered("I have added the costs.")
    second.add(events.MemoryChanged, 1.0, change="added", text="The user likes free walks.")
    second.ended(2.5)
    return session(first, second)


def on_the_chip() -> list[events.Event]:
    """The emulated chip writes; then the session goes back to llama.cpp."""
    turn = Turn(1, 1.0).spoken("What is the capital of France?")
    turn.add(events.BudgetAction, 0.1, action="short first clause", cause="predicted 398 ms > 300 ms")
    return session(turn.answered("The capital of France is Paris.", emulated=True), backend="lpu")


def hostile() -> list[events.Event]:
    """Escape sequences, markup, marks that turn writing round, wide and combining characters, and no spaces."""
    evil = "\x1b[2J\x1b]52;c;ZXZpbA==\a [red]not red[/red] [bold \u202egnp.exe"
    wide = "日本語の文字 👩‍👩‍👧 e\u0301 " + "x" * 150
    turn = Turn(1, 1.0).typed(evil + "\r\n\ttabbed")
    turn.add(events.TableShown, 0.1, title=evil, columns=(evil, "b"), rows=((wide, evil), ("only one",)))
    turn.answered(evil + " " + wide).ended(30.0)
    return [*session(turn), events.Noticed(at_s=40.0, message=evil)]


def long(turns: int) -> list[events.Event]:
    """A session of many turns, one every four seconds, as long as the log of one is."""
    each = (
        Turn(number, 4.0 * number)
        .spoken(f"Question {number}?")
        .answered(f"Answer {number} is this one.")
        .ended(3.0)
        for number in range(1, turns + 1)
    )
    return session(*each)


def last_s(log: Iterable[events.Event]) -> float:
    """Return when a log ends."""
    return max(event.at_s for event in log)
