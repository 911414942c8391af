"""What is asked of the memory, by words alone: what is taken, and what is left to others."""

from __future__ import annotations

import csv
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.assets import asset
from voice_app.skills.memory.memory_requests import (
    Forget,
    ForgetAll,
    Pronounce,
    Remember,
    Request,
    Tell,
    TellName,
    request,
)
from voice_app.skills.memory.names import Named
from voice_app.skills.memory.recall import answers
from voice_app.skills.utterance import Utterance

DENTIST = "my dentist is on Tuesday"
TAKEN: list[tuple[str, Request]] = [
    ("Remember that my dentist is on Tuesday.", Remember(DENTIST)),
    ("Please remember my dentist is on Tuesday.", Remember(DENTIST)),
    ("please remember, my dentist is on Tuesday", Remember(DENTIST)),
    ("Okay, remember this: my dentist is on Tuesday.", Remember(DENTIST)),
    ("Can you remember that my dentist is on Tuesday?", Remember(DENTIST)),
    ("I want you to remember that my dentist is on Tuesday, please.", Remember(DENTIST)),
    ("I want you to remember that my dentist is on Tuesday. Please.", Remember(DENTIST)),
    ("Don’t forget that my dentist is on Tuesday.", Remember(DENTIST)),
    ("Keep in mind that my dentist is on Tuesday", Remember(DENTIST)),
    ("My dentist is on Tuesday. Remember that.", Remember("My dentist is on Tuesday")),
    ("My dentist is on Tuesday, please remember that.", Remember("My dentist is on Tuesday")),
    ("No, remember that my dentist is on Friday.", Remember("my dentist is on Friday", corrects=True)),
    ("Actually, remember my dentist is on Friday.", Remember("my dentist is on Friday", corrects=True)),
    ("Remember the Wi-Fi password is bluebird 42.", Remember("the Wi-Fi password is bluebird 42")),
    ("Remember Anna's birthday is on May 5th.", Remember("Anna's birthday is on May 5th")),
    ("Remember to buy milk.", Remember("I have to buy milk")),
    ("Remember to answer the letter.", Remember("I have to answer the letter")),
    ("Remember to be at the dentist at nine.", Remember("I have to be at the dentist at nine")),
    ("Remember Anna likes the show Dark.", Remember("Anna likes the show Dark")),
    ("Note that the meeting is at nine.", Remember("the meeting is at nine")),
    ("What do you remember?", Tell()),
    ("What do you remember about me?", Tell()),
    ("what did I ask you to remember", Tell()),
    ("Tell me everything you remember.", Tell()),
    ("Show me your memory.", Tell()),
    ("What do you know about me?", Tell()),
    ("What do you remember about my dentist?", Tell("my dentist")),
    ("What did I tell you about the dentist?", Tell("the dentist")),
    ("What do you know about my dentist?", Tell("my dentist", only_if_known=True)),
    ("Forget that my dentist is on Tuesday.", Forget(DENTIST)),
    ("Please forget about the dentist.", Forget("the dentist")),
    ("Can you forget my dentist appointment?", Forget("my dentist appointment")),
    ("Forget everything about the dentist.", Forget("the dentist", all_matching=True)),
    ("Delete my dentist from your memory.", Forget("my dentist")),
    ("Forget that.", Forget("")),
    ("Forget it", Forget("")),
    ("Forget everything.", ForgetAll()),
    ("Please forget everything you know about me.", ForgetAll()),
    ("Clear your memory.", ForgetAll()),
    ("My name is Igor.", Named("Igor")),
    ("my name is igor", Named("Igor")),
    ("No my name is Igor", Named("Igor")),
    ("No, my name is Igor, not Eager.", Named("Igor")),
    ("That's wrong. My name is Igor.", Named("Igor")),
    ("My name is not Eager, it's Igor.", Named("Igor")),
    ("My name isn't Eager. It's Igor.", Named("Igor")),
    ("Hi, my name is John Smith, nice to meet you!", Named("John Smith")),
    ("My name is Ludwig van Beethoven.", Named("Ludwig van Beethoven")),
    ("Call me Igor, please.", Named("Igor")),
    ("You can call me Al.", Named("Al")),
    ("call me igor", Named("Igor")),
    ("My name is spelled I-G-O-R.", Named("Igor")),
    ("My name is Eager, spelled I G O R.", Named("Igor")),
    ("No, it's Igor.", Named("Igor", sure=False)),
    ("It's spelled I G O R.", Named("Igor", sure=False)),
    ("My name is Igor. What is the capital of France?", Named("Igor", more=True)),
    ("My name is Igor and I live in Berlin.", Named("Igor", more=True)),
    ("What is my name?", TellName()),
    ("whats my name", TellName()),
    ("Do you remember my name?", TellName()),
    ("Who am I?", TellName()),
    ("My name is pronounced EE-gor.", Pronounce("", "EE-gor")),
    ("My name is pronounced eager, not eye gore.", Pronounce("", "eager")),
    ("Pronounce my name like EE-gor.", Pronounce("", "EE-gor")),
    ("Siobhan is pronounced shi-VAWN.", Pronounce("Siobhan", "shi-VAWN")),
    ("It's pronounced ee gor.", Pronounce("", "ee gor", named=False)),
    ("No, it is pronounced EE-gor", Pronounce("", "EE-gor", named=False)),
]
LEFT = """
    Remember that.
    Remember, remember the fifth of November.
    Remember the Alamo.
    Remember the Titans is my favorite film.
    Please remember to answer briefly.
    Remember to be polite.
    Remember to keep your answers short.
    who wrote Romeo and Juliet?
    Remember when we went to Rome?
    Do you remember that song?
    Do you remember when the Berlin Wall fell?
    I remember that day.
    I can't remember the name of the river.
    Tell me about the poem Remember by Christina Rossetti.
    How do elephants remember so much?
    What is the best way to remember names?
    How do I forget somebody?
    Don't forget.
    Don't forget about me.
    What does it mean to forgive and forget?
    My name is hard to pronounce.
    My name is on the list.
    Is my name on the list?
    My name.
    What is the name of the tallest mountain?
    Call me later.
    You can call me out.
    Call me a taxi.
    Call me when you are done.
    Who sings You Can Call Me Al?
    In Moby Dick, who says call me Ishmael?
    How is it pronounced?
    How do you pronounce Siobhan?
    Is it pronounced GIF or JIF?
    The name is pronounced differently in Spain.
    How do you say hello in French?
    Say it like a pirate.
    It's raining.
    It's a dog.
    Delete the third row.
    Remove the last column from the table.
    I'm tired.
    Yes.
""".strip().splitlines()


