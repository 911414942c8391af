"""Timers in virtual time: they start when the turn is over, ring when they are due, and are told apart."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Callable
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.voice_app.test_conversation import Stage, pause
from voice_app.bench.virtual_time import run as run_virtually
from voice_app.core import events
from voice_app.core.errors import ToolError
from voice_app.core.session import Session
from voice_app.io.recordings import RecordedTurn
from voice_app.skills.durations import spoken_span
from voice_app.skills.router import Route, Router, route
from voice_app.skills.timer.timer_calls import TimerCall, run, timer_skill
from voice_app.skills.timer.timers import MOST_TIMERS, Timers, seconds_until
from voice_app.skills.utterance import Utterance

NOON = datetime.datetime(2026, 11, 22, 12, tzinfo=ZoneInfo("America/New_York"))


def join(timers: Timers) -> Callable[[Session], None]:
    def joined(conversation: Session) -> None:
        conversation.drafter.skills = (Router((timer_skill(timers, lambda: NOON),)),)
        timers.rings = conversation.announce

    return joined


def test_a_timer_runs_from_the_end_of_the_turn_and_rings_aloud() -> None:
    """Due as many seconds behind the release as were asked for; then the assistant speaks of its own accord."""
    stage = Stage(
        heard=("Set a timer for four seconds.", "hello"),
        turns=(RecordedTurn(pause(1.0)), RecordedTurn(pause(1.0), after=4.0)),
        during=join(Timers()),
    ).run()
    released = stage.of(events.TurnCommitted)[0].at_s
    texts = {event.text: event.at_s for event in stage.of(events.TextDone)}

    assert "Timer set for 4 seconds." in texts
    assert texts["The timer for 4 seconds is done."] >= released + 4


def test_a_draft_that_is_dropped_starts_no_timer() -> None:
    """Only the timer that the whole turn asks for runs."""
    timers = Timers()
    stage = Stage(
        heard=("Set a timer for five minutes.", "Set a timer for fifty minutes."),
        turns=(RecordedTurn(pause(1.0, 0.2, 1.0)),),
        during=join(timers),
    ).run()

    assert len(stage.of(events.DraftDiscarded)) == 1
    assert [timer.seconds for timer in timers.running()] == [3000]


def read(text: str) -> Route | None:
    return route(Utterance.of(text), (timer_skill(Timers()),))


def say(timers: Timers, text: str) -> str:
    """Return the answer to a request, its effect done."""
    found = read(text)
    assert found is not None, text
    try:
        outcome = run(found.call, timers, lambda: NOON)
    except ToolError as error:
        return str(error)
    if outcome.effect:
        outcome.effect()
    return outcome.text


def test_timers_are_listed_and_cancelled_by_name() -> None:
    """By what they are for, by how long they run, or all of them."""

    async def talk() -> list[str]:
        timers = Timers()
        said = [
            say(timers, "How much time is left?"),
            say(timers, "Set an egg timer for five minutes."),
            say(timers, "Set a timer for 10 minutes for the pasta"),
            say(timers, "Start a 90 second timer."),
        ]
        await asyncio.sleep(30)
        said += [
            say(timers, "How much time is left on the egg timer?"),
            say(timers, "Cancel the timer."),
            say(timers, "Cancel the pasta timer."),
            say(timers, "Cancel the 90 second timer, please."),
            say(timers, "How long is left?"),
            say(timers, "Cancel the soup timer."),
            say(timers, "Cancel all timers."),
            say(timers, "Cancel the timer."),
        ]
        timers.close()
        return said

    assert run_virtually(talk()) == [
        "No timer is running.",
        "The egg timer is set for 5 minutes.",
        "The timer for the pasta is set for 10 minutes.",
        "Timer set for 1 minute and 30 seconds.",
        "4 minutes and 30 seconds left on the egg timer.",
        "There are 3: the timer for 1 minute and 30 seconds, the egg timer and the timer for the pasta. "
        "Say which one, or all timers.",
        "The timer for the pasta is cancelled.",
        "The timer for 1 minute and 30 seconds is cancelled.",
        "4 minutes and 30 seconds left on the egg timer.",
        "No such timer is running.",
        "The egg timer is cancelled.",
        "No timer is running.",
    ]


def test_timers_are_bounded() -> None:
    """In number and in length."""

    async def talk() -> list[str]:
        timers = Timers()
        said = [say(timers, f"Set a timer for {minute} minutes") for minute in range(1, MOST_TIMERS + 2)]
        timers.close()
        return [*said[-2:], say(timers, "Set a timer for 3 days"), say(timers, "Set a timer.")]

    assert run_virtually(talk()) == [
        "Timer set for 20 minutes.",
        "There are 20 timers already. Cancel one first.",
        "A timer runs for a day at most.",
        "For how long? Say, for example: set a timer for five minutes.",
    ]


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Set a timer for an hour and a half.", "Timer set for 1 hour and 30 minutes."),
        ("Set a timer for two and a half minutes.", "Timer set for 2 minutes and 30 seconds."),
        ("Set a timer for one hour and 20 minutes.", "Timer set for 1 hour and 20 minutes."),
        (
            "Remind me in 10 minutes to call my mother.",
            "I will remind you in 10 minutes to call your mother.",
        ),
        (
            "Remind me to take out the trash in half an hour.",
            "I will remind you in 30 minutes to take out the trash.",
        ),
        ("Wake me up at 7 a.m.", "Alarm set for 7:00 AM, in 19 hours."),
        ("Set an alarm for 6:30.", "Alarm set for 6:30, in 6 hours and 30 minutes."),
        ("Remind me at 5 p.m. to call Mum.", "I will remind you at 5:00 PM, in 5 hours to call mum."),
        ("Set an alarm for noon", "Alarm set for 12:00 PM, in 24 hours."),
    ],
)
def test_what_is_set(text: str, answer: str) -> None:
    """The answer says how long, so that the user hears what was understood."""

    async def talk() -> str:
        timers = Timers()
        said = say(timers, text)
        timers.close()
        return said

    assert run_virtually(talk()) == answer


@pytest.mark.parametrize(
    "text",
    [
        "Who invented the alarm clock?",
        "What is a timer?",
        "How long does it take to boil an egg?",
        "How many minutes are left in the game?",
        "Remind me who wrote Hamlet.",
        "Stop.",
        "How much time does it take to fly to Mars?",
    ],
)
def test_talk_of_time_sets_no_timer(text: str) -> None:
    """It is left to the language model."""
    assert read(text) is None


@pytest.mark.parametrize(
    ("now", "at", "hours"),
    [
        ("2026-11-22T12:00", "7:00 am", 19),
        ("2026-11-22T12:00", "7:00", 7),
        ("2026-11-22T12:00", "19:30", 7.5),
        ("2026-11-22T12:00", "12:00", 12),
        ("2026-11-22T12:00", "0:00", 12),
        ("2026-03-07T22:00", "7:00 am", 8),  # clocks go forward in the night
        ("2026-10-31T22:00", "7:00 am", 10),  # and back
    ],
)
def test_alarms_know_summer_time(now: str, at: str, hours: float) -> None:
    """The next time that the clock shows it, at least a second from now."""
    aware = datetime.datetime.fromisoformat(now).replace(tzinfo=NOON.tzinfo)

    assert seconds_until(at, aware) == hours * 3600


@given(
    st.integers(0, 23),
    st.integers(0, 59),
    st.datetimes(datetime.datetime(2000, 1, 1), datetime.datetime(2100, 1, 1)),
)
def test_an_alarm_is_within_a_day(hour: int, minute: int, now: datetime.datetime) -> None:
    """Of 25 hours, where clocks are changed."""
    assert 0 < seconds_until(f"{hour}:{minute:02}", now.replace(tzinfo=NOON.tzinfo)) <= 25 * 3600


@given(st.integers(1, 10**7))
def test_spans_are_said_and_heard_alike(seconds: int) -> None:
    """What the assistant says of a span, it understands."""
    found = read(f"set a timer for {spoken_span(seconds)}")

    assert found is not None
    assert found.call == TimerCall(action="start", seconds=seconds)
