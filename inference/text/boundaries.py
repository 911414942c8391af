"""Where a clause of prose ends: judged from left to right, as soon as the next characters tell."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from inference.text.blocks import heads_table
from inference.text.language import Language

TABLE = -1
"""Returned in place of an end: the line heads a table."""
MAX_CLAUSE = 250
"""Characters of the longest clause; a cut at a space is better than a voice that waits."""
_LOOKAHEAD = 8
"""White space after a full stop beyond which the next word no longer matters."""


@dataclass(frozen=True, slots=True)
class Limits:
    """When a clause may end at a comma."""

    soft_after: int
    """Characters after which any comma will do, and the last one before is taken if it is not too early."""
    alphanumerics: int
    """What the clause must at least hold before a comma."""
    few_alphanumerics: int
    """What is enough when it holds two words or more."""
    phrase_words: int | None = None
    """Words after which it may also end between two phrases; None: it may not."""


FIRST = Limits(soft_after=0, alphanumerics=10, few_alphanumerics=6)
"""The first clause: its end starts the voice, so any pause that leaves two words will do."""
SHORT_FIRST = replace(FIRST, phrase_words=3)
"""The first clause where time presses: also part of a sentence."""
FOLLOWING = Limits(soft_after=120, alphanumerics=40, few_alphanumerics=40)
"""Later clauses: the voice is already speaking, and sounds best on whole sentences."""

_CLOSERS = r"[\"'”’)\]*_`]{0,8}"
_CANDIDATE = re.compile(
    rf"\n|(?P<stop>[.!?…]{{1,20}}|[。！？]{{1,20}}){_CLOSERS}|(?P<soft>[,;:，；：、]){_CLOSERS}"
    r"|(?P<em>—{1,8})|(?P<dash>(?<=\s)(?:--?|–)(?!\S))"
)
_ALPHANUMERIC = re.compile(r"[^\W_]")
_TOKEN = re.compile(r"[^\s(\[{\"'“‘*_`—]*$")
_LIST_MARKER = re.compile(r"\s*(?:[*_>#-]+\s*)*(?:\d{1,3}|[A-Za-z])")
_DOTTED = re.compile(r"[A-Za-z](?:\.[A-Za-z])+")
_BETWEEN_WORDS = re.compile(r"(?<=[a-z]) (?=[a-z])")
_INITIAL = re.compile(r"[A-Z]")


def end_of_clause(
    text: str, limits: Limits, language: Language, *, line_start: bool, ended: bool
) -> int | None:
    """Return the length of the first clause of `text`, `TABLE` if a table starts instead, None while unknown.

    `line_start`: nothing but white space stands before the text on its line. `ended`: nothing follows `text`.
    The answer for a text is the answer for any text that starts with it.
    """
    soft = 0
    spoken = _ALPHANUMERIC.search(text)
    phrase = language.phrase_end(text, limits.phrase_words) if limits.phrase_words else None
    for match in _CANDIDATE.finditer(text, 0, phrase or len(text)):
        if match.start() >= MAX_CLAUSE or (soft and match.start() >= limits.soft_after):
            break
        end = _end_at(text, match, language, line_start=line_start, ended=ended)
        if end is None or end == TABLE:
            return end
        if not end or not _has_content(text, match, spoken):
            continue
        if not _is_soft(match):
            return min(end, MAX_CLAUSE)
        if _has_enough(text[: match.start()], limits):
            if match.start() >= limits.soft_after:
                return min(end, MAX_CLAUSE)
            soft = end
    if soft and len(text) > limits.soft_after:
        return soft
    return phrase or _end_without_mark(text, ended)


def _end_without_mark(text: str, ended: bool) -> int | None:
    if len(text) > MAX_CLAUSE:
        return _space_before(text, MAX_CLAUSE)
    return len(text) if ended else None


def _has_content(text: str, match: re.Match[str], spoken: re.Match[str] | None) -> bool:
    """Return whether there is something to say before the mark, or to get past: a line such as "---"."""
    if match[0] == "\n":
        return bool(text[: match.start()].strip())
    return spoken is not None and spoken.end() <= match.start()


def _is_soft(match: re.Match[str]) -> bool:
    return bool(match["soft"] or match["em"] or match["dash"])


def _has_enough(text: str, limits: Limits) -> bool:
    letters = sum(map(str.isalnum, text))
    return letters >= limits.alphanumerics or (letters >= limits.few_alphanumerics and len(text.split()) >= 2)


def _end_at(
    text: str, match: re.Match[str], language: Language, *, line_start: bool, ended: bool
) -> int | None:
    """Return where a clause ends that ends at this mark; 0 if it does not, `TABLE`, or None while unknown."""
    after = match.end()
    if match[0] == "\n":
        return _end_at_line(text, after, line_start, ended)
    if after == len(text):
        return after if ended else None
    if match["em"]:
        apart = not (text[match.start() - 1 : match.start()].isdigit() or text[after].isdigit())
        return after + text[after].isspace() if apart else 0
    if match[0][0] in "。！？，；：、":
        return after
    if not text[after].isspace():
        return 0
    if text[after] == "\n":
        return 0  # the line break decides
    return _end_at_space(text, match, language, line_start=line_start, ended=ended)


def _end_at_line(text: str, after: int, line_start: bool, ended: bool) -> int | None:
    line = text[:after].strip()
    if line_start and line and "\n" not in line:
        heads = heads_table(line, text[after:], ended)
        if heads is not False:
            return TABLE if heads else None
    return after


def _end_at_space(
    text: str, match: re.Match[str], language: Language, *, line_start: bool, ended: bool
) -> int | None:
    end = match.end() + 1
    if match["stop"]:
        verdict = _ends_sentence(text, match, language, line_start=line_start, ended=ended)
    elif match["dash"] or text[: match.start()].rstrip()[-1:].isdigit():
        # "May 1, 2024", "3 - 2", "9 am - 5 pm"
        following = _following(text, match.end(), ended)
        verdict = None if following is None else not following.isdigit()
    else:
        verdict = True
    return end if verdict else None if verdict is None else 0


def _following(text: str, start: int, ended: bool) -> str | None:
    """Return the first character of the next word on the line, "" if there is none, None while unknown."""
    blank = text[start : start + _LOOKAHEAD]
    word = blank.lstrip(" \t\"'“‘(*_")
    if word:
        return "" if word[0].isspace() else word[0]
    return "" if ended or len(blank) == _LOOKAHEAD else None


def _ends_sentence(
    text: str, match: re.Match[str], language: Language, *, line_start: bool, ended: bool
) -> bool | None:
    """Return whether a stop that a space follows ends its sentence; None while the next word must be seen."""
    stop = match["stop"]
    if stop != ".":
        quoted = match[0] != stop and match[0][-1] in "\"'”’"
        if stop == "!" and text[: match.start()][-1:].isdigit():
            return _unless(text, match, ended, "=+*/×-".__contains__)  # a factorial
        if not (quoted or stop.startswith("..") or "…" in stop):
            return True
        return _unless(text, match, ended, str.islower)
    token = _TOKEN.search(text, max(0, match.start() - 40), match.start())
    word = token[0] if token else ""
    if line_start and _LIST_MARKER.fullmatch(text[: match.start()]):
        return False
    return _after_word(word, text, match, language, ended)


def _after_word(word: str, text: str, match: re.Match[str], language: Language, ended: bool) -> bool | None:
    key, stops = word.lower(), language.full_stops
    if key in stops.before_number:
        return _unless(text, match, ended, str.isdigit)
    if key in stops.before_capital:
        return _unless(text, match, ended, str.isupper)
    if key in stops.never_last:
        return False
    if key in stops.maybe_last:
        return _unless(text, match, ended, lambda following: following.islower() or following.isdigit())
    if _DOTTED.fullmatch(word):
        return _unless(text, match, ended, str.isalnum)
    if _INITIAL.fullmatch(word):
        # "J. R. R. Tolkien"; but "and I. Then" ends.
        alone = word in stops.one_letter_words and text[: match.start() - 1].strip()
        return True if alone else _unless(text, match, ended, str.isupper)
    return True


def _unless(text: str, match: re.Match[str], ended: bool, goes_on: Callable[[str], bool]) -> bool | None:
    following = _following(text, match.end(), ended)
    return None if following is None else not goes_on(following)


def _space_before(text: str, limit: int) -> int:
    """Return where to cut at `limit` at the latest: after a space between two plain words, or any space."""
    between_words = [space.end() for space in _BETWEEN_WORDS.finditer(text, 0, limit)]
    if between_words and between_words[-1] > limit // 2:
        return between_words[-1]
    space = max(text.rfind(mark, 1, limit) for mark in " \t\n")
    return space + 1 if space > 0 and text[:space].strip() else limit
