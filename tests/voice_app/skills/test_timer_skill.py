"""Timers: what a request sets, cancels and lists, and which of them is meant."""

from __future__ import annotations

import asyncio
import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice_app.bench.virtual_time import run_virtual as run_virtually
from voice_app.core.errors import ToolError
from voice_app.skills.durations import spoken_span
from voice_app.skills.router import Route, route
from voice_app.skills.skill import Open
from voice_app.skills.timer.timer_calls import TimerCall, run, timer_skill
from voice_app.skills.timer.timers import MOST_TIMERS, Timers, seconds_until
from voice_app.skills.utterance import Utterance

NOON = datetime.datetime(2026, 11, 22, 12, tzinfo=ZoneInfo("America/New_York"))


def read(text: str) -> Route | None:
    """Return whose turn it is, the timers' or nobody's."""
    return route(Utterance.of(text), (timer_skill(Timers()),))


def call_of(text: str) -> TimerCall:
    found = read(text)
    assert found is not None, text
    assert isinstance(found.call, TimerCall), text
    return found.call


def do(timers: Timers, text: str) -> bool:
    """Do what a request asks for; return whether it could be done."""
    try:
        outcome = run(call_of(text), timers, lambda: NOON)
    except ToolError:
        return False
    if outcome.effect:
        outcome.effect()
    return True


def labels(timers: Timers) -> list[str]:
    return [timer.label for timer in timers.running()]


def test_timers_are_cancelled_by_name() -> None:
    """By what they are for, by how long they run, or all of them; where several are meant, none is."""

    async def talk() -> None:
        timers = Timers()
        assert not do(timers, "Cancel the timer.")
        assert do(timers, "Set an egg timer for five minutes.")
        assert do(timers, "Set a timer for 10 minutes for the pasta")
        assert do(timers, "Start a 90 second timer.")
        assert labels(timers) == ["", "egg", "the pasta"]
        for text in ("Cancel the timer.", "Cancel one of the timers.", "Cancel the soup timer."):
            assert not do(timers, text)
        assert do(timers, "Cancel the pasta timer.")
        assert do(timers, "Cancel the 90 second timer, please.")
        assert labels(timers) == ["egg"]
        assert do(timers, "Start a 90 second timer.")
        assert do(timers, "Cancel all timers.")
        assert labels(timers) == []

    run_virtually(talk())


def test_the_time_left_is_told() -> None:
    """Of the timer that is meant, and it shrinks."""

    async def talk() -> list[str]:
        timers = Timers()
        do(timers, "Set an egg timer for five minutes.")
        await asyncio.sleep(30)
        left = run(call_of("How much time is left on the egg timer?"), timers, lambda: NOON).text
        timers.close()
        return [left]

    assert run_virtually(talk())[0].startswith(spoken_span(270))


def test_timers_are_bounded() -> None:
    """In number and in length."""

    async def talk() -> list[bool]:
        timers = Timers()
        done = [do(timers, f"Set a timer for {minute} minutes") for minute in range(1, MOST_TIMERS + 2)]
        timers.close()
        return [*done[-2:], do(timers, "Set a timer for 3 days"), do(timers, "Set a timer.")]

    assert run_virtually(talk()) == [True, False, False, False]


@pytest.mark.parametrize(
    ("text", "call"),
    [
        ("Set a timer for an hour and a half.", {"seconds": 5400}),
        ("Set a timer for two and a half minutes.", {"seconds": 150}),
        ("Set a timer for one hour and 20 minutes.", {"seconds": 4800}),
        ("Set a timer for quarter of an hour.", {"seconds": 900}),
        ("Set a timer for 2 minutes 30.", {"seconds": 150}),
        ("Start a 10-minute timer.", {"seconds": 600}),
        ("set a 2-hour timer", {"seconds": 7200}),
        (
            "Remind me in 10 minutes to call my mother.",
            {"kind": "reminder", "seconds": 600, "label": "call your mother"},
        ),
        (
            "Remind me to take out the trash in half an hour.",
            {"kind": "reminder", "seconds": 1800, "label": "take out the trash"},
        ),
        ("Wake me up at 7 a.m.", {"kind": "alarm", "at": "7:00 am"}),
        ("Set an alarm for 6:30.", {"kind": "alarm", "at": "6:30"}),
        ("Remind me at 5 p.m. to call Mum.", {"kind": "reminder", "at": "5:00 pm", "label": "call mum"}),
        ("Set an alarm for noon", {"kind": "alarm", "at": "12:00 pm"}),
        ("Set an alarm for quarter to eight.", {"kind": "alarm", "at": "7:45"}),
        ("Set an alarm for a quarter past seven.", {"kind": "alarm", "at": "7:15"}),
        ("Set an alarm for half past six in the morning.", {"kind": "alarm", "at": "6:30 am"}),
        ("Set an alarm for seven thirty", {"kind": "alarm", "at": "7:30"}),
        ("Set an alarm for 7.30", {"kind": "alarm", "at": "7:30"}),
        ("Set an alarm for 5 to 9", {"kind": "alarm", "at": "8:55"}),
        ("Set an alarm for 9 tonight", {"kind": "alarm", "at": "9:00 pm"}),
    ],
)
def test_what_is_set(text: str, call: dict[str, object]) -> None:
    """Spans in seconds, times of the clock as they are said, and what it is for."""
    assert call_of(text) == TimerCall(action="start", **call)


@pytest.mark.parametrize(
    "text", ["Set an alarm for when the sun is up", "I need an alarm, so set an alarm early"]
)
def test_what_can_not_be_read_is_left_open(text: str) -> None:
    """The time of an alarm is then for the language model to tell, not forbidden to it."""
    found = read(text)

    assert found is not None
    assert isinstance(found.call, Open)
    assert not {"seconds", "at"} & set(found.call.choices)


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
        "don't set a timer for five minutes",
        "Why did you set a timer for five minutes?",
        "Did you start the timer?",
        "I never said to set a timer for an hour.",
        "I set a timer yesterday for ten minutes.",
        "He set the alarm for six.",
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
