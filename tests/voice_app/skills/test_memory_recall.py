"""Which entries answer a question, and how they are told."""

from __future__ import annotations

import pytest

from voice_app.skills.memory.entries import Entry
from voice_app.skills.memory.recall import answers, is_of_ones_own, matches, same_subject
from voice_app.skills.memory.sayings import all_told, sentence, to_you, told

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


@pytest.mark.parametrize(
    ("question", "is_own"),
    [
        ("What is my dog's name?", True),
        ("Who is my doctor?", True),
        ("When is my dentist appointment?", True),
        ("Do you know where my keys are?", False),
        ("What color is my car?", True),
        ("How old is my sister?", True),
        ("What is the capital of France?", False),
        ("What is my best option here?", False),
        ("What should my dog eat?", False),
        ("What is my dog trying to tell me when he barks at night?", False),
        ("My dog is sick.", False),
        ("", False),
    ],
)
def test_what_only_the_user_knows(question: str, is_own: bool) -> None:
    """Plain questions of what is the user's; not advice, not the world's facts."""
    assert is_of_ones_own(question, []) is is_own


def test_what_was_told_in_the_chat_may_be_known() -> None:
    """The language model has read it."""
    assert not is_of_ones_own("What is my dog's name?", ["My dog is called Rex."])
    assert is_of_ones_own("What is my dog's name?", ["My cat is called Tom."])


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
