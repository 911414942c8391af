"""Pieces of free speech, as speech to text writes it: places, counts, lists, names of columns and rows."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

from voice_app.skills.number_words import ORDINALS, small_number
from voice_app.skills.table.table_call import LONGEST_WISH, MOST_ASKED_ROWS, MOST_DAYS
from voice_app.skills.word_lists import WEEKDAYS, word_set, words_of

MEALS = ("breakfast", "brunch", "lunch", "dinner", "supper", "snack")
PARTS = (*("morning", "noon", "afternoon", "evening", "night"), *MEALS)
"""Times of a day that name a cell of it."""
PLANS = word_set("plan planner schedule menu routine timetable program programme rota roster")
"""What a table for a week is called."""
_ORDERS = word_set("from lowest highest largest smallest cheapest shortest longest")
_ROW_NOUNS = word_set("row line day rows lines days entry item event activity stop")
_NO_PLACE = word_set(
    "a an the me us you him her it them this that these those my our your his each every all everyone one two "
    "three four five six seven fun free now then here there which what also too and or with for please example "
    "instance itinerary table chart grid spreadsheet list trip weekend days day week visit see do make be go work "
    "dinner lunch breakfast school rows row column columns vacation holiday bed home minutes hours timer english "
    "french german spanish tomorrow today tonight yesterday monday tuesday wednesday thursday friday saturday "
    "sunday can could would will shall should let's i we i'd i'm spend add remove change something anything "
    "nothing else more less"
)
_OF_THINGS = word_set("their its they it")
"""Words that say more of things than which they are."""
_NO_THINGS = word_set("row rows column columns cells contents wood oak pine plates salt you him her tonight")
_AROUND = word_set("the a an its their one with for of called named some")
_AFTER = word_set("please too also again thanks instead")
_OF_EACH = word_set("each every all per them these everything")
_EACH_LINKS = word_set("of for per to in on at from")
_TABLE_NOUNS = word_set("table itinerary end events plan list")


def number(word: str) -> int:
    """Return a cardinal or an ordinal: "two", "2nd", "second" are 2, "last" is -1; 0 for other words."""
    word = word.lower()
    if word in ("last", "final", "bottom"):
        return -1
    if word in ("top", "a", "an"):
        return 1
    if word in ORDINALS:
        return ORDINALS.index(word) + 1
    return small_number(re.sub(r"(?<=\d)(?:st|nd|rd|th)$", "", word)) or 0


def place(words: str) -> str | None:
    """Return a place by its name, small letters made large; None for words that name none."""
    words = re.sub(
        r"(?<!\bSt)[?!.] (?=[A-Z])", ", ", words.strip(" ,.?!")
    )  # "for Atlanta? Georgia also", as heard
    if words[:4].lower() == "the ":
        if not words[4:5].isupper():
            return None
        words = words[4:]
    found = bare(words)
    if not found or set(words_of(found)) & _NO_PLACE or not found[0].isalpha():
        return None
    return found.title() if found.islower() else found[:1].upper() + found[1:]


def days(words: str) -> int | None:
    """Return how many days are said: "three full days", "a long weekend", "a week", "2-day"."""
    said = words.lower().replace("-", " ").split()
    if "weekend" in said:
        return 3 if "long" in said else 2
    if "week" in said:
        return MOST_DAYS
    found = next((value for value in map(number, said) if value > 0), 1)
    return min(found, MOST_DAYS)


def whole_days(words: str) -> int | None:
    """Return how many days are said with their number: "five days", "a day"; a weekend is none."""
    return days(words) if {"day", "days"} & set(re.split(r"[\s-]", words.lower())) else None


def count(words: str) -> int | None:
    """Return a number of rows."""
    found = number(words)
    return min(found, MOST_ASKED_ROWS) if found > 0 else None


def row(words: str) -> str | None:
    """Return which row is meant: "day 2" for "the second day", "row -1" for the last one, "Monday"."""
    said = [word for word in words_of(words) if word not in ("the", "number", "s")]
    if len(said) == 1 and said[0].removesuffix("s").removesuffix("'") in WEEKDAYS:
        return said[0].removesuffix("s").removesuffix("'").title()
    nouns = [word for word in said if word in _ROW_NOUNS]
    found = next((value for value in map(number, said) if value), 0)
    if len(said) != 2 or not nouns or not found:
        return None
    return f"{'day' if nouns[0].startswith('day') else 'row'} {found}"


def ordinal_day(words: str) -> str | None:
    """Return the day of "the second evening"."""
    return f"day {found}" if (found := number(words)) else None


def nth(words: str) -> str | None:
    """Return the number of a row or day that is of the kind of one said before: "day one and two"."""
    return str(found) if (found := number(words)) else None


def nth_row(words: str) -> str | None:
    """Return the row of "the second one"."""
    return f"row {found}" if (found := number(words)) else None


def ordinal_column(words: str) -> str | None:
    """Return the column of "the second column"."""
    return f"column {found}" if (found := number(words)) else None


def times(words: str) -> str:
    """Return times of day as the names of columns."""
    return ", ".join(word.rstrip("s").title() for word in words_of(words) if word.rstrip("s") in PARTS)


def wish(words: str) -> str:
    """Return what else was said, without the marks before it."""
    return words.strip(" ,.;:!?")[:LONGEST_WISH]


def listed(text: str) -> list[str]:
    """Return the things that "a, b, and c" names."""
    parts = re.split(r"\s*(?:,|;|\band\b|\bplus\b|\bversus\b|\bvs\b\.?|&)\s*", text.strip(" .?!"), flags=re.I)
    return [part for part in (bare(part) for part in parts) if part]


def names(text: str) -> str | None:
    """Return the names of columns or rows that are listed, parted by commas."""
    found = dict.fromkeys(titled(column_name(part) or part) for part in listed(text))
    return ", ".join(found)[:240] or None


def several(text: str) -> str | None:
    """Return two or more names that are listed; None for one."""
    found = listed(text)
    return ", ".join(found)[:240] if len(found) > 1 else None


def things(text: str) -> str | None:
    """Return a kind of things that rows can be of; None for what stands on a table, or who sits at it."""
    words = bare(text).split()
    odd = not words or len(words) > 6 or words[-1].lower() in _NO_THINGS or number(words[-1]) != 0
    odd = odd or bool(set(words_of(text)) & _OF_THINGS)
    return None if odd else " ".join(words)


def bare(text: str) -> str:
    """Return a name without its article and what is said around it."""
    words = text.strip(" .,?!:;\"'").split()
    while words and words[0].lower() in _AROUND and len(words) > 1:
        words.pop(0)
    while words and words[-1].lower().strip(" .,?!") in _AFTER:
        words.pop()
    if [word.lower() for word in words[-2:]] == ["as", "well"]:
        words = words[:-2]
    return " ".join(words).strip(" .,?!:;\"'")


def column_name(said: str) -> str | None:
    """Return the name of a new column from the words that ask for it: "how long each takes" is "Duration"."""
    text = bare(re.split(r"[.?!;]\s|[.?!;]$", said)[0])
    words = text.split()
    low = [word.lower().strip(",") for word in words]
    for meant, name in (
        (("how", "long"), "Duration"),
        (("how", "much"), "Cost"),
        (("how", "many"), "Number"),
        (("how", "far"), "Distance"),
    ):
        if tuple(low[:2]) == meant:
            return name
    for at in range(1, len(low) - 1):
        after = low[at + 1 :]
        each = after[0] in _OF_EACH or (
            after[0] in ("the", "this") and after[1:2] and after[1] in _TABLE_NOUNS
        )
        if low[at] in _EACH_LINKS and each:
            words = words[:at]
            break
    return titled(bare(" ".join(words))[:40].strip()) or None


def old_column(words: str) -> str | None:
    """Return the name of a column that is there: "the column called cost" is "cost"."""
    if set(words_of(words)) & _ORDERS:
        return None
    return value(re.sub(r"^(?:the )?column (?:(?:called|named|with|for) )?(?=\S)", "", words, flags=re.I))


def value(text: str) -> str | None:
    """Return a new cell or name without its article."""
    return bare(text)[:120] or None


def titled(name: str) -> str:
    """Return a name as a column's title: its first letter large."""
    return name[:1].upper() + name[1:]


def singular(noun: str) -> str:
    """Return the singular of a regular English noun."""
    for end, instead in (
        ("ies", "y"),
        ("sses", "ss"),
        ("shes", "sh"),
        ("ches", "ch"),
        ("xes", "x"),
        ("oes", "o"),
    ):
        if noun.lower().endswith(end):
            return noun[: -len(end)] + instead
    return noun[:-1] if noun.lower().endswith("s") and not noun.lower().endswith("ss") else noun


def named(there: Sequence[str], said: str, *, surely: bool = False) -> str | None:
    """Return which of the names that are there is meant by these words; None where none is near.

    `surely`: words that only have a name among them, or are only near one, mean none.
    """
    wanted = bare(said).casefold()
    for name in there:
        if name.casefold() == wanted:
            return name
    stems = {singular(word) for word in words_of(wanted)}
    for name in there:
        words = {singular(word) for word in words_of(name)}
        if stems and (stems <= words or (words and words <= stems and not surely)):
            return name
    if surely:
        return None
    near = difflib.get_close_matches(wanted, [name.casefold() for name in there], 1, 0.75)
    return next((name for name in there if near and name.casefold() == near[0]), None)
