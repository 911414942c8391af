"""What is taken for a request about tables, and what is not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.assets import asset
from voice_app.skills.table.table_requests import (
    AddColumn,
    AlsoFor,
    AsTable,
    DropColumn,
    DropRow,
    NewItinerary,
    NewList,
    RenameColumn,
    Request,
    SortRows,
)
from voice_app.skills.table.understanding import understood
from voice_app.skills.utterance import Utterance

COLUMNS = ("City", "Day", "Time", "Activity", "Approximate cost")
QUESTIONS = Path(__file__).parents[2] / "bench" / "data" / "questions.tsv"


@pytest.mark.parametrize(
    ("text", "city", "days"),
    [
        (
            "I'd like to visit New York City for two days, and I'd like an itinerary that includes things that are not "
            "typically touristy. Can you make that itinerary for me?",
            "New York City",
            2,
        ),
        ("I'd like to visit New York city for 2 days and I'd like an itinerary.", "New York", 2),
        ("Plan a weekend in Rome.", "Rome", 2),
        ("Can you plan a three day trip to San Francisco with good food?", "San Francisco", 3),
        ("make an itinerary for paris please", "Paris", 2),
        ("I would like an itinerary for one day in St. Louis, Missouri.", "St. Louis, Missouri", 1),
        ("I need an itinerary for Rio de Janeiro for five days", "Rio de Janeiro", 5),
        ("Please write a travel plan for a week in Berlin, we like music.", "Berlin", 7),
        ("Help me plan a day trip to Boston.", "Boston", 1),
    ],
)
def test_an_itinerary_is_asked_for_in_free_speech(text: str, city: str, days: int) -> None:
    """The city and the days are found, as speech to text or a typing person writes them."""
    assert understood(Utterance.of(text)) == NewItinerary(city, days, text)


@pytest.mark.parametrize(
    ("text", "request_"),
    [
        (
            "Make a table of five fruits with columns name, color, and taste.",
            NewList("fruits", 5, ("Name", "Color", "Taste")),
        ),
        (
            "Create a table of planets with their size and distance from the sun",
            NewList("planets", 4, ("Planet", "Size", "Distance from the sun")),
        ),
        (
            "Give me a table with the columns name, capital and language for three countries",
            NewList("countries", 3, ("Name", "Capital", "Language")),
        ),
        ("Make a table of dog breeds", NewList("dog breeds", 4, ("Breed", "Description"))),
    ],
)
def test_a_table_of_things_is_asked_for(text: str, request_: Request) -> None:
    """What the rows are, how many, and the columns; the first column names the things."""
    assert understood(Utterance.of(text)) == request_


@pytest.mark.parametrize(
    ("text", "request_"),
    [
        ("Can you put this itinerary in a table?", AsTable()),
        ("Can you put this itinerary into a table?", AsTable()),
        ("put it in the table please", AsTable()),
        ("Can you put this itinerary on a table?", AsTable()),
        ("Can you put the site in a re-in-a table?", AsTable()),
        ("Please add a column with the approximate cost of each event.", AddColumn("Approximate cost")),
        ("Please at a column with the approximate cost of each event", AddColumn("Approximate cost")),
        ("Add a column for how long each event takes.", AddColumn("Duration")),
        ("Can you add a price column?", AddColumn("Price")),
        ("Add the duration of each activity.", AddColumn("Duration")),
        ("add a column called Notes", AddColumn("Notes")),
        ("Now, can you do this for Atlanta, Georgia also?", AlsoFor("Atlanta, Georgia")),
        ("Now can you do this for Atlanta Georgia also?", AlsoFor("Atlanta Georgia")),
        ("Now, can you do this for Atlanta? Georgia also.", AlsoFor("Atlanta, Georgia")),
        ("do the same for boston", AlsoFor("Boston")),
        ("Can you make one for Chicago too?", AlsoFor("Chicago")),
        ("Make an itinerary for Rome also.", AlsoFor("Rome")),
        ("Add Boston to the table.", AlsoFor("Boston")),
        ("Remove the cost column.", DropColumn("Approximate cost")),
        ("drop the column weather", DropColumn("weather")),
        ("Delete the last row.", DropRow(-1)),
        ("remove row 3", DropRow(3)),
        ("Rename the column Time to When.", RenameColumn("Time", "When")),
        ("Rename activity to what to do", RenameColumn("Activity", "What to do")),
        ("Sort the table by cost.", SortRows("Approximate cost")),
        ("Sort it by cost from highest to lowest", SortRows("Approximate cost", descending=True)),
    ],
)
def test_the_table_there_is_can_be_changed(text: str, request_: Request) -> None:
    """Natural variants; none of them means anything without a table."""
    assert understood(Utterance.of(text), COLUMNS) == request_
    if not isinstance(request_, AlsoFor) or "itinerary" not in text:
        assert understood(Utterance.of(text)) is None


def test_another_city_begins_a_new_itinerary_unless_it_is_asked_for_too() -> None:
    """ "also" adds rows; without it the request stands for itself."""
    text = "Make an itinerary for Rome."

    assert understood(Utterance.of(text), COLUMNS) == NewItinerary("Rome", 2, text)


def asked_of_everyone() -> list[str]:
    bundled = [
        re.sub(r"^! |\{\d+\} ", "", line) for line in asset("bench/questions.txt").read_text().splitlines()
    ]
    tabbed = [line.split("\t")[1] for line in QUESTIONS.read_text().splitlines() if "\t" in line]
    return [line for line in (*bundled, *tabbed) if line and not line.startswith("#")]


ORDINARY = (
    "What is an itinerary?",
    "I lost my itinerary for Boston.",
    "I plan to visit my mother in Boston for two days.",
    "Put the plates on the table.",
    "Put it on a table.",
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
    "Change the morning of day two to a boat trip.",
    "Change the time of the dinner to eight.",
    "Delete the time we spent on this.",
    "Remove the day we went to Rome.",
    "Thank you, that is all for now.",
)


@pytest.mark.parametrize("text", [*asked_of_everyone(), *ORDINARY])
def test_ordinary_questions_are_left_to_others(text: str) -> None:
    """With a table on the screen or without."""
    assert understood(Utterance.of(text)) is None
    assert understood(Utterance.of(text), COLUMNS) is None


@given(st.text(max_size=3000), st.booleans())
def test_any_text_is_judged(text: str, there_is_one: bool) -> None:
    """No text breaks it, and names that are found are short."""
    found = understood(Utterance.of(text), COLUMNS if there_is_one else None)

    assert found is None or all(len(str(part)) <= 600 for part in (found,))


@pytest.mark.parametrize(
    "piece",
    ["a ", "add a column with ", "itinerary for Rome make ", "do this for A", "table of ", "remove ", "St. "],
)
@pytest.mark.timeout(10)
def test_long_hostile_text_is_judged_at_once(piece: str) -> None:
    """Patterns do not run away on text made of their own pieces."""
    for length in (100, 599, 100_000):
        found = understood(Utterance.of((piece * length)[:length]), COLUMNS)

        assert found is None or length < 600
