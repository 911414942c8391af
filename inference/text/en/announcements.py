"""The English sentences that are spoken in place of a table or of code."""

from __future__ import annotations

from inference.text.en.numerals import cardinal

CODE_TEXT = "Here is some code."
_MAX_COLUMNS = 8


def table_text(rows: list[list[str]], whole: bool = True) -> str:
    """Return the sentence spoken for a table: "Here is a table with three rows: day, activity, and cost.".

    Without `whole` the rows are not counted. Cells are raw Markdown still.
    """
    names = [_in_sentence(cell) for cell in (rows[0] if rows else []) if cell][: _MAX_COLUMNS + 1]
    if len(names) > _MAX_COLUMNS:
        names = [*names[:_MAX_COLUMNS], "more"]
    count = len(rows) - 1 if whole else 0
    size = f" with {cardinal(str(count))} {'row' if count == 1 else 'rows'}" if count > 0 else ""
    return f"Here is a table{size}" + (f": {_listed(names)}." if names else ".")


def _in_sentence(cell: str) -> str:
    name = cell[:80].strip(" *_`.,;:!?")
    return name[:1].lower() + name[1:] if name[1:].islower() else name


def _listed(names: list[str]) -> str:
    if len(names) < 3:
        return " and ".join(names)
    return ", ".join(names[:-1]) + f", and {names[-1]}"
