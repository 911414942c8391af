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
from voice_app.skills.clock.clock_call import Moment, follow
from voice_app.skills.clock.dates import DAY_PATTERN, MOVABLE, resolve
from voice_app.skills.clock.places import zone_of
from voice_app.skills.clock.world_clock import clock_skill, tell
from voice_app.skills.router import route
from voice_app.skills.skill import Called
from voice_app.skills.utterance import Utterance
from voice_app.skills.word_lists import WEEKDAYS

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
    ("text", "call"),
    [
        ("What time is it?", Moment(about="time")),
        ("Can you tell me what time it is?", Moment(about="time")),
        ("What time is it in Tokyo?", Moment(about="time", place="Tokyo")),
        ("What's the time in New York right now?", Moment(about="time", place="New York")),
        ("What time is it in India?", Moment(about="time", place="India")),
        ("What's Pacific time?", Moment(about="time", place="Pacific time")),
        ("What time will it be in 45 minutes?", Moment(about="time", minutes=45)),
        ("What time will it be in an hour and a half?", Moment(about="time", minutes=90)),
        ("What time was it 2 hours ago?", Moment(about="time", minutes=-120)),
        ("What will the time difference be to London?", None),
        (
            "What's the time difference between here and London?",
            Moment(about="time_difference", place="London"),
        ),
        ("What is the time difference to Los Angeles?", Moment(about="time_difference", place="Los Angeles")),
        ("What day is it?", Moment(about="date")),
        ("What's today's date?", Moment(about="date")),
        ("What day is it tomorrow?", Moment(about="date", day="tomorrow")),
        ("What day was it yesterday?", Moment(about="date", day="yesterday")),
        ("What date is next Friday?", Moment(about="date", day="next friday")),
        ("What day will it be in three days?", Moment(about="date", day="+3")),
        ("What day of the week is December 25th?", Moment(about="date", day="12-25")),
        ("What day was July 20th, 1969?", Moment(about="date", day="1969-07-20")),
        ("What's the date on the twenty fifth of December?", Moment(about="date", day="12-25")),
        ("How many days until Christmas?", Moment(about="days_until", day="12-25")),
        ("How long until Friday?", Moment(about="days_until", day="friday")),
        ("What time does the store open?", None),
        ("What time do people in Spain eat dinner?", None),
        ("What day comes after Monday?", None),
        ("What is the date of the battle of Hastings?", None),
        ("What day is February 30th?", None),
        ("What is time?", None),
        ("How many days are in a week?", None),
    ],
)
def test_what_the_clock_is_asked(text: str, call: Moment | None) -> None:
    """None: the language model answers."""
    found = route(Utterance.of(text), (clock_skill(),))

    assert (found and found.call) == call


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (Moment(about="time"), "3:05 PM"),
        (Moment(about="time", place="Tokyo"), "5:05 AM on Monday"),
        (Moment(about="time", place="Pacific time"), "12:05 PM"),
        (Moment(about="time", minutes=-120), "1:05 PM"),
        (Moment(about="time_difference", place="India"), "10 hours and 30 minutes ahead"),
        (Moment(about="date", day="next friday"), "November 27"),
        (Moment(about="date", day="1969-07-20"), "a Sunday"),
        (Moment(about="date", day="tomorrow"), "Monday, November 23"),
        (Moment(about="days_until", day="12-25"), "33 days"),
        (Moment(about="days_until", day="friday"), "5 days"),
    ],
)
def test_what_the_clock_answers(call: Moment, told: str) -> None:
    """The time and the day are right, whatever is said around them."""
    assert told in tell(call, NOW).text


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
        assert day.split()[-1] not in WEEKDAYS or day in MOVABLE or 1 <= abs(days) <= 7
        assert day not in MOVABLE or 0 <= days <= 400
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


