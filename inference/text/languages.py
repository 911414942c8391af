"""The languages that replies can be spoken in, by their codes. A new one is a folder beside `en/` and a line here."""

from __future__ import annotations

from inference.errors import UnknownLanguage
from inference.text.en import ENGLISH
from inference.text.language import Language

DEFAULT = ENGLISH.code
LANGUAGES = {language.code: language for language in (ENGLISH,)}


def find_language(code: str) -> Language:
    """Return the language with an ISO 639-1 code. Raises UnknownLanguage."""
    if code not in LANGUAGES:
        raise UnknownLanguage(code, sorted(LANGUAGES))
    return LANGUAGES[code]
