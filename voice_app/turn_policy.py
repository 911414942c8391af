"""Whose turn is it? A pure table: (state, event) -> (state, actions).

Rules of this file: no clock, no input or output, every pair of state and event has a cell. The diagram in this
room's README is generated from `TABLE`.
"""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """Where the conversation stands."""

    LISTENING = "listening"
    """Nobody speaks."""
    HEARING = "hearing"
    """The user speaks."""
    PAUSED = "paused"
    """The user is silent, the turn not yet over."""
    THINKING = "thinking"
    """A reply is made; nothing of it is audible."""
    SPEAKING = "speaking"
    """A reply is audible."""


class Happening(StrEnum):
    """What can happen."""

    SPEECH_STARTED = "speech started"
    SPEECH_PAUSED = "speech paused"
    TURN_OVER = "turn over"
    TEXT_TYPED = "text typed"
    SOUND_STARTED = "sound started"
    REPLY_ENDED = "reply ended"


class Action(StrEnum):
    """What is to be done, in this order."""

    CANCEL_REPLY = "cancel the reply"
    REMEMBER = "remember what was heard"
    CLOSE_TURN = "drop the turn"
    OPEN_TURN = "open a turn"
    REOPEN_TURN = "take the turn up again"
    REPLY = "reply"


L, H, P, T, S = State
A = Action

TABLE: dict[tuple[State, Happening], tuple[State, tuple[Action, ...]]] = {
    (L, Happening.SPEECH_STARTED): (H, (A.OPEN_TURN,)),
    (L, Happening.SPEECH_PAUSED): (L, ()),
    (L, Happening.TURN_OVER): (L, ()),
    (L, Happening.TEXT_TYPED): (T, (A.OPEN_TURN, A.REPLY)),
    (L, Happening.SOUND_STARTED): (L, ()),
    (L, Happening.REPLY_ENDED): (L, ()),
    (H, Happening.SPEECH_STARTED): (H, ()),
    (H, Happening.SPEECH_PAUSED): (P, ()),
    (H, Happening.TURN_OVER): (T, (A.REPLY,)),
    (H, Happening.TEXT_TYPED): (T, (A.CLOSE_TURN, A.OPEN_TURN, A.REPLY)),
    (H, Happening.SOUND_STARTED): (H, ()),
    (H, Happening.REPLY_ENDED): (H, ()),
    (P, Happening.SPEECH_STARTED): (H, ()),
    (P, Happening.SPEECH_PAUSED): (P, ()),
    (P, Happening.TURN_OVER): (T, (A.REPLY,)),
    (P, Happening.TEXT_TYPED): (T, (A.CLOSE_TURN, A.OPEN_TURN, A.REPLY)),
    (P, Happening.SOUND_STARTED): (P, ()),
    (P, Happening.REPLY_ENDED): (P, ()),
    # The user goes on before the reply is audible: the turn was not over, and its sound is kept.
    (T, Happening.SPEECH_STARTED): (H, (A.CANCEL_REPLY, A.REOPEN_TURN)),
    (T, Happening.SPEECH_PAUSED): (T, ()),
    (T, Happening.TURN_OVER): (T, ()),
    (T, Happening.TEXT_TYPED): (T, (A.CANCEL_REPLY, A.REMEMBER, A.OPEN_TURN, A.REPLY)),
    (T, Happening.SOUND_STARTED): (S, ()),
    (T, Happening.REPLY_ENDED): (L, ()),
    # Barge-in: the user takes the floor.
    (S, Happening.SPEECH_STARTED): (H, (A.CANCEL_REPLY, A.REMEMBER, A.OPEN_TURN)),
    (S, Happening.SPEECH_PAUSED): (S, ()),
    (S, Happening.TURN_OVER): (S, ()),
    (S, Happening.TEXT_TYPED): (T, (A.CANCEL_REPLY, A.REMEMBER, A.OPEN_TURN, A.REPLY)),
    (S, Happening.SOUND_STARTED): (S, ()),
    (S, Happening.REPLY_ENDED): (L, ()),
}


def step(state: State, happening: Happening) -> tuple[State, tuple[Action, ...]]:
    """Return the next state and what is to be done."""
    return TABLE[state, happening]


def diagram() -> str:
    """Return the table as a Mermaid state diagram, without the cells in which nothing happens."""
    lines = ["stateDiagram-v2", f"    [*] --> {L}"]
    for (state, happening), (after, actions) in TABLE.items():
        if after is not state or actions:
            note = f" / {', '.join(actions)}" if actions else ""
            lines.append(f"    {state} --> {after}: {happening}{note}")
    return "\n".join(lines)
