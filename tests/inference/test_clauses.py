"""The clause splitter: where clauses end, how early that is known, and laws for any reply in any deltas."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.text import Clause, ClauseSplitter
from inference.text.blocks import MAX_BLOCK
from inference.text.boundaries import MAX_CLAUSE
from inference.text.en.announcements import CODE_TEXT

untimed = settings(deadline=None)
"""The machine may be busy."""
TABLE = (
    "| Day | Activity | Cost |\n|---|---|---|\n| Mon | Walk | $5 |\n| Tue | Swim | $6 |\n| Wed | - | $0 |\n"
)
TABLE_TEXT = "Here is a table with three rows: day, activity, and cost."
MARKS = " \n-*`|5;:?…—\"'()#😀"
FRAGMENTS = [
    *(
        "Dr. ",
        "$12.50",
        "3.14",
        "**",
        "```",
        "~~~\n",
        "```py\n",
        "\n```\n",
        "|a|b|\n",
        "|-|-|\n",
        "a | b\n",
        "--- | ---\n",
    ),
    *(
        "5:30 p.m. ",
        "e.g. ",
        "etc. ",
        "U.S. ",
        "J. ",
        "The ",
        "word",
        "word, ",
        "Yes! ",
        "No. ",
        "1,000",
        " - ",
        " – ",
    ),
    *("; ", ": ", "...", "… ", "? ", "\"' ", "https://a.com/b ", "中。", "1. ", " \t", "\n\n", "I. ", "a "),
]
replies = st.lists(
    st.sampled_from(FRAGMENTS) | st.sampled_from(MARKS) | st.text(max_size=5), max_size=60
).map("".join)
long_replies = st.tuples(replies, st.integers(1, 40)).map(lambda pair: pair[0] * pair[1])
WHOLES = [
    *(
        "3.14",
        "1,000,000",
        "192.168.0.1",
        "5:30 p.m.",
        "14:05",
        "9 a.m.",
        "$12.50",
        "€1,299.99",
        "$3.5 million",
    ),
    *(
        "May 1, 2024",
        "Jan. 5",
        "5/1/2024",
        "10:30-11:00",
        "7 - 3",
        "1.2.3",
        "No. 5",
        "approx. ten",
        "e.g. apples",
    ),
    *(
        "i.e. food",
        "etc. and",
        "vs. them",
        "U.S. Senate",
        "St. Louis",
        "Inc. makes",
        "Dr. Smith",
        "Mr. Jones",
    ),
    *("Mrs. Lee", "J. R. R. Tolkien", "https://a.com/b,c.d?e=f", "a.b@c.com", "wait... what"),
]


def split(reply: str, cuts: list[int] | None = None, *, short_first: bool = False) -> list[Clause]:
    """Return the clauses of a reply that arrives cut at `cuts`; character by character by default."""
    splitter = ClauseSplitter(short_first=short_first)
    places = [0, *sorted({cut for cut in cuts if cut < len(reply)}), len(reply)] if cuts is not None else None
    places = places or list(range(len(reply) + 1))
    clauses = [clause for start, end in pairwise(places) for clause in splitter.push(reply[start:end])]
    return clauses + splitter.flush()


def raws(reply: str) -> list[str]:
    """Return the raw texts of the clauses, stripped."""
    return [clause.raw.strip() for clause in split(reply)]


@untimed
@given(long_replies, st.booleans())
def test_clauses_are_the_reply(reply: str, short_first: bool) -> None:
    """Nothing of a reply is lost, doubled or changed, and clauses are counted from 0."""
    clauses = split(reply, [], short_first=short_first)
    assert "".join(clause.raw for clause in clauses) == reply
    assert [clause.index for clause in clauses] == list(range(len(clauses)))
    assert all(clause.raw for clause in clauses)


@untimed
@given(replies, st.lists(st.integers(1, 400), max_size=40), st.booleans())
def test_deltas_do_not_matter(reply: str, cuts: list[int], short_first: bool) -> None:
    """A reply has the same clauses at once, in any pieces, and character by character."""
    whole = split(reply, [], short_first=short_first)
    assert split(reply, cuts, short_first=short_first) == whole
    assert split(reply, short_first=short_first) == whole


@pytest.mark.parametrize(
    ("reply", "first"),
    [
        ("The capital of Germany is Berlin.", "The capital of Germany,"),
        ("Romeo and Juliet was written by William Shakespeare.", "Romeo and Juliet,"),
        ('The play "Hamlet" is a tragedy.', "The play Hamlet,"),
        ('The novel "The Old Man and the Sea" was a success.', "The novel The Old Man and the Sea,"),
        ("Bees make honey.", "Bees make honey."),
        ("Dr. Smith of Boston is in the U.S. now.", "Doctor Smith of Boston is in the US now."),
        ("At 5:30 p.m. the train leaves for Rome.", "At five thirty p m the train leaves for Rome."),
        ("Sure, the capital of France is Paris.", "Sure, the capital of France is Paris."),
    ],
)
def test_a_short_first_clause_ends_between_phrases(reply: str, first: str) -> None:
    """Between a content word and a function word, three words in, and never beside a number or an abbreviation.

    Nor inside quotation marks.
    """
    assert split(reply, short_first=True)[0].text == first
    assert len(split(reply)) == 1


@pytest.mark.parametrize(
    "reply", [TABLE * 200, "```\n" + "x = 1\n" * 2000 + "```\nDone. And more.", "| " + "a" * 9000]
)
def test_deltas_do_not_matter_for_long_blocks(reply: str) -> None:
    """Blocks that exceed the limit are cut at the same places whatever the deltas are."""
    whole = split(reply, [])
    assert split(reply, list(range(0, len(reply), 7))) == whole
    assert split(reply, list(range(0, len(reply), 997))) == whole


@untimed
@given(long_replies)
def test_length_is_bounded(reply: str) -> None:
    """Prose is at most 250 characters a clause, and a block at most its limit a piece."""
    for clause in split(reply, []):
        assert len(clause.raw) <= MAX_BLOCK + MAX_CLAUSE
        if not clause.text.startswith("Here is ") and not any(mark in clause.raw for mark in "|`~"):
            assert len(clause.raw) <= MAX_CLAUSE


@untimed
@given(
    st.sampled_from(WHOLES),
    st.lists(st.sampled_from(["so", "we", "go, ", "home. ", "now; "]), max_size=50),
    st.booleans(),
    st.data(),
)
def test_numbers_and_names_stay_whole(
    whole: str, words: list[str], short_first: bool, data: st.DataObject
) -> None:
    """A number, time, price, date, address or abbreviation is never divided, wherever it stands."""
    place = data.draw(st.integers(0, len(words)))
    reply = " ".join([*words[:place], whole, "then", *words[place:]])
    assert any(whole in clause.raw for clause in split(reply, short_first=short_first))


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ("Sure! It is Paris. It is big.", ["Sure!", "It is Paris.", "It is big."]),
        ("Well, of course, I can, and I will.", ["Well, of course,", "I can, and I will."]),
        ("Of course — let us start.", ["Of course —", "let us start."]),
        ("Here are three: one, two.", ["Here are three:", "one, two."]),
        ("Yes, it is.", ["Yes, it is."]),
        ("No. That is wrong.", ["No.", "That is wrong."]),
        ("We left at 9 a.m. The end.", ["We left at 9 a.m.", "The end."]),
        ("You and I. Then we go.", ["You and I.", "Then we go."]),
        ('Hm. "What?" he said. "No!" She left.', ["Hm.", '"What?" he said.', '"No!"', "She left."]),
        ("So... maybe. Well... No.", ["So... maybe.", "Well...", "No."]),
        ("Steps:\n1. Mix it. \n2. Bake.\n- a. b", ["Steps:", "1. Mix it.", "2. Bake.", "- a. b"]),
        ("**Bold.** Then *more!* End", ["**Bold.**", "Then *more!*", "End"]),
        ("One line\nthe next line\n\nlast", ["One line", "the next line", "last"]),
    ],
)
def test_boundaries(reply: str, expected: list[str]) -> None:
    """The first clause ends at the first pause with enough words; later ones are sentences and lines."""
    assert raws(reply) == expected


def test_long_sentences_are_cut_at_commas() -> None:
    """A later sentence of more than 120 characters ends at its last comma before, or else at a space."""
    sentence = "The long sentence has a part, " * 6 + "and ends here."
    clauses = raws("Good. " + sentence)
    assert all(clause.endswith(("part,", ".")) for clause in clauses)
    assert all(len(clause) <= 120 for clause in clauses)
    assert len(clauses) > 2
    assert all(len(clause) <= MAX_CLAUSE for clause in raws("many words without a pause " * 30))


@pytest.mark.parametrize(
    ("arrived", "waiting", "then"),
    [
        ("Sure!", True, " "),
        ("It is 3.", True, "\n"),
        ("I live in the woods,", True, " "),
        ("You said no.", True, " so"),
        ("We left at 9 a.m. ", True, "T"),
        ("It goes on... ", True, "A"),
        ("It is good — ", False, ""),
        ("Sure! ", False, ""),
        ("I live in the woods, ", False, ""),
        ("First line\n", False, ""),
    ],
)
def test_decides_as_early_as_possible(arrived: str, waiting: bool, then: str) -> None:
    """A clause is given out at the white space behind it, or at the next letter where only that can tell."""
    splitter = ClauseSplitter()
    clauses = splitter.push(arrived)
    assert (clauses == []) is waiting
    assert len(clauses or splitter.push(then)) == 1


def test_number_across_deltas_stays_whole() -> None:
    """ "3." may be followed by "14": the full stop is judged with the next character."""
    splitter = ClauseSplitter()
    assert splitter.push("The number is 3.") == []
    assert splitter.push("14 or so") == []
    assert [clause.raw for clause in splitter.flush()] == ["The number is 3.14 or so"]


@pytest.mark.parametrize(
    ("reply", "texts"),
    [
        (f"Here you go:\n\n{TABLE}\nEnjoy!", ["Here you go:", TABLE_TEXT, "Enjoy!"]),
        (TABLE.strip(), [TABLE_TEXT]),
        (
            "Name | Age\n--- | ---\nBob | 3\nEnd. Bye.",
            ["Here is a table with one row: name and age.", "End.", "Bye."],
        ),
        ("Either a | b\nor c", ["Either a b.", "or c"]),
        ("So:\n```py\nprint('a, b. C')\n```\nDone.", ["So:", CODE_TEXT, "Done."]),
        ("```\nnever closed", [CODE_TEXT]),
        ("Use ```x``` now.", ["Use x now."]),
        ("---\n# Title\ntext", ["", "Title.", "text"]),
    ],
)
def test_blocks_are_summed_up(reply: str, texts: list[str]) -> None:
    """Tables and code are one clause with one sentence; what looks like one but is none is read."""
    assert [clause.text for clause in split(reply)] == texts


@pytest.mark.parametrize("unit", ["| a | b |\n", "x | y\n", "|", " ", "\n", "- ", "word", "Dr. ", ".", "\\"])
@pytest.mark.parametrize("head", ["", "```\n", "| a |\n|---|\n", "a | b\n--|--\n"])
def test_endless_replies_are_held_in_bounded_memory(head: str, unit: str) -> None:
    """Of a reply without end, no more than one block is ever held back, and its sentence is spoken once."""
    splitter = ClauseSplitter()
    held, texts = 0, []
    for delta in [head] + [unit * (500 // len(unit))] * 60:
        clauses = splitter.push(delta)
        held += len(delta) - sum(len(clause.raw) for clause in clauses)
        texts += [clause.text for clause in clauses]
        assert held <= MAX_BLOCK + 1000
    assert sum(text.startswith("Here is ") for text in texts) <= 1


def test_flush_starts_anew() -> None:
    """After a flush the splitter takes the next reply as if it were new."""
    splitter = ClauseSplitter()
    first = splitter.push("Of course, yes. ```") + splitter.flush()
    assert splitter.flush() == []
    assert splitter.push("Of course, yes. ```") + splitter.flush() == first
