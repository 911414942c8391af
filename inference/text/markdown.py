"""Markdown to plain text, by parsing: what is marked up stays, the marks go."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from inference.text.blocks import table_cells
from inference.text.language import Language

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_TAG = re.compile(r"<!--.{0,2000}?-->|</?[A-Za-z!][^<>]{0,500}>", re.DOTALL)
_UNMARKED = re.compile(r"[^\W\d_](?:[^\W_]|[ ,.;:?!'-])*+")
"""One line that starts with a letter and has no character that Markdown knows: not worth parsing."""
_LAST = re.compile(r"[.!?:;,…]['\"”’)\]*_`]*$")


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt  # 40 ms to import

    # Indented text in a reply is a matter of layout far more often than it is code.
    return MarkdownIt("commonmark").enable(["table", "strikethrough"]).disable("code")


def _inline(token: Token) -> str:
    parts = []
    for child in token.children or []:
        if child.type in ("text", "code_inline", "image"):
            parts.append(child.content)
        elif child.type in ("softbreak", "hardbreak") or child.content.lower().startswith("<br"):
            parts.append(" ")
    return "".join(parts)


def _item_number(token: Token) -> str:
    """Say the number of a list item as part of its sentence; a longer one is a year or a count of its own."""
    if not token.info:
        return ""
    return f"{token.info}, " if len(token.info) <= 2 else f"{token.info}. "


def _blocks(source: str, language: Language) -> list[str]:
    lines = source.split("\n")
    blocks, opening, in_table = [], "", False
    for token in _parser().parse(source):
        if token.type == "table_open" and token.map:
            blocks.append(language.table_text(table_cells("\n".join(lines[token.map[0] : token.map[1]]))))
        in_table = token.type == "table_open" or (in_table and token.type != "table_close")
        if token.type == "list_item_open":
            opening = _item_number(token)
        elif token.type == "fence":
            blocks.append(language.code_text)
        elif token.type == "html_block":
            blocks.append(_TAG.sub(" ", token.content))
        elif token.type == "inline" and not in_table:
            blocks.append(opening + _inline(token))
            opening = ""
        elif token.type == "list_item_close" and opening:
            # A reply may consist of "3." alone.
            blocks.append(opening.replace(",", "."))
            opening = ""
    return [block.strip() for block in blocks if block.strip()]


def plain(source: str, language: Language) -> str:
    """Return the text of Markdown on one line; a block that is followed by another ends like a sentence.

    Tables and code are replaced by a sentence of `language`.
    """
    if _UNMARKED.fullmatch(source):
        return source
    blocks = _blocks(source, language)
    ended = [block if _LAST.search(block[-8:]) else block + "." for block in blocks[:-1]]
    return " ".join([*ended, *blocks[-1:]]).replace("\n", " ")
