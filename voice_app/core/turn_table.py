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
    """The user is silent, the turn not yet over: a reply is drafted."""
    THINKING = "thinking"
    """The turn is over; nothing of the reply is audible."""
    SPEAKING = "speaking"
    """A reply is audible."""
    INTERRUPTED = "interrupted"
    """Somebody or something sounds over the reply, which is held until it is known what."""


class Happening(StrEnum):
    """What can happen."""

    SPEECH_STARTED = "speech started"
    SPEECH_PAUSED = "speech paused"
    TURN_OVER = "turn over"
    TEXT_TYPED = "text typed"
    STOP_ASKED = "stop asked"
    """By a key: whatever is being said, by whom it may be, is dropped."""
    SOUND_STARTED = "sound started"
    REPLY_ENDED = "reply ended"
    WORDS_HEARD = "words heard"
    """What interrupts the reply are words to the assistant."""
    FALSE_ALARM = "false alarm"
    """It is noise, a cough, or a "mhm"."""


class Action(StrEnum):
    """What is to be done, in this order."""

    CANCEL_REPLY = "cancel the reply"
    REMEMBER = "remember what was heard"
    DROP_DRAFT = "drop the draft"
    CLOSE_TURN = "drop the sound"
    OPEN_TURN = "open a turn"
    TAKE_TURN = "make the interruption a turn"
    REOPEN_TURN = "take the turn up again"
    LISTEN_IN = "keep the sound"
    HOLD_SOUND = "hold the reply"
    RESUME_SOUND = "go on with the reply"
    JUDGE = "judge the interruption"
    DRAFT = "draft a reply"
    RELEASE = "release the reply"


L, H, P, T, S, INT = State
A = Action
TYPED = (A.OPEN_TURN, A.DRAFT, A.RELEASE)
"""What follows typed text, once the floor is free."""

TABLE: dict[tuple[State, Happening], tuple[State, tuple[Action, ...]]] = {
    (L, Happening.SPEECH_STARTED): (H, (A.OPEN_TURN,)),
    (L, Happening.SPEECH_PAUSED): (L, ()),
    (L, Happening.TURN_OVER): (L, ()),
    (L, Happening.TEXT_TYPED): (T, TYPED),
    (L, Happening.STOP_ASKED): (L, ()),
    (L, Happening.SOUND_STARTED): (L, ()),
    (L, Happening.REPLY_ENDED): (L, ()),
    (L, Happening.WORDS_HEARD): (L, ()),
    (L, Happening.FALSE_ALARM): (L, ()),
    (H, Happening.SPEECH_STARTED): (H, ()),
    (H, Happening.SPEECH_PAUSED): (P, (A.DRAFT,)),
    (H, Happening.TURN_OVER): (T, (A.DRAFT, A.RELEASE)),
    (H, Happening.TEXT_TYPED): (T, (A.CLOSE_TURN, *TYPED)),
    (H, Happening.STOP_ASKED): (L, (A.CLOSE_TURN,)),
    (H, Happening.SOUND_STARTED): (H, ()),
    (H, Happening.REPLY_ENDED): (H, ()),
    (H, Happening.WORDS_HEARD): (H, ()),
    (H, Happening.FALSE_ALARM): (H, ()),
    (P, Happening.SPEECH_STARTED): (H, (A.DROP_DRAFT,)),
    (P, Happening.SPEECH_PAUSED): (P, ()),
    (P, Happening.TURN_OVER): (T, (A.RELEASE,)),
    (P, Happening.TEXT_TYPED): (T, (A.DROP_DRAFT, A.CLOSE_TURN, *TYPED)),
    (P, Happening.STOP_ASKED): (L, (A.DROP_DRAFT, A.CLOSE_TURN)),
    (P, Happening.SOUND_STARTED): (P, ()),
    (P, Happening.REPLY_ENDED): (P, ()),
    (P, Happening.WORDS_HEARD): (P, ()),
    (P, Happening.FALSE_ALARM): (P, ()),
    # The user goes on before the reply is audible: the turn was not over, and its sound is kept.
    (T, Happening.SPEECH_STARTED): (H, (A.CANCEL_REPLY, A.REOPEN_TURN)),
    (T, Happening.SPEECH_PAUSED): (T, ()),
    (T, Happening.TURN_OVER): (T, ()),
    (T, Happening.TEXT_TYPED): (T, (A.CANCEL_REPLY, A.REMEMBER, *TYPED)),
    (T, Happening.STOP_ASKED): (L, (A.CANCEL_REPLY, A.REMEMBER)),
    (T, Happening.SOUND_STARTED): (S, ()),
    (T, Happening.REPLY_ENDED): (L, ()),
    (T, Happening.WORDS_HEARD): (T, ()),
    (T, Happening.FALSE_ALARM): (T, ()),
    (S, Happening.SPEECH_STARTED): (INT, (A.LISTEN_IN, A.HOLD_SOUND)),
    (S, Happening.SPEECH_PAUSED): (S, ()),
    (S, Happening.TURN_OVER): (S, ()),
    (S, Happening.TEXT_TYPED): (T, (A.CANCEL_REPLY, A.REMEMBER, *TYPED)),
    (S, Happening.STOP_ASKED): (L, (A.CANCEL_REPLY, A.REMEMBER)),
    (S, Happening.SOUND_STARTED): (S, ()),
    (S, Happening.REPLY_ENDED): (L, ()),
    (S, Happening.WORDS_HEARD): (S, ()),
    (S, Happening.FALSE_ALARM): (S, ()),
    (INT, Happening.SPEECH_STARTED): (INT, ()),
    (INT, Happening.SPEECH_PAUSED): (INT, (A.JUDGE,)),
    (INT, Happening.TURN_OVER): (INT, ()),
    (INT, Happening.TEXT_TYPED): (T, (A.CANCEL_REPLY, A.REMEMBER, A.CLOSE_TURN, *TYPED)),
    (INT, Happening.STOP_ASKED): (L, (A.CANCEL_REPLY, A.REMEMBER, A.CLOSE_TURN)),
    (INT, Happening.SOUND_STARTED): (INT, ()),
    (INT, Happening.REPLY_ENDED): (H, (A.TAKE_TURN,)),
    # Barge-in: the user takes the floor.
    (INT, Happening.WORDS_HEARD): (H, (A.CANCEL_REPLY, A.REMEMBER, A.TAKE_TURN)),
    (INT, Happening.FALSE_ALARM): (S, (A.CLOSE_TURN, A.RESUME_SOUND)),
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
