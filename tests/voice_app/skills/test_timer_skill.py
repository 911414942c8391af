"""Timers: what is done to them, which of them is meant, what is taken back; on a declared clock."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Awaitable, Callable
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.voice_app.skills.talk import BY_MODEL, Talk
from voice_app.bench.virtual_time import run_virtual as run_virtually
from voice_app.core.errors import ToolError
from voice_app.skills.timer.timer_calls import timer_skill
from voice_app.skills.timer.timers import LONGEST_S, MOST_TIMERS, Timers, exact_left_s, left_s, next_at

NOON = datetime.datetime(2026, 11, 22, 12, tzinfo=ZoneInfo("America/New_York"))
"""A Sunday."""
Say = Callable[[str], Awaitable[str]]


def held(talk_of: Callable[[Timers, Say], Awaitable[None]]) -> list[str]:
    """Hold a chat about timers in virtual time; return what rang."""
    rung: list[str] = []

    async def hold() -> None:
        timers = Timers(rung.append)
        talk = Talk((timer_skill(timers, lambda: NOON),))
        await talk_of(timers, talk.say)
        timers.close()

    run_virtually(hold())
    return rung


def lengths(timers: Timers) -> list[int]:
    return [timer.seconds for timer in timers.running()]


def labels(timers: Timers) -> list[str]:
    return [timer.label for timer in timers.running()]


def left(timers: Timers) -> list[int]:
    return [left_s(timer) for timer in timers.running()]


def test_timers_are_cancelled_by_name() -> None:
    """By what they are for, by how long they were set for, or all of them."""

    async def talk(timers: Timers, say: Say) -> None:
        for text in ("Set an egg timer for five minutes.", "Set a timer for 10 minutes for the pasta"):
            await say(text)
        await say("Start a 90 second timer.")
        assert labels(timers) == ["egg", "pasta", ""]
        await say("Cancel the soup timer.")
        assert labels(timers) == ["egg", "pasta", ""]
        await say("Cancel the pasta timer.")
        await say("Cancel the 90 second timer, please.")
        assert labels(timers) == ["egg"]
        await say("Start a 90 second timer.")
        await say("Cancel all timers.")
        assert labels(timers) == []

    held(talk)


@pytest.mark.parametrize(
    ("answer", "still"),
    [
        ("the first one", ["tea"]),
        ("number two", ["egg"]),
        ("the newest", ["egg"]),
        ("the egg timer", ["tea"]),
        ("both", []),
        ("never mind", ["egg", "tea"]),
        ("What is the capital of France?", ["egg", "tea"]),
    ],
)
def test_where_two_may_be_meant_the_next_turn_says_which(answer: str, still: list[str]) -> None:
    """One of them, all, or none; other words are a turn of their own."""

    async def talk(timers: Timers, say: Say) -> None:
        for label in ("egg", "tea"):
            timers.start(3600, label)
        assert (await say("Cancel one of the timers.")).endswith("?")
        assert labels(timers) == ["egg", "tea"]
        await say(answer)
        assert labels(timers) == still

    held(talk)


def test_timers_of_equal_length_are_told_apart_by_their_place() -> None:
    """In a saying, and in an answer."""

    async def talk(timers: Timers, say: Say) -> None:
        first = timers.start(3600)
        await asyncio.sleep(60)
        second = timers.start(3600)
        third = timers.start(3600)
        await say("cancel the first 1 hour timer")
        assert timers.running() == [second, third]
        assert (await say("cancel the 1 hour timer")).endswith("?")
        await say("the second one")
        assert timers.running() == [second]
        assert first not in timers.running()

    held(talk)


def test_how_long_is_asked_for_and_answered() -> None:
    """A number alone is minutes; a timer that is not set for long enough is not started before."""

    async def talk(timers: Timers, say: Say) -> None:
        assert (await say("Set a timer.")).endswith("?")
        assert lengths(timers) == []
        await say("ten")
        await say("Set a timer for the rice")
        await say("ten seconds")
        await say("Remind me tomorrow to call the bank")
        await say("at three")
        assert lengths(timers) == [600, 10, 27 * 3600]
        assert labels(timers) == ["", "rice", "call the bank"]
        await say("Wake me up")
        await say("never mind")
        assert len(timers.running()) == 3

    held(talk)


def test_a_paused_timer_keeps_what_was_left_to_the_fraction_of_a_second() -> None:
    """However long it is paused; resumed, it rings after just that."""

    async def talk(timers: Timers, say: Say) -> None:
        await say("Set a timer for five minutes")
        await asyncio.sleep(100.25)
        await say("pause it")
        await asyncio.sleep(5000)
        (timer,) = timers.running()
        assert exact_left_s(timer) == 199.75
        await say("resume the timer")
        await asyncio.sleep(199.5)
        assert timers.running() == [timer]
        await asyncio.sleep(0.5)
        assert timers.running() == []

    assert len(held(talk)) == 1


@pytest.mark.parametrize(
    ("turns", "seconds"),
    [
        (["add 5 minutes to the timer"], 840),
        (["five more minutes"], 840),
        (["give it another minute"], 600),
        (["take two minutes off"], 420),
        (["take two off"], 420),
        (["add two"], 660),
        (["make it a minute shorter"], 480),
        (["restart it"], 600),
        (["add five minutes", "no, ten"], 1140),
        (["make it ten minutes"], 600),
        (["no, five"], 300),
        (["sorry, I meant eleven minutes"], 660),
        (["make it two minutes longer"], 660),
        (["restart the timer"], 600),
        (["extend the timer by half an hour"], 2340),
        (["take twenty minutes off the timer"], 540),
    ],
)
def test_a_running_timer_is_changed(turns: list[str], seconds: int) -> None:
    """By an amount, or to another length; by more than is left it is not."""

    async def talk(timers: Timers, say: Say) -> None:
        await say("Set a timer for ten minutes")
        await asyncio.sleep(60)
        for text in turns:
            await say(text)
        assert left(timers) == [seconds]

    held(talk)


@pytest.mark.parametrize(
    ("turns", "still"),
    [
        (["set a timer for ten minutes", "undo that"], [500]),
        (["cancel the timer", "undo that"], [400]),
        (["cancel the timer", "bring it back"], [400]),
        (["pause the timer", "undo that"], [400]),
        (["add ten minutes to the timer", "undo that"], [400]),
        (["cancel the timer", "set a timer for a minute", "undo that", "undo that"], [400]),
    ],
)
def test_a_deed_is_taken_back(turns: list[str], still: list[int]) -> None:
    """A timer that was cancelled goes on with what was left; one that was just started ends."""

    async def talk(timers: Timers, say: Say) -> None:
        timers.start(500)
        if len(still) == 1 and still != [500]:
            await asyncio.sleep(100)
        for text in turns:
            await say(text)
        assert left(timers) == still

    held(talk)


def test_what_has_rung_does_not_come_back() -> None:
    """Neither by undoing what was done to it before, nor by cancelling."""

    async def talk(timers: Timers, say: Say) -> None:
        await say("set a timer for ten seconds")
        await say("add ten seconds")
        await asyncio.sleep(30)
        await say("undo that")
        await say("cancel it")
        assert timers.running() == []

    assert len(held(talk)) == 1


def test_an_alarm_that_has_rung_is_put_off() -> None:
    """For as long as is said; where nothing has rung there is nothing to put off."""

    async def talk(timers: Timers, say: Say) -> None:
        await say("snooze")
        assert timers.running() == []
        await say("wake me in one minute")
        await asyncio.sleep(61)
        await say("snooze for ten minutes")
        assert [(timer.kind, timer.seconds) for timer in timers.running()] == [("alarm", 600)]

    held(talk)


def test_going_on_from_a_timer() -> None:
    """Another one, another name, and the one that was talked of."""

    async def talk(timers: Timers, say: Say) -> None:
        await say("Set a timer for ten minutes")
        await say("call it pasta")
        await say("and another for twenty minutes")
        await say("cancel it")
        assert labels(timers) == ["pasta"]
        assert await say("How are you?") == BY_MODEL
        await say("stop it")
        assert labels(timers) == []

    held(talk)


def test_an_alarm_is_moved_to_another_day_and_time() -> None:
    """What is not said stays as it was."""

    async def talk(timers: Timers, say: Say) -> None:
        await say("Set an alarm for Monday at eight in the morning")
        assert left(timers) == [20 * 3600]
        await say("no, Tuesday")
        assert left(timers) == [44 * 3600]
        await say("make it nine")
        assert left(timers) == [45 * 3600]
        await say("make it half an hour later")
        assert [timer.at for timer in timers.running()] == ["09:30"]
        await say("move the alarm to 7:15 pm")
        assert left(timers) == [7 * 3600 + 900]

    held(talk)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Set a timer for 5 minutes and another for 10 minutes", [300, 600]),
        ("Set a timer for 10 minutes and an alarm for 6 pm", [600, 6 * 3600]),
        ("Set two timers for one hour each", [3600, 3600]),
        ("set timers for 5 and 10 minutes", [300, 600]),
        ("set two timers one for ten minutes and one for twenty", [600, 1200]),
        ("set an egg timer for six minutes and also a rice timer for eighteen", [360, 1080]),
    ],
)
def test_several_are_set_in_one_sentence(text: str, seconds: list[int]) -> None:
    """Each of them, with its own length or time."""

    async def talk(timers: Timers, say: Say) -> None:
        await say(text)
        assert left(timers) == seconds

    held(talk)


def test_the_time_left_is_told() -> None:
    """Of the timer that is meant, and it shrinks."""

    async def talk(timers: Timers, say: Say) -> None:
        await say("Set an egg timer for five minutes.")
        await say("Set a timer for an hour.")
        await asyncio.sleep(30)
        assert "4 minutes and 30 seconds" in await say("How much time is left on the egg timer?")
        assert "59 minutes" not in await say("when will the egg timer ring")

    held(talk)


def test_timers_are_bounded() -> None:
    """In number and in length; an alarm in a week is within bounds."""

    async def talk(timers: Timers, say: Say) -> None:
        await say("Set a timer for 40 days")
        assert lengths(timers) == []
        await say("Set an alarm for 12 pm on Sunday")
        assert left(timers) == [7 * 86400]
        for minute in range(1, MOST_TIMERS + 2):
            await say(f"Set a timer for {minute} minutes")
        assert len(timers.running()) == MOST_TIMERS

    assert LONGEST_S > 7 * 86400
    held(talk)


@pytest.mark.parametrize(
    ("now", "at", "either", "hours"),
    [
        ("2026-11-22T12:00", "07:00", False, 19),
        ("2026-11-22T12:00", "07:00", True, 7),
        ("2026-11-22T12:00", "19:30", False, 7.5),
        ("2026-11-22T12:00", "12:00", True, 12),
        ("2026-11-22T12:00", "00:00", False, 12),
        ("2026-03-07T22:00", "07:00", False, 8),  # clocks go forward in the night
        ("2026-10-31T22:00", "07:00", False, 10),  # and back
    ],
)
def test_alarms_know_summer_time(now: str, at: str, either: bool, hours: float) -> None:
    """The next time that the clock shows it, at least a second from now."""
    aware = datetime.datetime.fromisoformat(now).replace(tzinfo=NOON.tzinfo)
    then = next_at(at, aware, either=either)

    assert then.timestamp() - aware.timestamp() == hours * 3600


def test_a_time_that_has_passed_today_is_none() -> None:
    """An alarm for it is refused, not set for tomorrow."""
    with pytest.raises(ToolError):
        next_at("09:00", NOON, day="today")


@given(
    st.integers(0, 23),
    st.integers(0, 59),
    st.booleans(),
    st.datetimes(datetime.datetime(2000, 1, 1), datetime.datetime(2100, 1, 1)),
)
def test_an_alarm_is_within_a_day(hour: int, minute: int, either: bool, now: datetime.datetime) -> None:
    """Of 25 hours, where clocks are changed."""
    aware = now.replace(tzinfo=NOON.tzinfo)
    seconds = next_at(f"{hour:02}:{minute:02}", aware, either=either).timestamp() - aware.timestamp()

    assert 0 < seconds <= 25 * 3600
