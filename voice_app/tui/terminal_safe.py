"""Text of any origin as characters that a terminal only shows. Pure."""

from __future__ import annotations

LINES_KEPT = {"\n": "\n", "\r": "", "\t": "    "}


def _table() -> dict[int, str]:
    """Return what each dangerous character is shown as.

    C0 controls and DEL as Unicode's control pictures (U+2400 on); C1 controls, marks that turn the direction of
    writing round (Unicode UAX #9), line separators, and halves of surrogate pairs as the replacement character.
    """
    pictures = {code: chr(0x2400 + code) for code in range(0x20)} | {0x7F: "\u2421"}
    kept = {ord(char): shown for char, shown in LINES_KEPT.items()}
    unsafe = (
        range(0x80, 0xA0),
        (0x61C, 0x200E, 0x200F, 0x2028, 0x2029),
        range(0x202A, 0x202F),
        range(0x2066, 0x206A),
    )
    return pictures | kept | {code: "\ufffd" for codes in unsafe for code in codes}


TABLE = _table()


def terminal_safe(text: str) -> str:
    """Return text without anything a terminal obeys: an escape sequence is shown, not followed.

    Works character by character: pieces made safe one by one are together the whole made safe.
    """
    return _whole(text).translate(TABLE)


def one_line(text: str) -> str:
    """Return terminal-safe text on one line."""
    return " ".join(terminal_safe(text).split())


def _whole(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a pair of surrogates can't be written to any terminal
        return "".join("\ufffd" if "\ud800" <= char <= "\udfff" else char for char in text)
    return text


def bounded(text: str, most: int) -> tuple[str, int]:
    """Return the first `most` characters of text, and how many more there were."""
    return text[:most], max(0, len(text) - most)