@pytest.mark.parametrize(
    ("text", "call"),
    [
        ("What's the time in São Paulo?", Moment(about="time", place="Sao Paulo")),
        ("what time is it back in tokyo", Moment(about="time", place="Tokyo")),
        ("What time is it in Paris, Texas?", Moment(about="time", place="Paris Texas")),
        ("is it late in Tokyo", Moment(about="time", place="Tokyo")),
        (
            "what time is it in New York when it's 3 pm in London",
            Moment(about="time", place="New York", at="15:00", other="London"),
        ),
        (
            "if it's noon in Paris, what time is it here?",
            Moment(about="time", at="12:00", other="Paris"),
        ),
        ("how many hours ahead is Dubai", Moment(about="time_difference", place="Dubai")),
        ("How long until 6 pm?", Moment(about="time_until", at="18:00")),
        ("When is Thanksgiving?", Moment(about="date", day="thanksgiving")),
        ("I was wondering what time it is in Oslo.", Moment(about="time", place="Oslo")),
        ("My sister lives in Sydney, what time is it for her?", Moment(about="time", place="Sydney")),
        ("I asked what time it was in London.", None),
        ("What's the time in my town?", None),
        ("when did Christmas become a holiday", None),
    ],
)
def test_places_times_and_days_as_people_name_them(text: str, call: Moment | None) -> None:
    """Accents, regions, times of other places, days that are another date every year."""
    found = route(Utterance.of(text), (clock_skill(),))

    assert (found and found.call) == call


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (Moment(about="time", place="New York", at="15:00", other="London"), "10:00 AM in New York"),
        (Moment(about="time", place="Tokyo", at="23:00"), "1:00 PM the next day in Tokyo"),
        (Moment(about="time", at="06:00", other="Tokyo"), "4:00 PM the day before here"),
        (Moment(about="time_until", at="15:04"), "23 hours and 59 minutes until 3:04 PM"),
        (Moment(about="time_difference", place="Tokyo", other="London"), "9 hours ahead of London"),
        (Moment(about="date", place="Tokyo"), "In Tokyo it is Monday, November 23."),
        (Moment(about="date", day="thanksgiving"), "November 26"),
        (Moment(about="days_until", day="easter"), "March 28, 2027"),
        (Moment(about="days_until", day="memorial day"), "May 31, 2027"),
    ],
)
def test_what_the_clock_works_out(call: Moment, told: str) -> None:
    """Times between places, the time until a time, and days that rules of the calendar make."""
    assert told in tell(call, NOW).text


@pytest.mark.parametrize("year", [1818, 1954, 2000, 2008, 2019, 2024, 2038])
def test_easter_is_a_sunday_after_the_first_full_moon_of_spring(year: int) -> None:
    """Dates of the published tables."""
    known = dict.fromkeys([1818], (3, 22)) | {
        1954: (4, 18), 2000: (4, 23), 2008: (3, 23), 2019: (4, 21), 2024: (3, 31), 2038: (4, 25),
    }  # fmt: skip
    found = resolve("easter", datetime.date(year, 1, 1))

    assert (found.month, found.day) == known[year]
    assert found.weekday() == 6


TOKYO = {"about": "time", "place": "Tokyo", "day": "today", "minutes": 0, "at": "", "other": ""}


@pytest.mark.parametrize(
    ("before", "text", "call"),
    [
        ({}, "and for Naples?", Moment(about="time", place="Naples")),
        ({}, "Cairo?", Moment(about="time", place="Cairo")),
        ({}, "and here?", Moment(about="time")),
        ({}, "what about in 3 hours", Moment(about="time", place="Tokyo", minutes=180)),
        ({}, "and tomorrow?", Moment(about="date", day="tomorrow")),
        ({"about": "date"}, "and next Friday?", Moment(about="date", place="Tokyo", day="next friday")),
        (
            {"place": "", "about": "days_until", "day": "12-25"},
            "and until Easter?",
            Moment(about="days_until", day="easter"),
        ),
        (
            {"place": "Oslo", "at": "15:00", "other": "London"},
            "and in Tokyo?",
            Moment(about="time", place="Tokyo", at="15:00", other="London"),
        ),
        ({}, "nice", None),
        ({}, "and what is the capital of Japan?", None),
        ({}, "thanks", None),
    ],
)
def test_what_goes_on_from_the_clock(before: dict[str, object], text: str, call: Moment | None) -> None:
    """What is new replaces what was said; other words are none of it."""
    assert follow(Utterance.of(text), Called("clock", TOKYO | before, "")) == call
