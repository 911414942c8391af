"""Text made speakable: Markdown, numbers, symbols and abbreviations become plain words of a language."""

from __future__ import annotations

from inference.text.language import Language
from inference.text.languages import DEFAULT, find_language
from inference.text.markdown import plain

_MAX_PIECE = 1000
"""Characters given to the Markdown parser at once; it is quadratic on text such as "[[[[["."""
_MAX_PASSES = 6


def speakable(text: str, language: str = DEFAULT) -> str:
    """Return `text`, a piece of a Markdown reply, as one line of words for a voice of a language.

    The result holds letters, spaces and `. , ; : ! ? ' -` alone; it is '' when nothing is left to say.
    The time is linear in the length; speaking the result again changes nothing.
    Raises UnknownLanguage, and nothing else.
    """
    spoken_in = find_language(language)
    words = _read(text, spoken_in)
    for _ in range(_MAX_PASSES):
        # Plain words pass unchanged. What two removed marks brought together, "e.*g.*", is read here.
        again = _read(words, spoken_in)
        if again == words:
            break
        words = again
    return words


def _read(text: str, language: Language) -> str:
    pieces = (language.normalise(plain(language.formulas(piece), language)) for piece in _pieces(text))
    return " ".join(filter(None, pieces))


def _pieces(text: str) -> list[str]:
    """Cut text into pieces of bounded length at a blank line, a line break, or a space, in this order."""
    pieces = []
    start = 0
    while len(text) - start > _MAX_PIECE:
        limit = start + _MAX_PIECE
        breaks = (text.rfind(mark, start + _MAX_PIECE // 2, limit) for mark in ("\n\n", "\n", " "))
        end = next((place for place in breaks if place > 0), limit)
        pieces.append(text[start:end])
        start = end
    return [*pieces, text[start:]]
