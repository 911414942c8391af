"""A book as EPUB 3.3 (W3C): a ZIP of XHTML. Pure bytes, the same for the same book.

Written with the standard library: what EPUB libraries there are put the time of day into their files, so that no two
are equal, or have a licence (AGPL) that would pass on to this program.
"""

from __future__ import annotations

import io
import uuid
import zipfile
from xml.etree import ElementTree as ET

from voice_app.demos.books.book import Book, WrittenChapter
from voice_app.demos.books.book_markdown import chapter_title, notice
from voice_app.demos.books.book_plan import digest

MODIFIED = "2000-01-01T00:00:00Z"
"""EPUB demands a date of change; any other than a fixed one would make equal books different."""
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)
_XHTML, _OPS = "http://www.w3.org/1999/xhtml", "http://www.idpf.org/2007/ops"
_OPF, _DC = "http://www.idpf.org/2007/opf", "http://purl.org/dc/elements/1.1/"
_CONTAINER = "urn:oasis:names:tc:opendocument:xmlns:container"
_CSS = "body { line-height: 1.5; margin: 5%; } h1, h2 { line-height: 1.2; } .lead { font-style: italic; }\n"


def epub(book: Book) -> bytes:
    """Return the file's content."""
    files = {
        "META-INF/container.xml": _container(),
        "OEBPS/package.opf": _package(book),
        "OEBPS/nav.xhtml": _navigation(book),
        "OEBPS/title.xhtml": _title_page(book),
        "OEBPS/style.css": _CSS.encode(),
    }
    files |= {f"OEBPS/{_name(chapter)}.xhtml": _chapter(chapter) for chapter in book.chapters}
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr(zipfile.ZipInfo("mimetype", _ZIP_TIME), b"application/epub+zip")  # first, and stored
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, _ZIP_TIME), content, zipfile.ZIP_DEFLATED)
    return held.getvalue()


def _name(chapter: WrittenChapter) -> str:
    return f"chapter-{chapter.number:02}"


def _container() -> bytes:
    root = ET.Element(f"{{{_CONTAINER}}}container", version="1.0")
    files = ET.SubElement(root, f"{{{_CONTAINER}}}rootfiles")
    ET.SubElement(
        files,
        f"{{{_CONTAINER}}}rootfile",
        {"full-path": "OEBPS/package.opf", "media-type": "application/oebps-package+xml"},
    )
    return _xml(root, {"": _CONTAINER})


def _package(book: Book) -> bytes:
    root = ET.Element(f"{{{_OPF}}}package", {"version": "3.0", "unique-identifier": "id"})
    metadata = ET.SubElement(root, f"{{{_OPF}}}metadata")
    identifier = f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, digest(book.plan))}"
    ET.SubElement(metadata, f"{{{_DC}}}identifier", id="id").text = identifier
    for name, text in (("title", book.title), ("language", "en"), ("creator", book.plan.model)):
        ET.SubElement(metadata, f"{{{_DC}}}{name}").text = text
    ET.SubElement(metadata, f"{{{_OPF}}}meta", property="dcterms:modified").text = MODIFIED
    manifest = ET.SubElement(root, f"{{{_OPF}}}manifest")
    spine = ET.SubElement(root, f"{{{_OPF}}}spine")
    texts = ["title", "nav", *map(_name, book.chapters)]
    for name in texts:
        item = {"id": name, "href": f"{name}.xhtml", "media-type": "application/xhtml+xml"}
        ET.SubElement(manifest, f"{{{_OPF}}}item", item | ({"properties": "nav"} if name == "nav" else {}))
        ET.SubElement(spine, f"{{{_OPF}}}itemref", idref=name)
    ET.SubElement(manifest, f"{{{_OPF}}}item", {"id": "style", "href": "style.css", "media-type": "text/css"})
    return _xml(root, {"": _OPF, "dc": _DC})


def _navigation(book: Book) -> bytes:
    root, body = _page("Contents")
    nav = ET.SubElement(body, "nav", {f"{{{_OPS}}}type": "toc", "id": "toc"})
    ET.SubElement(nav, "h1").text = "Contents"
    chapters = ET.SubElement(nav, "ol")
    for chapter in book.chapters:
        entry = ET.SubElement(chapters, "li")
        ET.SubElement(entry, "a", href=f"{_name(chapter)}.xhtml").text = _title(chapter)
        pages = ET.SubElement(entry, "ol")
        for number, page in enumerate(chapter.pages, 1):
            line = ET.SubElement(pages, "li")
            ET.SubElement(line, "a", href=f"{_name(chapter)}.xhtml#page-{number}").text = page.heading
    return _xml(root, {"epub": _OPS})


def _title_page(book: Book) -> bytes:
    root, body = _page(book.title)
    ET.SubElement(body, "h1").text = book.title
    ET.SubElement(body, "p", {"class": "lead"}).text = notice(book)
    return _xml(root, {})


def _chapter(chapter: WrittenChapter) -> bytes:
    root, body = _page(_title(chapter))
    ET.SubElement(body, "h1").text = _title(chapter)
    ET.SubElement(body, "p", {"class": "lead"}).text = chapter.heading
    for number, page in enumerate(chapter.pages, 1):
        section = ET.SubElement(body, "section", id=f"page-{number}")
        ET.SubElement(section, "h2").text = page.heading
        for paragraph in page.paragraphs:
            ET.SubElement(section, "p").text = paragraph
    return _xml(root, {})


def _title(chapter: WrittenChapter) -> str:
    return chapter_title(chapter.number, chapter.facet)


def _page(title: str) -> tuple[ET.Element, ET.Element]:
    """Return an XHTML page and its body."""
    root = ET.Element("html", {"xmlns": _XHTML, "lang": "en", "xml:lang": "en"})
    head = ET.SubElement(root, "head")
    ET.SubElement(head, "title").text = title
    ET.SubElement(head, "link", rel="stylesheet", type="text/css", href="style.css")
    return root, ET.SubElement(root, "body")


def _xml(root: ET.Element, names: dict[str, str]) -> bytes:
    for prefix, space in names.items():
        ET.register_namespace(prefix, space)
    return bytes(ET.tostring(root, "utf-8", xml_declaration=True)) + b"\n"
