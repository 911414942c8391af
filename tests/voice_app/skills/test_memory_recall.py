"""Which entries answer a question, and how they are told."""

from __future__ import annotations

import pytest

from voice_app.skills.memory.entries import Entry
from voice_app.skills.memory.recall import answers, matches
from voice_app.skills.memory.sayings import all_told, sentence, to_you, told
from voice_app.skills.memory.subjects import corrected, outdated, same_subject

FACTS = """
    my dentist is on Tuesday
    the Wi-Fi password is bluebird 42
    my sister's name is Ann
    my sister's birthday is June 3rd
    I'm allergic to peanuts
    my car is on level three
    my keys are in the drawer
    Anna lives in Berlin
    my dog has three legs
    my favorite color is green
    I have to buy milk
    the capital project is due on Friday
    I was born in Prague
    my flight leaves at six tomorrow
    the code of the front door is 4711
    my cat is called Tom
    the moon painting is in the cellar
""".strip().splitlines()
SATURDAY = "2026-11-21T10:00:00+00:00"


def entry(number: int, text: str) -> Entry:
    return Entry(number, "fact", text, "", "", SATURDAY, SATURDAY)


ENTRIES = [entry(number, text.strip()) for number, text in enumerate(FACTS, 1)]


@pytest.mark.parametrize(
    ("question", "fact"),
    [
        ("When is my dentist appointment?", "my dentist is on Tuesday"),
        ("When do I see the dentist?", "my dentist is on Tuesday"),
        ("Tell me when my dentist appointment is.", "my dentist is on Tuesday"),
        ("what's the wifi password", "the Wi-Fi password is bluebird 42"),
        ("What is my sister's name?", "my sister's name is Ann"),
        ("When is my sister’s birthday?", "my sister's birthday is June 3rd"),
        ("What am I allergic to?", "I'm allergic to peanuts"),
        ("Where did I park my car?", "my car is on level three"),
        ("Do you remember where my keys are?", "my keys are in the drawer"),
        ("I forgot the Wi-Fi password.", "the Wi-Fi password is bluebird 42"),
        ("Do you remember my dentist appointment?", "my dentist is on Tuesday"),
        ("Where does Anna live?", "Anna lives in Berlin"),
        ("How many legs does my dog have?", "my dog has three legs"),
        ("What is my favorite color?", "my favorite color is green"),
        ("What do I need to buy?", "I have to buy milk"),
        ("When is the capital project due?", "the capital project is due on Friday"),
        ("Where was I born?", "I was born in Prague"),
        ("When does my flight leave?", "my flight leaves at six tomorrow"),
        ("What is the front door code?", "the code of the front door is 4711"),
        ("What is my cat's name?", "my cat is called Tom"),
        ("What is my cat called?", "my cat is called Tom"),
        ("When was my sister born?", "my sister's birthday is June 3rd"),
        ("In which city was I born?", "I was born in Prague"),
        ("What day is the dentist?", "my dentist is on Tuesday"),
        ("What colour do I like best?", "my favorite color is green"),
        ("On which level did I park the car?", "my car is on level three"),
    ],
)
def test_a_question_finds_what_answers_it(question: str, fact: str) -> None:
    """In other words than it was told, by what it is about."""
    assert [found.text for found in answers(question, ENTRIES)][:1] == [fact]


@pytest.mark.parametrize(
    "question",
    [
        "What is my name?",
        "What is my brother's name?",
        "When is my birthday?",
        "When is my appointment?",
        "What is my dentist's name?",
        "What is my dentist's phone number?",
        "What color is my car?",
        "Where is my cat?",
        "Which planet do we live on?",
        "When do I get my car?",
        "Am I allergic to nuts?",
        "How old is my sister?",
        "How many legs does a dog have?",
        "What is the color of snow?",
        "What is the capital of Germany?",
        "What is the opposite of green?",
        "Who painted the Mona Lisa?",
        "Tell me a joke about my dog.",
        "What should I buy for my sister's birthday?",
        "How do I feed my dog?",
        "My dog is sick, what should I do?",
        "Can I give my dog milk?",
        "My keys are in the drawer.",
        "Write a poem about my cat.",
        "",
        "when my " * 100,
    ],
)
def test_other_questions_are_left_to_others(question: str) -> None:
    """What is like an entry in a word, in general, or wants advice, is not answered by it."""
    assert answers(question, ENTRIES) == ()


