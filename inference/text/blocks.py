"""Tables and code in a reply: where such a block begins and ends, and the cells of a table."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal

MAX_BLOCK = 4000
"""Characters after which a block that does not end is passed on in pieces."""
_UNDECIDED = 200
"""Characters of a line within which its kind must show."""

_FENCE = re.compile(r"(?P<fence>`{3,20}+|~{3,20}+)[^`]*")
_FENCE_START = re.compile(r"`{1,2}|~{1,2}")
_RULE_START = re.compile(r"[-:| \t]*")
_RULE = re.compile(r"(?=[^\n]*\|)(?=[^\n]*-)[-:| \t]+")
_CELL_BORDER = re.compile(r"(?<!\\)\|")


@dataclass(frozen=True, slots=True)
class Block:
    """A table or a fenced piece of code that is being received."""

    kind: Literal["table", "code"]
    fence: str = ""
    body: int = 0
    """Characters before the first place where the block may end."""
    bordered: bool = True
    """Every line of the table starts with a pipe."""
    announced: bool = False
    """Its sentence has been given out with an earlier piece."""


def is_rule(line: str) -> bool:
    """Return whether a line is the delimiter row of a table: "--- | :--:"."""
    return _RULE.fullmatch(line) is not None


def opening(text: str, ended: bool) -> Block | Literal["prose"] | None:
    """Return the kind of the line that starts `text`, which is not blank there; None while more must be seen."""
    if text[0] == "|":
        return Block("table")
    line, line_break, _ = text.partition("\n")
    if len(line) >= _UNDECIDED:
        return "prose"
    whole = ended or bool(line_break)
    if match := _FENCE.fullmatch(line):
        # The line break that ends the opening line may also start the closing one.
        return Block("code", match["fence"], body=len(line)) if whole else None
    if whole:
        return Block("table", bordered=False) if is_rule(line) else "prose"
    return None if _FENCE_START.fullmatch(line) or _RULE_START.fullmatch(line) else "prose"


def heads_table(line: str, rest: str, ended: bool) -> bool | None:
    """Return whether `line` has a pipe and `rest` starts with a delimiter row; None while more must be seen."""
    if "|" not in line:
        return False
    following, line_break, _ = rest.partition("\n")
    if len(following) >= _UNDECIDED:
        return False
    if line_break or ended:
        return is_rule(following)
    return None if _RULE_START.fullmatch(following) else False


def piece(text: str, block: Block, ended: bool) -> tuple[int, Block | None] | None:
    """Return the length of the next piece of `block` at the start of `text`, and the block if it goes on.

    None while more must be seen. A piece is the whole block, unless it exceeds `MAX_BLOCK`.
    """
    end = _end_of_code(text, block, ended) if block.kind == "code" else _end_of_table(text, block, ended)
    if end is not None and end <= MAX_BLOCK:
        return end, None
    if end is not None or len(text) > MAX_BLOCK + _UNDECIDED:
        cut = text.rfind("\n", block.body + 1, MAX_BLOCK)
        return (cut if cut > 0 else MAX_BLOCK), replace(block, announced=True, body=0)
    return (len(text), None) if ended else None


def _end_of_code(text: str, block: Block, ended: bool) -> int | None:
    mark, length = block.fence[0], len(block.fence)
    close = re.compile(rf"\n[ \t]{{0,8}}{mark}{{{length},30}}[ \t]{{0,8}}(?P<end>\n|\Z)").search(
        text, block.body
    )
    return close.end() if close and (close["end"] or ended) else None


def _end_of_table(text: str, block: Block, ended: bool) -> int | None:
    start = text.find("\n", block.body) + 1
    while start:
        line, line_break, _ = text[start : start + _UNDECIDED].partition("\n")
        if not _continues(line, block):
            judged = ended or bool(line_break) or len(line) == _UNDECIDED or (block.bordered and line.strip())
            return start if judged else None
        start = text.find("\n", start) + 1
    return None


def _continues(line: str, block: Block) -> bool:
    return line.lstrip()[:1] == "|" if block.bordered else "|" in line


def table_cells(source: str) -> list[list[str]]:
    """Return the rows of a Markdown table as raw cells, without the delimiter row; the header is first."""
    lines = [line.strip() for line in source.strip().split("\n")]
    return [
        [cell.strip() for cell in _CELL_BORDER.split(line.removeprefix("|").removesuffix("|"))]
        for line in lines
        if line and not is_rule(line)
    ]