@pytest.mark.parametrize(("text", "expected"), TAKEN, ids=[text for text, _ in TAKEN])
def test_what_is_asked_of_the_memory_is_understood(text: str, expected: Request) -> None:
    """As people say it, and as speech to text writes it down."""
    assert request(Utterance.of(text)) == expected


@pytest.mark.parametrize("text", [text.strip() for text in LEFT])
def test_what_only_sounds_like_it_is_left_alone(text: str) -> None:
    """Ordinary talk about remembering, names and pronunciation is no request."""
    assert request(Utterance.of(text)) is None


def ordinary_questions() -> list[str]:
    bench = asset("bench/questions.txt").read_text().splitlines()
    lines = [re.sub(r"\{\d+\} |^! ", "", line) for line in bench if not line.startswith("#")]
    path = Path(__file__).parents[2] / "bench" / "data" / "questions.tsv"
    with path.open() as file:
        rows = csv.reader((line for line in file if not line.startswith("#")), delimiter="\t")
        return [*lines, *(row[1] for row in rows)]


def test_no_ordinary_question_is_taken() -> None:
    """Of those of the benchmarks, none, with a memory full of facts about the like."""
    from tests.voice_app.skills.test_memory_recall import ENTRIES

    questions = ordinary_questions()
    said = [Utterance.of(text) for text in questions]
    taken = [each for each in said if request(each) or answers(each.plain, ENTRIES)]

    assert len(questions) > 100
    assert taken == []


WORDS = """
    my name is remember that forget everything Igor igor call me what do you it's pronounced spelled a b no not
    , . ? ! ' - the all of memory EE-gor about please
"""


@given(
    st.lists(st.sampled_from([*WORDS.split(), "\n", "\0", "\ud800"]), max_size=60).map(" ".join) | st.text()
)
def test_any_words_are_understood_or_left(text: str) -> None:
    """Without an error; names are never empty, facts never only a mark."""
    found = request(Utterance.of(text))

    if isinstance(found, Named):
        assert found.name.strip()
    if isinstance(found, Remember):
        assert len(found.fact.split()) >= 2


def test_a_huge_text_is_left_at_once() -> None:
    """A megabyte that begins like a request is none."""
    assert request(Utterance.of("remember that " + "my dog is happy and " * 50_000)) is None


HOSTILE = (
    "not hihihi ",
    "not hi",
    "no-not-no ",
    "remember that ",
    "that's not ",
    "you said that wrong ",
    "and ",
)


def test_no_text_takes_forever() -> None:
    """Words that can be read in several ways, nearly as many as a turn may have, before a name and behind it."""
    script = """
import sys
from voice_app.skills.memory.memory_requests import request
from voice_app.skills.utterance import Utterance
for part in sys.argv[1:]:
    many = part * (1980 // len(part))
    request(Utterance.of(f"{many}#. My name is Bob"))
    request(Utterance.of(f"My name is Bob. {many}#"))
"""
    subprocess.run([sys.executable, "-c", script, *HOSTILE], check=True, timeout=10)
