"""The clause splitter: cuts a reply that arrives in deltas into clauses, the first one as early as it can."""

from __future__ import annotations

from dataclasses import dataclass, replace

from inference.text import blocks
from inference.text.blocks import Block
from inference.text.boundaries import FIRST, FOLLOWING, SHORT_FIRST, TABLE, end_of_clause
from inference.text.languages import DEFAULT, find_language
from inference.text.speakable import speakable

_MAX_STEP = 1000
"""Characters of a delta that are looked at together: the work is linear for a reply in one piece, too."""
_MAX_BLANK = 200


@dataclass(frozen=True, slots=True)
class Clause:
    """A piece of a reply that is spoken together."""

    raw: str
    """The exact slice of the reply. All of them together are the reply."""
    text: str
    """The same for the voice; empty when there is nothing to say."""
    index: int
    """Counts the clauses of a reply from 0."""


class ClauseSplitter:
    """Cuts a streamed reply into clauses. The cuts do not depend on how the reply is divided into deltas.

    The first clause may end at a comma, colon, semicolon or dash; the others are sentences, lines, or
    parts of long sentences. A table or a block of code is one clause with a short sentence in its place.
    With `short_first` the first clause may also end between two phrases of a sentence. Raises UnknownLanguage.
    """

    def __init__(self, *, short_first: bool = False, language: str = DEFAULT) -> None:
        self._language = find_language(language)
        self._first = SHORT_FIRST if short_first else FIRST
        self._reset()

    def _reset(self) -> None:
        self._pending = ""
        self._block: Block | None = None
        self._line_start = True
        self._spoken = False
        self._index = 0

    def push(self, delta: str) -> list[Clause]:
        """Take the next characters of the reply and return the clauses that they complete."""
        clauses = []
        for start in range(0, len(delta), _MAX_STEP):
            self._pending += delta[start : start + _MAX_STEP]
            clauses += self._take(ended=False)
        return clauses

    def flush(self) -> list[Clause]:
        """End the reply, return what is left of it, and be ready for the next one."""
        clauses = self._take(ended=True)
        self._reset()
        return clauses

    def _take(self, ended: bool) -> list[Clause]:
        clauses = []
        while self._pending and (clause := self._next(ended)):
            clauses.append(clause)
        return clauses

    def _next(self, ended: bool) -> Clause | None:
        if self._block is None:
            head = self._pending.lstrip()
            blank = len(self._pending) - len(head)
            if blank >= _MAX_BLANK:
                return self._emit(_MAX_BLANK, "")
            if not head:
                return self._emit(blank, "") if ended else None
            self._line_start = self._line_start or "\n" in self._pending[:blank]
            if self._line_start:
                kind = blocks.opening(head, ended)
                if kind is None:
                    return None
                if isinstance(kind, Block):
                    self._block = replace(kind, body=kind.body + blank)
        return self._next_of_block(self._block, ended) if self._block else self._next_of_prose(ended)

    def _next_of_prose(self, ended: bool) -> Clause | None:
        limits = FOLLOWING if self._spoken else self._first
        end = end_of_clause(self._pending, limits, self._language, line_start=self._line_start, ended=ended)
        if end is None:
            return None
        if end == TABLE:
            self._block = Block(
                "table", body=len(self._pending) - len(self._pending.lstrip()), bordered=False
            )
            return self._next_of_block(self._block, ended)
        text = self._speakable(self._pending[:end])
        # A line is a sentence to the ear, also without a full stop: headings, items of a list.
        full_stop = "." if self._pending[end - 1] == "\n" and text[-1:].isalpha() else ""
        # A part of a sentence goes on: a comma keeps the voice up.
        comma = "," if limits.phrase_words and text[-1:].isalpha() and not (ended or full_stop) else ""
        return self._emit(end, text + full_stop + comma)

    def _next_of_block(self, block: Block, ended: bool) -> Clause | None:
        found = blocks.piece(self._pending, block, ended)
        if found is None:
            return None
        end, self._block = found
        if block.announced:
            return self._emit(end, "")
        raw = self._pending[:end]
        if block.kind == "code":
            return self._emit(end, self._language.code_text)
        rows = blocks.table_cells(raw)
        return self._emit(end, self._speakable(self._language.table_text(rows, whole=self._block is None)))

    def _speakable(self, text: str) -> str:
        return speakable(text, self._language.code)

    def _emit(self, end: int, text: str) -> Clause:
        clause = Clause(self._pending[:end], text, self._index)
        self._pending = self._pending[end:]
        self._line_start = clause.raw.endswith("\n")
        self._spoken = self._spoken or bool(text)
        self._index += 1
        return clause
