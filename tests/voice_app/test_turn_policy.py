"""The table of turns: every cell, and what no sequence of happenings may do."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice_app.turn_policy import TABLE, Action, Happening, State, diagram, step

CELLS = list(itertools.product(State, Happening))


@pytest.mark.parametrize(("state", "happening"), CELLS)
def test_every_state_answers_every_happening(state: State, happening: Happening) -> None:
    """No pair of state and happening is without a cell."""
    after, actions = step(state, happening)

    assert isinstance(after, State)
    assert len(set(actions)) == len(actions)
    assert list(actions) == sorted(actions, key=list(Action).index)


@pytest.mark.parametrize(("state", "happening"), CELLS)
def test_a_reply_is_due_exactly_when_thinking_begins(state: State, happening: Happening) -> None:
    """REPLY is the only way into THINKING, and always leads there."""
    after, actions = step(state, happening)

    assert (Action.REPLY in actions) == (after is State.THINKING and (state, happening) not in STAYS)


STAYS = {(State.THINKING, Happening.SPEECH_PAUSED), (State.THINKING, Happening.TURN_OVER)}


@pytest.mark.parametrize("state", [State.THINKING, State.SPEAKING])
@pytest.mark.parametrize("happening", [Happening.SPEECH_STARTED, Happening.TEXT_TYPED])
def test_the_user_always_takes_the_floor(state: State, happening: Happening) -> None:
    """Speech and typed text cancel whatever reply there is."""
    assert Action.CANCEL_REPLY in step(state, happening)[1]


@given(st.lists(st.sampled_from(Happening)))
def test_replies_and_cancellations_alternate(happenings: list[Happening]) -> None:
    """From any sequence: no second reply while one is under way, no cancellation of none."""
    state, replying = State.LISTENING, False
    for happening in happenings:
        state, actions = step(state, happening)
        for action in actions:
            if action is Action.CANCEL_REPLY:
                assert replying
                replying = False
            elif action is Action.REPLY:
                assert not replying
                replying = True
        if happening is Happening.REPLY_ENDED:
            replying = False
        assert replying == (state in (State.THINKING, State.SPEAKING))


def test_the_diagram_in_the_readme_is_the_table() -> None:
    """The room's README shows what the table says."""
    from pathlib import Path

    import voice_app

    readme = Path(voice_app.__file__).with_name("README.md").read_text()

    assert diagram() in readme
    assert len(TABLE) == len(CELLS)
