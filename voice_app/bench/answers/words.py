"""Whether an answer says certain words: small letters, no marks but those inside numbers. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from voice_app.bench.answers.sets import Words

TOKEN = re.compile(r"\w+(?:[.:/'’]\w+)*")
"""A word, or a number with what stands inside it: 6.50, 7:15, 1/2."""


def tokens(text: str) -> list[str]:
    """Return the words of a text as they are compared; "1,250" is 1250, "thirty-six" two words."""
    plain = unicodedata.normalize("NFKC", text).casefold().replace("’", "'")
    return TOKEN.findall(re.sub(r"(?<=\d),(?=\d{3})", "", plain))


def says(said: Sequence[str], phrase: str) -> bool:
    """Return whether the words of `phrase` stand side by side in `said`; the last one may end with *."""
    begins = phrase.endswith("*")
    wanted = tokens(phrase)
    for start in range(len(said) - len(wanted) + 1):
        found = said[start : start + len(wanted)]
        if found == wanted or (begins and found[:-1] == wanted[:-1] and found[-1].startswith(wanted[-1])):
            return True
    return False


def faults(answer: str, wanted: Words) -> list[str]:
    """Return what is wrong with the words of an answer."""
    said, wrong = tokens(answer), []
    found = [phrase for phrase in wanted.any if says(said, phrase)]
    if wanted.any and len(found) < wanted.least:
        wrong.append(f"{len(found)} of {wanted.least} of {', '.join(wanted.any[:6])}")
    if wanted.most is not None and len(found) > wanted.most:
        wrong.append(f"{len(found)} where {wanted.most} were asked for")
    wrong += [f"none of {', '.join(group)}" for group in wanted.all if not any(says(said, p) for p in group)]
    wrong += [f"says {phrase!r}" for phrase in wanted.never if says(said, phrase)]
    if wanted.most_words is not None and not 0 < len(said) <= wanted.most_words:
        wrong.append(f"{len(said)} words where {wanted.most_words} were allowed")
    return wrong
