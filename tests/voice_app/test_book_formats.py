"""A book as Markdown and EPUB: valid, whole, the same bytes, whatever its words are."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import zipfile
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from tests.voice_app.book_model import plan
from voice_app.demos.books.book import Book, Page, WrittenChapter
from voice_app.demos.books.book_markdown import book_as_markdown
from voice_app.demos.books.book_plan import checked_topic, title
from voice_app.demos.books.epub import epub

HOSTILE = 'A & <b>B</b> "c" *d* _e_ [f](g) #h `i` | ]]> 1. – é 你'
lines = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=20).map(
    lambda text: f"x {text}"
)
page_lists = st.lists(st.tuples(lines, st.lists(lines, min_size=1, max_size=3)), min_size=1, max_size=3)
books = st.lists(page_lists, min_size=1, max_size=4)


def book_of(chapters: list[list[tuple[str, list[str]]]], topic: str = "bees & <hives>") -> Book:
    """Return a book with these pages."""
    return Book(
        plan(sum(map(len, chapters)), topic=topic),
        title(topic),
        tuple(
            WrittenChapter(
                number,
                "tools",
                f"x {number}?",
                tuple(Page(heading, tuple(texts)) for heading, texts in pages),
            )
            for number, pages in enumerate(chapters, 1)
        ),
    )


def texts_of(data: bytes) -> list[str]:
    """Return what the pages of an EPUB say, in the order of its spine."""
    found = []
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        package = ET.fromstring(archive.read("OEBPS/package.opf"))
        opf = {"o": "http://www.idpf.org/2007/opf"}
        files = {item.get("id"): item.get("href") for item in package.iterfind("o:manifest/o:item", opf)}
        for reference in package.iterfind("o:spine/o:itemref", opf):
            root = ET.fromstring(archive.read(f"OEBPS/{files[reference.get('idref')]}"))
            html = "{http://www.w3.org/1999/xhtml}"
            found += [
                "".join(node.itertext()) for node in root.iter() if node.tag in (f"{html}h2", f"{html}p")
            ]
    return found


@settings(max_examples=100, deadline=None)
@given(books)
def test_an_epub_says_what_the_book_says(chapters: list[list[tuple[str, list[str]]]]) -> None:
    """Every heading and paragraph in order, out of well-formed XML; the same book is the same file."""
    book = book_of(chapters)
    said = [text for page in book.pages for text in (page.heading, *page.paragraphs)]
    found = [text for text in texts_of(epub(book)) if text in said]

    assert [text for text in found if text not in {c.heading for c in book.chapters}] == said
    assert epub(book) == epub(book)


@settings(max_examples=100, deadline=None)
@given(books)
def test_markdown_says_what_the_book_says(chapters: list[list[tuple[str, list[str]]]]) -> None:
    """Parsed as CommonMark: no word of the text has become markup."""
    book = book_of(chapters)
    tokens = MarkdownIt("commonmark").parse(book_as_markdown(book))
    after = [
        ("".join(child.content for child in body.children or []), start.tag)
        for start, body in zip(tokens, tokens[1:], strict=False)
        if body.type == "inline" and start.level == 0
    ]

    assert [text for text, tag in after if tag == "h3"] == [page.heading for page in book.pages]
    for page in book.pages:
        for paragraph in page.paragraphs:
            assert (paragraph, "p") in after


def test_hostile_words_stay_words() -> None:
    """Markup in a topic, a heading or a paragraph is text in both formats."""
    book = book_of([[(HOSTILE, [HOSTILE])]], checked_topic(HOSTILE))

    assert texts_of(epub(book))[-2:] == [HOSTILE, HOSTILE]
    assert "<b>" not in book_as_markdown(book)


def test_the_mimetype_comes_first_and_is_stored() -> None:
    """What readers look at to know an EPUB (OCF 3.3, section 4.3)."""
    data = epub(book_of([[("x y", ["x z"])]]))

    assert data[30:58] == b"mimetypeapplication/epub+zip"


@pytest.mark.skipif(
    not shutil.which("epubcheck"), reason="epubcheck is not installed (Debian: apt install epubcheck)"
)
def test_epubcheck_finds_nothing(tmp_path: Path) -> None:
    """The W3C's checker: no error, no warning, for a book with hostile words."""
    path, report = tmp_path / "book.epub", tmp_path / "report.json"
    pages = [(HOSTILE, [HOSTILE, "Plain words."]), ("A second page?", ["More."])]
    path.write_bytes(epub(book_of([pages, pages[:1]], checked_topic(HOSTILE))))
    command = ["java", "-jar", str(shutil.which("epubcheck")), str(path), "--json", str(report)]
    subprocess.run(command, capture_output=True, check=False, timeout=100)

    assert json.loads(report.read_text())["messages"] == []
