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
from voice_app.skills.memory.entries import Note
from voice_app.skills.memory.memory_call import MemoryCall
from voice_app.skills.memory.memory_skill import filled, memory_skill
from voice_app.skills.memory.store import Memory
from voice_app.skills.router import route
from voice_app.skills.utterance import Utterance

SKILLS = (memory_skill(None),)


def request(text: str) -> MemoryCall | None:
    """Return what a turn asks of the memory, by its words alone."""
    found = route(Utterance.of(text), SKILLS)
    return found and found.call


def remember(text: str) -> MemoryCall:
    return MemoryCall(action="remember", text=text)


def forget(about: str, *, every: bool = False) -> MemoryCall:
    return MemoryCall(action="forget", about=about, every=every)


def recall(about: str) -> MemoryCall:
    return MemoryCall(action="recall", about=about, every=True)


def named(name: str, about: str = "") -> MemoryCall:
    return MemoryCall(action="name", text=name, about=about)


def sounds(how: str, word: str = "") -> MemoryCall:
    return MemoryCall(action="pronounce", text=how, about=word)


LIST, ERASE = MemoryCall(action="list"), MemoryCall(action="forget_all")
NAME = MemoryCall(action="recall", about="my name")
DENTIST = "my dentist is on Tuesday"
TAKEN: list[tuple[str, MemoryCall]] = [
    ("Remember that my dentist is on Tuesday.", remember(DENTIST)),
    ("Please remember my dentist is on Tuesday.", remember(DENTIST)),
    ("please remember, my dentist is on Tuesday", remember(DENTIST)),
    ("Okay, remember this: my dentist is on Tuesday.", remember(DENTIST)),
    ("Can you remember that my dentist is on Tuesday?", remember(DENTIST)),
    ("I want you to remember that my dentist is on Tuesday, please.", remember(DENTIST)),
    ("I want you to remember that my dentist is on Tuesday. Please.", remember(DENTIST)),
    ("Don’t forget that my dentist is on Tuesday.", remember(DENTIST)),
    ("Keep in mind that my dentist is on Tuesday", remember(DENTIST)),
    ("My dentist is on Tuesday. Remember that.", remember("My dentist is on Tuesday")),
    ("My dentist is on Tuesday, please remember that.", remember("My dentist is on Tuesday")),
    ("No, remember that my dentist is on Friday.", remember("my dentist is on Friday")),
    ("Actually, remember my dentist is on Friday.", remember("my dentist is on Friday")),
    ("Remember the Wi-Fi password is bluebird 42.", remember("the Wi-Fi password is bluebird 42")),
    ("Remember Anna's birthday is on May 5th.", remember("Anna's birthday is on May 5th")),
    ("Remember to buy milk.", remember("I have to buy milk")),
    ("Remember to answer the letter.", remember("I have to answer the letter")),
    ("Remember to be at the dentist at nine.", remember("I have to be at the dentist at nine")),
    ("Remember Anna likes the show Dark.", remember("Anna likes the show Dark")),
    ("Note that the meeting is at nine.", remember("the meeting is at nine")),
    ("What do you remember?", LIST),
    ("What do you remember about me?", LIST),
    ("what did I ask you to remember", LIST),
    ("Tell me everything you remember.", LIST),
    ("Show me your memory.", LIST),
    ("What do you know about me?", LIST),
    ("What do you remember about my dentist?", recall("my dentist")),
    ("What did I tell you about the dentist?", recall("the dentist")),
    ("What do you know about my dentist?", recall("my dentist")),
    ("Forget that my dentist is on Tuesday.", forget(DENTIST)),
    ("Please forget about the dentist.", forget("the dentist")),
    ("Can you forget my dentist appointment?", forget("my dentist appointment")),
    ("Forget everything about the dentist.", forget("the dentist", every=True)),
    ("Delete my dentist from your memory.", forget("my dentist")),
    ("Forget everything.", ERASE),
    ("Please forget everything you know about me.", ERASE),
    ("Clear your memory.", ERASE),
    ("My name is Igor.", named("Igor")),
    ("my name is igor", named("Igor")),
    ("No my name is Igor", named("Igor")),
    ("No, my name is Igor, not Eager.", named("Igor", "Eager")),
    ("That's wrong. My name is Igor.", named("Igor")),
    ("My name is not Eager, it's Igor.", named("Igor", "Eager")),
    ("My name isn't Eager. It's Igor.", named("Igor", "Eager")),
    ("Hi, my name is John Smith, nice to meet you!", named("John Smith")),
    ("My name is Ludwig van Beethoven.", named("Ludwig van Beethoven")),
    ("Call me Igor, please.", named("Igor")),
    ("You can call me Al.", named("Al")),
    ("call me igor", named("Igor")),
    ("My name is spelled I-G-O-R.", named("Igor")),
    ("My name is Eager, spelled I G O R.", named("Igor", "Eager")),
    ("What is my name?", NAME),
    ("whats my name", NAME),
    ("Do you remember my name?", NAME),
    ("Who am I?", NAME),
    ("My name is pronounced EE-gor.", sounds("EE-gor")),
    ("My name is pronounced eager, not eye gore.", sounds("eager")),
    ("Pronounce my name like EE-gor.", sounds("EE-gor")),
    ("Siobhan is pronounced shi-VAWN.", sounds("shi-VAWN", "Siobhan")),
]
LEFT = """
    Forget that.
    Forget it
    No, it's Igor.
    It's pronounced ee gor.
    Don't forget to smile.
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
def test_what_is_asked_of_the_memory_is_understood(text: str, expected: MemoryCall) -> None:
    """As people say it, and as speech to text writes it down."""
    assert request(text) == expected


@pytest.mark.parametrize("text", [text.strip() for text in LEFT])
def test_what_only_sounds_like_it_is_left_alone(text: str) -> None:
    """Ordinary talk about remembering, names and pronunciation is no request."""
    assert request(text) is None


def ordinary_questions() -> list[str]:
    bench = asset("bench/questions.txt").read_text().splitlines()
    lines = [re.sub(r"\{\d+\} |^! ", "", line) for line in bench if not line.startswith("#")]
    path = Path(__file__).parents[2] / "bench" / "data" / "questions.tsv"
    with path.open() as file:
        rows = csv.reader((line for line in file if not line.startswith("#")), delimiter="\t")
        return [*lines, *(row[1] for row in rows)]


def test_no_ordinary_question_is_taken(tmp_path: Path) -> None:
    """Of those of the benchmarks, none, with a memory full of facts about the like."""
    from tests.voice_app.skills.test_memory_recall import FACTS

    memory = Memory(tmp_path / "plain.sqlite3")
    memory.take([Note("fact", text.strip()) for text in FACTS])
    skills, questions = (memory_skill(memory),), ordinary_questions()
    taken = [text for text in questions if route(Utterance.of(text), skills)]

    assert len(questions) > 100
    assert taken == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hang on to this: my gate code is 4711", remember("my gate code is 4711")),
        ("Get rid of the rent, would you", None),
        ("I would love it if you could keep in mind that Bo likes jazz", remember("Bo likes jazz")),
        ("She told me to remember that Bo likes jazz", None),
        ("Why would I remember my code is 1234", None),
    ],
)
def test_words_that_are_no_saying_are_read_where_the_memory_is_meant(
    text: str, expected: MemoryCall | None
) -> None:
    """For whoever has chosen the memory; reported speech and wishes are still none."""
    assert filled(Utterance.of(text)) == expected


WORDS = """
    my name is remember that forget everything Igor igor call me what do you it's pronounced spelled a b no not
    , . ? ! ' - the all of memory EE-gor about please
"""


@given(
    st.lists(st.sampled_from([*WORDS.split(), "\n", "\0", "\ud800"]), max_size=60).map(" ".join) | st.text()
)
def test_any_words_are_understood_or_left(text: str) -> None:
    """Without an error; names are never empty, facts never only a mark."""
    found = request(text)

    if found and found.action == "name":
        assert found.text.strip()
    if found and found.action == "remember":
        assert len(found.text.split()) >= 2


def test_a_huge_text_is_left_at_once() -> None:
    """A megabyte that begins like a request is none."""
    assert request("remember that " + "my dog is happy and " * 50_000) is None


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
from tests.voice_app.skills.test_memory_requests import request
for part in sys.argv[1:]:
    many = part * (1980 // len(part))
    request(f"{many}#. My name is Bob")
    request(f"My name is Bob. {many}#")
"""
    subprocess.run([sys.executable, "-c", script, *HOSTILE], check=True, timeout=10)
