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


class Input(StrEnum):
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
    FALSE_INTERRUPTION = "false alarm"
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

TABLE: dict[tuple[State, Input], tuple[State, tuple[Action, ...]]] = {
    (L, Input.SPEECH_STARTED): (H, (A.OPEN_TURN,)),
    (L, Input.SPEECH_PAUSED): (L, ()),
    (L, Input.TURN_OVER): (L, ()),
    (L, Input.TEXT_TYPED): (T, TYPED),
    (L, Input.STOP_ASKED): (L, ()),
    (L, Input.SOUND_STARTED): (L, ()),
    (L, Input.REPLY_ENDED): (L, ()),
    (L, Input.WORDS_HEARD): (L, ()),
    (L, Input.FALSE_INTERRUPTION): (L, ()),
    (H, Input.SPEECH_STARTED): (H, ()),
    (H, Input.SPEECH_PAUSED): (P, (A.DRAFT,)),
    (H, Input.TURN_OVER): (T, (A.DRAFT, A.RELEASE)),
    (H, Input.TEXT_TYPED): (T, (A.CLOSE_TURN, *TYPED)),
    (H, Input.STOP_ASKED): (L, (A.CLOSE_TURN,)),
    (H, Input.SOUND_STARTED): (H, ()),
    (H, Input.REPLY_ENDED): (H, ()),
    (H, Input.WORDS_HEARD): (H, ()),
    (H, Input.FALSE_INTERRUPTION): (H, ()),
    (P, Input.SPEECH_STARTED): (H, (A.DROP_DRAFT,)),
    (P, Input.SPEECH_PAUSED): (P, ()),
    (P, Input.TURN_OVER): (T, (A.RELEASE,)),
    (P, Input.TEXT_TYPED): (T, (A.DROP_DRAFT, A.CLOSE_TURN, *TYPED)),
    (P, Input.STOP_ASKED): (L, (A.DROP_DRAFT, A.CLOSE_TURN)),
    (P, Input.SOUND_STARTED): (P, ()),
    (P, Input.REPLY_ENDED): (P, ()),
    (P, Input.WORDS_HEARD): (P, ()),
    (P, Input.FALSE_INTERRUPTION): (P, ()),
    # The user goes on before the reply is audible: the turn was not over, and its sound is kept.
    (T, Input.SPEECH_STARTED): (H, (A.CANCEL_REPLY, A.REOPEN_TURN)),
    (T, Input.SPEECH_PAUSED): (T, ()),
    (T, Input.TURN_OVER): (T, ()),
    (T, Input.TEXT_TYPED): (T, (A.CANCEL_REPLY, A.REMEMBER, *TYPED)),
    (T, Input.STOP_ASKED): (L, (A.CANCEL_REPLY, A.REMEMBER)),
    (T, Input.SOUND_STARTED): (S, ()),
    (T, Input.REPLY_ENDED): (L, ()),
    (T, Input.WORDS_HEARD): (T, ()),
    (T, Input.FALSE_INTERRUPTION): (T, ()),
    (S, Input.SPEECH_STARTED): (INT, (A.LISTEN_IN, A.HOLD_SOUND)),
    (S, Input.SPEECH_PAUSED): (S, ()),
    (S, Input.TURN_OVER): (S, ()),
    (S, Input.TEXT_TYPED): (T, (A.CANCEL_REPLY, A.REMEMBER, *TYPED)),
    (S, Input.STOP_ASKED): (L, (A.CANCEL_REPLY, A.REMEMBER)),
    (S, Input.SOUND_STARTED): (S, ()),
    (S, Input.REPLY_ENDED): (L, ()),
    (S, Input.WORDS_HEARD): (S, ()),
    (S, Input.FALSE_INTERRUPTION): (S, ()),
    (INT, Input.SPEECH_STARTED): (INT, ()),
    (INT, Input.SPEECH_PAUSED): (INT, (A.JUDGE,)),
    (INT, Input.TURN_OVER): (INT, ()),
    (INT, Input.TEXT_TYPED): (T, (A.CANCEL_REPLY, A.REMEMBER, A.CLOSE_TURN, *TYPED)),
    (INT, Input.STOP_ASKED): (L, (A.CANCEL_REPLY, A.REMEMBER, A.CLOSE_TURN)),
    (INT, Input.SOUND_STARTED): (INT, ()),
    (INT, Input.REPLY_ENDED): (H, (A.TAKE_TURN,)),
    # Barge-in: the user takes the floor.
    (INT, Input.WORDS_HEARD): (H, (A.CANCEL_REPLY, A.REMEMBER, A.TAKE_TURN)),
    (INT, Input.FALSE_INTERRUPTION): (S, (A.CLOSE_TURN, A.RESUME_SOUND)),
}


def step(state: State, input_: Input) -> tuple[State, tuple[Action, ...]]:
    """Return the next state and what is to be done."""
    return TABLE[state, input_]


def diagram() -> str:
    """Return the table as a Mermaid state diagram, without the cells in which nothing happens."""
    lines = ["stateDiagram-v2", f"    [*] --> {L}"]
    for (state, input_), (after, actions) in TABLE.items():
        if after is not state or actions:
            note = f" / {', '.join(actions)}" if actions else ""
            lines.append(f"    {state} --> {after}: {input_}{note}")
    return "\n".join(lines)