def test_the_latest_comes_first_where_two_answer_as_well() -> None:
    """What was said last holds."""
    twice = [entry(1, "my dentist is on Tuesday"), entry(2, "my dentist is on Friday")]

    assert [found.id for found in answers("When is my dentist?", twice)] == [2, 1]


def test_a_few_words_mean_entries() -> None:
    """As in: forget about …"""
    assert {found.id for found in matches("my sister", ENTRIES)} == {3, 4}
    assert [found.id for found in matches("my sister's birthday", ENTRIES)] == [4]
    assert [found.text for found in matches("my dentist appointment", ENTRIES)] == [
        "my dentist is on Tuesday"
    ]
    assert matches("the", ENTRIES) == ()


def test_a_correction_finds_what_it_corrects() -> None:
    """The latest entry that says something of the same."""
    found = same_subject("my dentist is on Friday", ENTRIES)
    assert found == ENTRIES[0]
    assert same_subject("my doctor is on Friday", ENTRIES) is None
    assert same_subject("call Anna", ENTRIES) is None


@pytest.mark.parametrize(
    ("text", "turned"),
    [
        ("my dentist is on Tuesday", "your dentist is on Tuesday"),
        ("My dentist is on Tuesday", "your dentist is on Tuesday"),
        ("I'm allergic and I was ill; it was bad", "you're allergic and you were ill; it was bad"),
        ("I am Igor", "you are Igor"),
        ("The code is 4711", "the code is 4711"),
        ("Anna likes me", "Anna likes you"),
        ("you promised me your help", "I promised you my help"),
        ("we met in Rome", "you met in Rome"),
    ],
)
def test_the_users_words_are_turned_to_the_user(text: str, turned: str) -> None:
    """My is your, I am is you are; names keep their letters."""
    assert to_you(text) == turned


def test_a_day_that_depends_on_the_day_is_told_with_the_day() -> None:
    """Tomorrow, told later, is another day."""
    assert "Saturday, November 21" in sentence(told(entry(1, "my flight leaves tomorrow")))
    assert "Saturday" not in sentence(told(entry(1, "my dentist is on Tuesday")))


def test_of_many_entries_the_latest_are_told() -> None:
    """With their number; the screen has them all."""
    sentences = all_told(ENTRIES)

    assert str(len(ENTRIES)) in sentences[0]
    assert sentences[-1] == sentence(told(ENTRIES[-1]))
    assert len(sentences) == 5
    assert all_told(ENTRIES[:2]) == [sentence(told(entry)) for entry in ENTRIES[:2]]
    assert len(all_told([])) == 1


@pytest.mark.parametrize(
    ("old", "value", "wrong", "new"),
    [
        ("my dentist is on Monday at nine", "tuesday", "", "my dentist is on Tuesday at nine"),
        ("my dentist is on Monday at nine", "ten", "", "my dentist is on Monday at ten"),
        ("my aunt is called Vera", "Verena", "", "my aunt is called Verena"),
        ("my sister lives in Porto", "Lisbon", "", "my sister lives in Lisbon"),
        ("my sister lives in Porto", "lisbon", "porto", "my sister lives in Lisbon"),
        ("my bike is red", "blue", "", "my bike is blue"),
        ("my rent is 900 euros", "950", "", "my rent is 950 euros"),
        ("my keys are in the drawer", "on the table", "", "my keys are on the table"),
        ("my dog Rex likes Anna and she feeds him on most of the days", "Max", "", None),
        ("the code goes from 4 to 9 or so", "7", "", None),
        ("buy milk", "bread", "", None),
    ],
)
def test_a_part_of_a_fact_is_corrected(old: str, value: str, wrong: str, new: str | None) -> None:
    """A day takes a day's place, a name a name's; what can't be told is left open."""
    assert corrected(old, value, wrong) == new


@pytest.mark.parametrize(
    ("text", "new"),
    [
        ("My sister is called Anna now.", "My sister is called Anna"),
        ("actually my dentist is on Friday", "my dentist is on Friday"),
        ("My dentist is in Leeds.", None),
        ("My sister's birthday is June 4th.", "My sister's birthday is June 4th"),
        ("My dog is tired.", None),
        ("She said my sister is called Anna.", None),
        ("Is my sister called Anna?", None),
        ("My brother is called Anna now.", None),
        ("my dentist is on Tuesday", None),
    ],
)
def test_a_statement_makes_an_entry_untrue(text: str, new: str | None) -> None:
    """Where it says another thing of the same kind of the same; what may both be true changes nothing."""
    found = outdated(text, ENTRIES)
    assert (found and found[1]) == new
