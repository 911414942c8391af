"""A book as Markdown (CommonMark). Pure; the same book gives the same text."""

from __future__ import annotations

import re

from voice_app.demos.books.book import Book

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~])")


def notice(book: Book) -> str:
    """Return what a reader must know."""
    plan = book.plan
    return (
        f"Every sentence of this book was made up by a language model ({plan.model}, seed {plan.seed}). "
        "Nobody has checked what it says."
    )


def chapter_title(number: int, facet: str) -> str:
    """Return a chapter's name."""
    return f"{number}. {facet[:1].upper()}{facet[1:]}"


def book_as_markdown(book: Book) -> str:
    """Return the book: a title, contents, a heading a chapter, a section a page."""
    lines = [f"# {escaped(book.title)}", "", f"*{escaped(notice(book))}*", ""]
    lines += [
        f"- {escaped(chapter_title(chapter.number, chapter.facet)).replace('.', chr(92) + '.', 1)}: "
        f"{escaped(chapter.heading)}"
        for chapter in book.chapters
    ]
    for chapter in book.chapters:
        lines += ["", f"## {escaped(chapter_title(chapter.number, chapter.facet))}", ""]
        lines += [f"*{escaped(chapter.heading)}*"]
        for page in chapter.pages:
            lines += ["", f"### {escaped(page.heading)}"]
            for paragraph in page.paragraphs:
                lines += ["", escaped(paragraph)]
    return "\n".join(lines) + "\n"


def escaped(text: str) -> str:
    """Return a text with the characters that Markdown reads as markup taken for themselves."""
    return _SPECIAL.sub(r"\\\1", text).replace("&", "&amp;")
