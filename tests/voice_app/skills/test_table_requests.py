"""What is taken for a request about tables, and what is not."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.assets import asset
from voice_app.skills.registry import SkillValues, session_skills
from voice_app.skills.router import Route, route, routes
from voice_app.skills.skill import Called
from voice_app.skills.table.reading import TableReader
from voice_app.skills.table.shown import Shown
from voice_app.skills.table.table import Table
from voice_app.skills.table.table_call import TableCall
from voice_app.skills.table.table_skill import Tables, table_skill
from voice_app.skills.utterance import Utterance

COLUMNS = ("City", "Day", "Time", "Activity", "Approximate cost")
ROWS = (
    ("Florence", "1", "Morning", "Visit the Uffizi Gallery", "$25"),
    ("Florence", "1", "Evening", "Have dinner in Oltrarno", "$30"),
    ("Florence", "2", "Morning", "Explore the Boboli Gardens", "$10"),
)
TRIP = Shown("", Table(COLUMNS, ROWS), "itinerary", ("Florence",), "City", "Activity", rows_a_subject=3)
FRUITS = Shown(
    "", Table(("Fruit", "Color"), (("Apple", "Red"), ("Plum", "Blue"))), "table", ("fruits",), None, "Fruit"
)
SHOWN = {"": None, "trip": TRIP, "fruits": FRUITS}
QUESTIONS = Path(__file__).parents[2] / "bench" / "data" / "questions.tsv"


def routed(text: str, shown: Shown | None = None) -> Route | None:
    """Return whose a turn is, with all skills; where a table is shown, it was made in the turn before."""
    skills = session_skills(SkillValues(tables=Tables(shown=shown)))
    return route(Utterance.of(text), skills, (), [Called("table", {"action": "make"}, "")] if shown else ())


def said(text: str, shown: Shown | None = None) -> dict[str, object]:
    """Return the arguments of a call of tables that a template reads."""
    found = routed(text, shown)
    assert found is not None, text
    assert (found.skill.name, found.by) == ("table", "template")
    return {name: value for name, value in found.arguments.items() if value and name != "wish"}


@pytest.mark.parametrize(
    ("text", "city", "days"),
    [
        (
            "I'd like to visit New York City for two days, and I'd like an itinerary that includes things that are not "
            "typically touristy. Can you make that itinerary for me?",
            "New York City",
            2,
        ),
        ("I'd like to visit New York city for 2 days and I'd like an itinerary.", "New York city", 2),
        ("Plan a weekend in Rome.", "Rome", 2),
        ("Can you plan a three day trip to San Francisco with good food?", "San Francisco", 3),
        ("make an itinerary for paris please", "Paris", 2),
        ("I would like an itinerary for one day in St. Louis, Missouri.", "St. Louis, Missouri", 1),
        ("I need an itinerary for Rio de Janeiro for five days", "Rio de Janeiro", 5),
        ("Please write a travel plan for a week in Berlin, we like music.", "Berlin", 7),
        ("Help me plan a day trip to Boston.", "Boston", 1),
        ("we have two days in Madrid, what's the best way to spend them", "Madrid", 2),
        ("I'm off to Bergen for a long weekend, sort me out an itinerary", "Bergen", 3),
        ("what could we see in Vienna in three days", "Vienna", 3),
        ("plan a romantic weekend in Venice", "Venice", 2),
    ],
)
def test_an_itinerary_is_asked_for_in_free_speech(text: str, city: str, days: int) -> None:
    """The city and the days are found, as speech to text or a typing person writes them."""
    assert said(text) == {"action": "make", "subject": city, "days": days}


@pytest.mark.parametrize(
    ("text", "subject", "count", "columns"),
    [
        (
            "Make a table of five fruits with columns name, color, and taste.",
            "fruits",
            5,
            "Name, Color, Taste",
        ),
        (
            "Create a table of planets with their size and distance from the sun",
            "planets",
            0,
            "Size, Distance from the sun",
        ),
        (
            "Give me a table with the columns name, capital and language for three countries",
            "countries",
            3,
            "Name, Capital, Language",
        ),
        ("Make a table of dog breeds", "dog breeds", 0, ""),
        ("list three planets and their sizes in a table", "planets", 3, "Sizes"),
        ("tabulate the four seasons and their weather", "seasons", 4, "Weather"),
        ("I need a table with two columns, country and capital", "", 0, "Country, Capital"),
    ],
)
def test_a_table_of_things_is_asked_for(text: str, subject: str, count: int, columns: str) -> None:
    """What the rows are, how many, and the columns."""
    wanted = {"action": "make", "subject": subject, "count": count, "columns": columns}

    assert said(text) == {name: value for name, value in wanted.items() if value}


@pytest.mark.parametrize(
    ("shown", "text", "call"),
    [
        ("trip", "Can you put the site in a re-in-a table?", {"action": "show"}),
        (
            "trip",
            "Please at a column with the approximate cost of each event",
            ["add_column", "Approximate cost"],
        ),
        ("trip", "Add the duration of each activity.", ["add_column", "Duration"]),
        ("trip", "Can you add a price column?", ["add_column", "Price"]),
        ("trip", "Now, can you do this for Atlanta? Georgia also.", ["again", "Atlanta, Georgia"]),
        ("trip", "Make an itinerary for Rome also.", ["again", "Rome"]),
        ("trip", "and for Naples?", ["again", "Naples"]),
        ("trip", "what about Siena", ["again", "Siena"]),
        ("trip", "Make an itinerary for Rome.", {"action": "make", "subject": "Rome", "days": 2}),
        ("trip", "make it five days", {"action": "resize", "days": 5}),
        ("trip", "extend it by a day", {"action": "add_row"}),
        ("trip", "swap day one and two", {"action": "swap", "row": "day 1", "value": "2"}),
        ("trip", "what's on day two?", {"action": "read", "row": "day 2"}),
        ("trip", "I don't like the first evening", {"action": "fill", "row": "day 1", "column": "evening"}),
        ("trip", "undo that", {"action": "undo"}),
        ("fruits", "read me the second row", {"action": "read", "row": "row 2"}),
        ("fruits", "what color is the plum", {"action": "read", "row": "Plum", "column": "Color"}),
        ("fruits", "add pears", {"action": "add_row", "row": "pears"}),
        ("fruits", "add two more fruits", {"action": "add_row", "count": 2}),
        ("fruits", "make it five fruits", {"action": "resize", "count": 5}),
    ],
)
def test_what_goes_on_from_a_table_changes_or_reads_it(
    shown: str, text: str, call: dict[str, object] | list[str]
) -> None:
    """Some of it means nothing without one."""
    if isinstance(call, list):
        call = {"action": call[0], "column" if call[0] == "add_column" else "subject": call[1]}

    assert said(text, SHOWN[shown]) == call


def test_what_can_not_be_done_to_a_table_is_said() -> None:
    """Where the choice says that tables are meant."""
    reading = TableReader(lambda: FRUITS).fill(Utterance.of("move the last row to the top"), ())

    assert "can't" in str(reading)


def sayings() -> list[list[str]]:
    lines = (Path(__file__).parent / "table_sayings.tsv").read_text(encoding="utf-8").splitlines()
    return [line.split("\t") for line in lines if line[:1] != "#"]


LEAST_RIGHT = {"worked with": 28, "put aside": 28}
"""Of the 29 of each half; measured."""
HALVES = {"worked with": sayings()[::2], "put aside": sayings()[1::2]}


def read(text: str) -> object:
    """Return the call of a template, or the one that the skill reads where it is chosen."""
    if (found := routed(text, TRIP)) and found.skill.name == "table":
        return found.call
    return None if found else TableReader(lambda: TRIP).fill(Utterance.of(text), ())


@pytest.mark.parametrize("half", HALVES)
def test_sayings_are_understood(half: str) -> None:
    """With the values that they have; they are older than the rules."""
    right = 0
    for text, action, values in HALVES[half]:
        if action != "-" and isinstance(call := read(text), TableCall):
            there = str(call).lower()
            right += call.action == action and all(value.lower() in there for value in json.loads(values))

    assert right >= LEAST_RIGHT[half]


@pytest.mark.parametrize("half", HALVES)
def test_look_alikes_of_sayings_are_left_alone(half: str) -> None:
    """With a table on the screen, and also where the choice says that tables are meant."""
    assert [
        text for text, action, _ in HALVES[half] if action == "-" and isinstance(read(text), TableCall)
    ] == []


def asked_of_everyone() -> list[str]:
    bundled = [
        re.sub(r"^! |\{\d+\} ", "", line) for line in asset("bench/questions.txt").read_text().splitlines()
    ]
    tabbed = [line.split("\t")[1] for line in QUESTIONS.read_text().splitlines() if "\t" in line]
    return [line for line in (*bundled, *tabbed) if line and not line.startswith("#")]


ORDINARY = (
    "What is an itinerary?",
    "what's a table of contents?",
    "I booked a table for two",
    "Rome wasn't built in a day",
    "how long does it take to plan a wedding?",
    "make a plan for retirement",
    "I lost my itinerary for Boston.",
    "I plan to visit my mother in Boston for two days.",
    "Put the plates on the table.",
    "I want a table for two.",
    "Make a table of contents.",
    "How do I make a table of wood?",
    "Add two and three.",
    "Do it for me.",
    "Show me the capital of each state.",
    "Change the color of the wall to blue.",
    "Order a pizza by phone.",
    "How much is the total?",
    "Remove the stain from my shirt.",
    "Can you do that with more detail?",
    "Could you do this in Spanish?",
    "Tell me about the periodic table.",
    "What would you add to this soup?",
    "Remember that my flight to Atlanta is on Monday.",
    "Set a timer for two days.",
    "How far is it from New York City to Atlanta, Georgia?",
    "Tell me a story about a man who sits at a table in Rome.",
    "Who wrote the columns of the newspaper?",
    "I like this.",
    "Delete the time we spent on this.",
    "Remove the day we went to Rome.",
    "make it louder",
    "how about a joke",
    "what about the weather",
    "what about tomorrow?",
    "how do I add a column in excel",
    "Thank you, that is all for now.",
)


@pytest.mark.parametrize("shown", SHOWN)
def test_ordinary_questions_are_left_to_others(shown: str) -> None:
    """With a table on the screen or without."""
    tables = [table_skill(Tables(shown=SHOWN[shown]))]
    called = [Called("table", {"action": "make"}, "")] if shown else []
    taken = {
        text: [found.arguments for found in routes(Utterance.of(text), tables, (), called)]
        for text in (*asked_of_everyone(), *ORDINARY)
    }

    assert {text: calls for text, calls in taken.items() if calls} == {}


READERS = {name: TableReader(lambda shown=shown: shown) for name, shown in SHOWN.items()}  # type: ignore[misc]


@given(st.text(max_size=3000), st.sampled_from(sorted(SHOWN)))
def test_any_text_is_judged(text: str, shown: str) -> None:
    """No text breaks it."""
    READERS[shown].fill(Utterance.of(text), ())
    READERS[shown].follow(Utterance.of(text), Called("table", {"action": "make"}, ""))


@pytest.mark.parametrize(
    "piece",
    ["a ", "add a column with ", "itinerary for Rome make ", "do this for A", "table of ", "remove ", "St. "],
)
@pytest.mark.timeout(20)
def test_long_hostile_text_is_judged_at_once(piece: str) -> None:
    """Patterns do not run away on text made of their own pieces."""
    for length in (100, 599, 100_000):
        said = Utterance.of((piece * length)[:length])

        assert length < 600 or READERS["trip"].fill(said, ()) is None
        READERS["trip"].follow(said, Called("table", {"action": "make"}, ""))
