"""The clock: time zones, changes to and from summer time, days in words."""

from __future__ import annotations

import datetime
import time
from collections.abc import Iterator
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice_app.core.errors import ToolError
from voice_app.skills.clock.dates import DAY_PATTERN, resolve
from voice_app.skills.clock.places import zone_of
from voice_app.skills.clock.world_clock import Moment, clock_skill, tell
from voice_app.skills.router import route
from voice_app.skills.utterance import Utterance

NOW = datetime.datetime(2026, 11, 22, 15, 5, tzinfo=ZoneInfo("America/New_York"))
"""A Sunday."""


@pytest.fixture
def new_york(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The machine's own zone is New York's."""
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("What time is it?", "It is 3:05 PM."),
        ("Can you tell me what time it is?", "It is 3:05 PM."),
        ("What time is it in Tokyo?", "In Tokyo it is 5:05 AM on Monday."),
        ("What's the time in New York right now?", "In New York it is 3:05 PM."),
        ("What time is it in India?", "In India it is 1:35 AM on Monday."),
        ("What's Pacific time?", "By Pacific time it is 12:05 PM."),
        ("What time will it be in 45 minutes?", "It will be 3:50 PM."),
        ("What time was it 2 hours ago?", "It was 1:05 PM."),
        ("What will the time difference be to London?", None),
        ("What's the time difference between here and London?", "London is 5 hours ahead."),
        ("What is the time difference to Los Angeles?", "Los Angeles is 3 hours behind."),
        ("What's the time difference to India?", "India is 10 hours and 30 minutes ahead."),
        ("What day is it?", "Today is Sunday, November 22, 2026."),
        ("What's today's date?", "Today is Sunday, November 22, 2026."),
        ("What day is it tomorrow?", "Tomorrow is Monday, November 23."),
        ("What day was it yesterday?", "Yesterday was Saturday, November 21."),
        ("What date is next Friday?", "Next Friday is November 27."),
        ("What day will it be in three days?", "In 3 days it is Wednesday, November 25."),
        ("What day of the week is December 25th?", "December 25 is a Friday."),
        ("What day was July 20th, 1969?", "July 20, 1969 was a Sunday."),
        ("What's the date on the twenty fifth of December?", "December 25 is a Friday."),
        ("How many days until Christmas?", "33 days until Friday, December 25."),
        ("How long until Friday?", "5 days until Friday, November 27."),
        ("What time does the store open?", None),
        ("What time do people in Spain eat dinner?", None),
        ("What day comes after Monday?", None),
        ("What is the date of the battle of Hastings?", None),
        ("What day is February 30th?", None),
        ("What is time?", None),
        ("How many days are in a week?", None),
    ],
)
def test_what_the_clock_answers(text: str, answer: str | None) -> None:
    """None: the language model does."""
    found = route(Utterance.of(text), (clock_skill(),))

    assert (found and tell(found.call, NOW).text) == answer


@pytest.mark.parametrize(
    ("now", "minutes", "answer"),
    [
        ("2026-03-08T01:30", 60, "It will be 3:30 AM."),  # clocks go forward at 2
        ("2026-11-01T00:30", 120, "It will be 1:30 AM."),  # and back at 2
        ("2026-11-01T12:00", -12 * 60, "It was 1:00 AM."),
        ("2026-12-31T23:30", 45, "It will be 12:15 AM on Friday."),
    ],
)
@pytest.mark.usefixtures("new_york")
def test_the_time_from_now_knows_summer_time(now: str, minutes: int, answer: str) -> None:
    """Also where the present moment knows its offset alone, as the machine's clock tells it."""
    aware = datetime.datetime.fromisoformat(now).replace(tzinfo=ZoneInfo("America/New_York"))
    asked = Moment(about="time", minutes=minutes)

    assert tell(asked, aware).text == answer
    assert (
        tell(asked, aware.astimezone(datetime.timezone(aware.utcoffset() or datetime.timedelta()))).text
        == answer
    )


@pytest.mark.parametrize(
    ("month", "answer"), [(3, "London is 4 hours ahead."), (7, "London is 5 hours ahead.")]
)
def test_a_difference_depends_on_the_day(month: int, answer: str) -> None:
    """America's summer time begins two weeks before Europe's."""
    now = datetime.datetime(2026, month, 15, 12, tzinfo=ZoneInfo("America/New_York"))

    assert tell(Moment(about="time_difference", place="London"), now).text == answer


@pytest.mark.parametrize(
    ("place", "zone"),
    [
        ("Tokyo", "Asia/Tokyo"),
        ("buenos aires", "America/Argentina/Buenos_Aires"),
        ("the United Kingdom", "Europe/London"),
        ("Kenya", "Africa/Nairobi"),
        ("San Francisco", "America/Los_Angeles"),
        ("Eastern standard time", "America/New_York"),
        ("Kathmandu", "Asia/Kathmandu"),
        ("UTC", "UTC"),
    ],
)
def test_places_have_the_zones_of_the_database(place: str, zone: str) -> None:
    """Cities, countries of one zone, large cities that the database lacks, names of zones."""
    moment = datetime.datetime(2026, 7, 1, tzinfo=datetime.UTC)

    assert moment.astimezone(zone_of(place)).utcoffset() == moment.astimezone(ZoneInfo(zone)).utcoffset()


@given(
    st.from_regex(DAY_PATTERN, fullmatch=True), st.dates(datetime.date(1900, 1, 1), datetime.date(2900, 1, 1))
)
def test_every_day_is_a_day_of_the_calendar_or_none(day: str, today: datetime.date) -> None:
    """Whatever the grammar allows; a weekday is within a week, a date without a year within eight years."""
    try:
        found = resolve(day, today)
    except ToolError as error:
        refusal = str(error)
    else:
        refusal = ""
        days = (found - today).days
        assert day[-3:] != "day" or day in ("today", "yesterday") or 1 <= abs(days) <= 7
        assert not (len(day) == 5 and day[2] == "-" and day[0].isdecimal()) or 0 <= days <= 8 * 366

    assert refusal in ("", "The calendar has no such day.")


@pytest.mark.parametrize(
    ("place", "refusal"),
    [
        ("Russia", "Russia has several time zones. Name a city, as Moscow."),
        ("Narnia", "I don't know the time zone of"),
    ],
)
def test_a_place_without_one_time_is_told_so(place: str, refusal: str) -> None:
    """In a sentence that says what to do."""
    with pytest.raises(ToolError, match=refusal):
        tell(Moment(about="time", place=place), NOW)
