"""The table of turns: every cell, and what no sequence of inputs may do."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice_app.core.turn_table import TABLE, Action, Input, State, diagram, step

CELLS = list(itertools.product(State, Input))


@pytest.mark.parametrize(("state", "input_"), CELLS)
def test_every_state_answers_every_input(state: State, input_: Input) -> None:
    """No pair of state and input_ is without a cell."""
    after, actions = step(state, input_)

    assert isinstance(after, State)
    assert len(set(actions)) == len(actions)
    assert list(actions) == sorted(actions, key=list(Action).index)


@pytest.mark.parametrize(("state", "input_"), CELLS)
def test_a_reply_is_released_exactly_when_thinking_begins(state: State, input_: Input) -> None:
    """RELEASE is the only way into THINKING, and always leads there."""
    after, actions = step(state, input_)
    stays = state is after is State.THINKING and not actions

    assert (Action.RELEASE in actions) == (after is State.THINKING and not stays)


@pytest.mark.parametrize("state", [State.THINKING, State.SPEAKING, State.INTERRUPTED])
def test_typed_text_always_takes_the_floor(state: State) -> None:
    """It cancels whatever reply there is."""
    assert Action.CANCEL_REPLY in step(state, Input.TEXT_TYPED)[1]


@given(st.lists(st.sampled_from(Input)))
def test_sound_over_a_reply_holds_it_until_it_is_judged(inputs: list[Input]) -> None:
    """From any sequence: what is held is resumed or cancelled, and nothing is resumed that was not held."""
    state, held = State.LISTENING, False
    for input_ in inputs:
        state, actions = step(state, input_)
        assert not (held and Action.HOLD_SOUND in actions)
        assert held or Action.RESUME_SOUND not in actions
        held = (held or Action.HOLD_SOUND in actions) and not {
            Action.RESUME_SOUND,
            Action.CANCEL_REPLY,
            Action.TAKE_TURN,
        } & set(actions)
        assert held == (state is State.INTERRUPTED)


@given(st.lists(st.sampled_from(Input)))
def test_one_reply_at_a_time(inputs: list[Input]) -> None:
    """From any sequence: no second draft while one is alive, none dropped, released or cancelled that is not."""
    state, drafted, released = State.LISTENING, False, False
    for input_ in inputs:
        state, actions = step(state, input_)
        for action in actions:
            if action is Action.DRAFT:
                assert not drafted
                drafted = True
            elif action is Action.RELEASE:
                assert drafted
                assert not released
                released = True
            elif action is Action.DROP_DRAFT:
                assert drafted
                assert not released
                drafted = False
            elif action is Action.CANCEL_REPLY:
                assert released
                drafted = released = False
        if input_ is Input.REPLY_ENDED and released:
            drafted = released = False
        assert drafted == (state in (State.PAUSED, State.THINKING, State.SPEAKING, State.INTERRUPTED))
        assert released == (state in (State.THINKING, State.SPEAKING, State.INTERRUPTED))


def test_the_diagram_in_the_readme_is_the_table() -> None:
    """The room's README shows what the table says."""
    from pathlib import Path

    import voice_app

    readme = Path(voice_app.__file__).with_name("README.md").read_text()

    assert diagram() in readme
    assert len(TABLE) == len(CELLS)
