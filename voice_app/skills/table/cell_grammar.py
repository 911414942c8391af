"""Grammars (GBNF, llama.cpp) that hold what a model writes into one cell, or one line a cell."""

from __future__ import annotations

from collections.abc import Sequence

CELL_CHARS = r'[^|\\"`*_#<>\[\]{}\x00-\x20\x7f-\xa0,;:!?()/=~^]'
"""What a word of a cell is made of: no marks of Markdown or JSON, no white space, no stop but the full one."""


def literal(text: str) -> str:
    """Return a terminal that stands for exactly this text, whatever is in it."""
    escaped = (_ESCAPES.get(char) or (char if char.isprintable() else _code(char)) for char in text)
    return '"' + "".join(escaped) + '"'


_ESCAPES = {'"': r"\"", "\\": r"\\", "\n": r"\n", "\r": r"\r", "\t": r"\t"}


def _code(char: str) -> str:
    return f"\\U{ord(char):08x}"


def one_of(choices: Sequence[str]) -> str:
    """Return a group that is one of these texts. There must be one."""
    return "(" + " | ".join(map(literal, choices)) + ")"


def phrase(parts: Sequence[Sequence[str]]) -> str:
    """Return the grammar of one part of each list, in order."""
    return "root ::= " + " ".join(map(one_of, parts))


def words(most: int) -> str:
    """Return the grammar of one to `most` words of at most 16 characters."""
    return f'root ::= word (" " word){{0,{most - 1}}}\nword ::= {CELL_CHARS}{{1,16}}'


def begun(starts: Sequence[str], most: int) -> str:
    """Return the grammar of one of these beginnings and one to `most` words after it, the first a name or "the"."""
    more = f'(" " word){{0,{most - 1}}}'
    return f'root ::= {one_of(starts)} " " ("the " word | word) {more}\nword ::= {CELL_CHARS}{{1,16}}'


def lines(count: int, most_words: int) -> str:
    """Return the grammar of `count` lines of one to `most_words` words each."""
    more = f' ("\\n" line){{{count - 1}}}' if count > 1 else ""
    line = f'word (" " word){{0,{most_words - 1}}}'
    return f"root ::= line{more}\nline ::= {line}\nword ::= {CELL_CHARS}{{1,16}}"


def choice(options: Sequence[str]) -> str:
    """Return the grammar of one of these texts."""
    return "root ::= " + one_of(options)
