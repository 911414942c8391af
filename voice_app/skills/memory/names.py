"""The user's name as it is said, in whatever letters speech to text wrote it."""

from __future__ import annotations

import re

from voice_app.skills.memory.about import WORDS
from voice_app.skills.word_lists import word_set

PARTICLES = word_set(WORDS["particles"])
NO_NAMES = word_set(WORDS["no_names"]) | word_set(WORDS["not_value"])
TITLES = word_set("dr mr mrs ms doctor professor sir lady")
LONGEST_NAME_CHARS = 30
"""Of one word of a name."""
LONGEST_SPELLED_LETTERS = 20


def name_of(words: str) -> str | None:
    """Return a name as names are written; None for other words.

    Several words are a name where they are written large; one in small letters is, where it is no common word.
    """
    words = re.split(
        r",? (?:and )?not |,? (?:from now on|instead|please|by the way|with (?:an?|one|two) .*)$", words
    )[0]
    found = words.strip(" .,").split()
    if found and found[0].lower().rstrip(".") in TITLES and words.islower():
        found = [word.capitalize() for word in found]
    if not found or found[0].lower() in NO_NAMES or any(len(word) > LONGEST_NAME_CHARS for word in found):
        return None
    if len(found) == 1:
        return _cased(found[0][0].upper() + found[0][1:])
    fits = all(word[0].isupper() or word.lower() in PARTICLES for word in found)
    is_name = fits and found[0][0].isupper() and found[-1].lower() not in PARTICLES | NO_NAMES
    return " ".join(_cased(word) for word in found) if is_name and "I" not in found else None


def spelled_of(letters: str) -> str | None:
    """Return the name that single letters spell."""
    name = re.sub(r"[^A-Za-z]", "", letters).capitalize()
    return name if 1 < len(name) <= LONGEST_SPELLED_LETTERS else None


def _cased(word: str) -> str:
    """Return a word of a name as names are written; what mixes large and small letters stays."""
    if len(word) > 3 and re.fullmatch(r"[A-Z](?:-[A-Z])+", word):
        return word.replace("-", "").capitalize()
    return word.capitalize() if word.isupper() and len(word) > 2 else word
