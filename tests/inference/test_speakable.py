"""Text made speakable: a golden file, and the laws that hold for any text."""

from __future__ import annotations

import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.text import speakable
from inference.text.blocks import table_cells
from inference.text.en.announcements import table_text
from inference.text.en.numerals import cardinal, number

GOLDEN = Path(__file__).parent / "golden" / "speakable.tsv"
MARKS = " \n\t*_`~#|<>{}[]()\\/&%€=+^@-–—,;.'\"²½°😀\u0301é٣0x\x00\ud800"
FRAGMENTS = [
    *(
        "Dr. ",
        "$12.50",
        "3.14",
        "- ",
        "**",
        "```",
        "[a](http://x.y)",
        "<b>",
        "&amp;",
        "5:30 p.m.",
        "a.m. ",
        "e.g. ",
    ),
    *(
        "etc. ",
        "U.S. ",
        "J. ",
        "The ",
        "word, ",
        "Yes! ",
        "No. ",
        "1,000",
        "...",
        "http",
        "https://a.com/b",
        "x@y.com",
    ),
    *(
        "1/2",
        "2024",
        "km",
        "in",
        "°C",
        "中。",
        "^2",
        "K",
        "st",
        "th",
        "May ",
        "II",
        "Henry ",
        "v",
        "1. ",
        "1999-",
        "'s",
    ),
    *("00", "25:61", "[1]", "m/s", "| - |", "|a|b|\n|-|-|\n|1|2|\n", "```py\nx\n```\n"),
]
mixed = st.lists(st.sampled_from(FRAGMENTS) | st.sampled_from(MARKS) | st.text(max_size=6), max_size=25).map(
    "".join
)
untimed = settings(deadline=None)
"""The machine may be busy."""


def golden_lines() -> list[tuple[str, str]]:
    """Return the pairs of the golden file; a line break inside a text is written as backslash and n."""
    pairs = [line.split("\t") for line in GOLDEN.read_text("utf-8").splitlines()]
    return [(text.replace("\\n", "\n"), spoken) for text, spoken in pairs]


def is_speakable(character: str) -> bool:
    """Tell a letter, its mark, or punctuation that a voice knows."""
    return unicodedata.category(character)[0] in "LM" or character in " .,;:!?'-"


@pytest.mark.parametrize(("text", "spoken"), golden_lines())
def test_golden(text: str, spoken: str) -> None:
    """Each line of the golden file is spoken as written there."""
    assert speakable(text) == spoken


@untimed
@given(mixed)
def test_output_holds_words_alone(text: str) -> None:
    """No text raises or leaves a digit, markup, a symbol, a line break or two spaces to the voice."""
    spoken = speakable(text)
    assert all(map(is_speakable, spoken))
    assert "  " not in spoken
    assert spoken == spoken.strip()
    assert "http" not in spoken.lower()
    assert not spoken or any(map(str.isalpha, spoken))


@untimed
@given(mixed)
def test_speaking_again_changes_nothing(text: str) -> None:
    """What is speakable already stays as it is."""
    spoken = speakable(text)
    assert speakable(spoken) == spoken


@untimed
@given(st.lists(st.from_regex(r"[a-z]{4,9}", fullmatch=True), min_size=1, max_size=12))
def test_plain_words_stay(words: list[str]) -> None:
    """A sentence of plain words comes out as it went in."""
    sentence = " ".join(word.replace("http", "help") for word in words).capitalize() + "."
    assert speakable(sentence) == sentence


@untimed
@given(st.integers(0, 10**15 - 1))
def test_separators_do_not_change_a_number(value: int) -> None:
    """1234567 and 1,234,567 are the same words."""
    assert number(f"{value:,}") == number(str(value)) == cardinal(str(value))


@untimed
@given(st.integers(1, 10**6), st.integers(2, 99))
def test_price_names_dollars_and_cents(dollars: int, cents: int) -> None:
    """Every price is its dollars and its cents, with or without thousands separators."""
    unit = "dollar" if dollars == 1 else "dollars"
    expected = f"{cardinal(str(dollars))} {unit} and {cardinal(str(cents))} cents"
    assert speakable(f"${dollars:,}.{cents:02}") == speakable(f"${dollars}.{cents:02}") == expected


@pytest.mark.slow
@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "unit",
    [
        "[",
        "![",
        "](",
        "(",
        "*",
        "*a_ ",
        "_a",
        "`",
        "~",
        "<",
        "<a ",
        ">",
        "|",
        "|a",
        "$",
        "$1,",
        "1",
        "1.",
        "1/",
        "555-",
    ]
    + [
        "&",
        "#",
        "^",
        "\\",
        "\n",
        "'",
        "-",
        "=",
        "a-",
        "a@",
        "www.",
        "Dr. ",
        "e.g.",
        "A1",
        "May 1 ",
        "<!--",
        "😀",
    ],
)
def test_hostile_text_of_100_kb_ends(unit: str) -> None:
    """A text that is quadratic to parse is cut into pieces: seconds at most, where it would take minutes."""
    assert "  " not in speakable(unit * (100_000 // len(unit)))


def test_long_numbers_are_read_by_digit() -> None:
    """A number of ten thousand digits is spoken digit by digit and does not raise."""
    spoken = speakable("7" * 10_000)
    assert set(spoken.split()) == {"seven"}
    assert len(spoken.split()) == 10_000


def test_first_words_survive_any_length() -> None:
    """A long text is read in pieces, none of which is lost."""
    text = " ".join(f"word{letter}" for letter in "abcdefgh" * 1000)
    assert speakable(text) == text


def test_table_sentence_counts_rows_and_lists_columns() -> None:
    """A table is summed up by its rows and columns; wide ones end in "more", pieces do not count rows."""
    table = "| Day | CPU |\n|:--|--:|\n| Mon | 1 |\n| a \\| b | 2 |\n"
    rows = table_cells(table)
    assert rows == [["Day", "CPU"], ["Mon", "1"], ["a \\| b", "2"]]
    assert table_text(rows) == "Here is a table with two rows: day and CPU."
    assert table_text(rows, whole=False) == "Here is a table: day and CPU."
    assert table_text([list("abcdefghijk")]).endswith("g, h, and more.")
    assert table_text([]) == "Here is a table."


def test_import_is_cheap() -> None:
    """Importing the package loads neither the Markdown parser nor the number words."""
    code = (
        "import sys, inference.text; "
        "assert not {'markdown_it', 'num2words', 'onnxruntime', 'numpy'} & set(sys.modules), 'loaded'"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])
