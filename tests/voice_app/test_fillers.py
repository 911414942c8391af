"""A filler masks the wait for a late reply, and is never taken for the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from inference.types import Audio
from tests.voice_app.scripted_session import ScriptedSession, tone
from voice_app.bench.measured import SpokenSession, measured_answers
from voice_app.bench.scenario import ScenarioTurn
from voice_app.bench.virtual_time import run_virtual
from voice_app.core import events, stages
from voice_app.core.pipeline import OPENER_AFTER_S
from voice_app.core.stages import Budget, Estimates, plan, turn_times
from voice_app.core.turn import Filler, Reply, TurnContext
from voice_app.io.recordings import RecordedTurn, SpokenTurn
from voice_app.observe.spans import turn_spans
from voice_app.skills.fillers import BRIDGE_FROM_S, bridging

FILLER = Filler("Well,", Audio(np.full(4_000, 0.1, np.float32), 16_000))
SLOW = Estimates({stages.Stage.LLM_FIRST_TOKEN: 0.8})


ONE_TURN = ScriptedSession().turns


def late(turns: Sequence[RecordedTurn] = ONE_TURN, **more: object) -> ScriptedSession:
    engines = {"openers": (FILLER,), "estimates": SLOW, **more}
    heard = ["hello"] * len(turns)
    return ScriptedSession(heard, turns=turns, first_token_s=2.0, more=engines).run()


def test_a_filler_is_said_at_the_end_of_the_turn_and_the_reply_after_it() -> None:
    """It is no part of the history, and the reply's words are heard to their end."""
    stage = late()
    (filler,), (commit,) = stage.of(events.OpenerSpoken), stage.of(events.TurnCommitted)
    (started,), (stopped,) = stage.of(events.PlaybackStarted), stage.of(events.PlaybackStopped)
    made = sum(event.audio_s for event in stage.of(events.AudioDelta))

    assert filler.at_s == pytest.approx(commit.at_s + OPENER_AFTER_S)
    assert started.at_s - filler.at_s < 0.05
    assert stopped.audio_s == pytest.approx(made + filler.audio_s, abs=0.01)
    assert stage.history.messages("next")[2].content == "One two. Three four five."
    assert len(stage.of(events.BudgetAction)) == 2


def test_voice_to_voice_is_to_the_reply_and_not_to_the_filler() -> None:
    """In the times of a turn, which still add up, and in its spans."""
    stage = late()
    times, (commit,) = turn_times(stage.log, 1), stage.of(events.TurnCommitted)
    (turn,) = turn_spans(stage.log)
    (voice,) = [span for span in turn.children if span.name == "voice to voice"]
    sound_s = stage.of(events.AudioDelta)[0].at_s

    assert times.voice_to_voice_s == pytest.approx(sound_s - commit.speech_end_s, abs=0.05)
    assert voice.end_s - voice.start_s == pytest.approx(times.voice_to_voice_s)


def test_a_reply_that_is_there_in_time_needs_none() -> None:
    """Its words were drafted during the pause, whatever was predicted."""
    stage = ScriptedSession(more={"openers": (FILLER,), "estimates": SLOW}).run()

    assert stage.of(events.OpenerSpoken) == []


def test_a_reply_that_would_wait_for_its_filler_has_none() -> None:
    """Its words are expected sooner than the filler would be over."""
    long = Filler("Let me think about that.", Audio(np.full(32_000, 0.1, np.float32), 16_000))

    assert late(openers=(long,)).of(events.OpenerSpoken) == []


def test_one_turn_of_four_may_have_an_opener() -> None:
    """However late all of them are."""
    stage = late(turns=(RecordedTurn(tone(1.024)),) * 6)

    assert [event.turn for event in stage.of(events.OpenerSpoken)] == [1, 5]


@pytest.mark.parametrize(
    ("takes_s", "bridged"), [(BRIDGE_FROM_S - 0.05, False), (BRIDGE_FROM_S + 0.05, True)]
)
def test_a_long_choice_is_bridged(takes_s: float, bridged: bool) -> None:
    """By an opener, once it has taken too long; what is quick needs none."""
    reply = Reply()
    context = cast(
        TurnContext, SimpleNamespace(engines=SimpleNamespace(openers=(FILLER,)), reply=reply, turns=())
    )

    async def choose() -> None:
        with bridging(context):
            await asyncio.sleep(takes_s)
        await asyncio.sleep(1)

    run_virtual(choose())

    assert (reply.filler is FILLER) == reply.bridged.is_set() == bridged


def test_openers_are_for_machines_that_are_late_by_far() -> None:
    """Not for those that keep the budget, or nearly."""
    assert not plan(Budget(), Estimates()).opener
    assert not plan(Budget(), Estimates({stages.Stage.LLM_FIRST_TOKEN: 0.3})).opener
    assert plan(Budget(), SLOW).opener


def test_the_benchmark_hears_the_answer_after_the_opener() -> None:
    """First audio is the filler's; voice to voice counts to the first sound after it."""
    rate_hz = 1000
    sound = np.zeros(6000, np.float32)
    for start, end in ((2200, 2450), (2900, 4000)):
        sound[start:end] = 0.5
    log = (events.OpenerSpoken(at_s=2.19, turn=1, text="Well,", audio_s=0.25),)
    turns = [ScenarioTurn("x", Audio(np.zeros(10, np.float32), rate_hz), "Hello")]
    (answer,) = measured_answers(SpokenSession(turns, [SpokenTurn(1, 2, 2)], log, sound, rate_hz))

    assert answer.first_audio_s == pytest.approx(0.2)
    assert answer.latency_s == pytest.approx(0.9)
