"""Where a first clause of English may be cut inside a sentence: between phrases.

A phrase ends where a content word meets a function word ("The capital of Germany | is Berlin"): the chinks 'n chunks
rule of Liberman & Church (1992). Only plain words are cut between, never beside a number or an abbreviation, and never
inside quotation marks.
"""

from __future__ import annotations

import re

_WORD = re.compile(
    r"\s?(?P<open>[\"“]?)(?P<word>[A-Za-z][a-z'’]*(?:-[a-z]+)*)(?P<close>[\"”]?)(?=[\s,.!?;:])"
)
_FUNCTION = """
    a an the this that these those my your his her its our their some any all each every no
    i you he she it we they who which what whose when where why how if because while although
    is are was were be been am has have had do does did can could will would shall should may might must
    of to in on at for from with by about into over under after before between through during without within
    and or but nor so than as like near
"""


def phrase_end(text: str, words: int) -> int | None:
    """Return where the first phrase of at least `words` words ends, after its space; None while, or if, there is none.

    The answer for a text is the answer for any text that starts with it.
    """
    functions = _FUNCTION.split()
    at, before, quoted = len(text) - len(text.lstrip()), "", False
    for count, _ in enumerate(text.split()):
        match = _WORD.match(text, at)
        if match is None:
            return None
        word = match["word"].lower()
        if count >= words and word in functions and before not in functions and not quoted:
            return match.start("open")
        at, before, quoted = match.end(), word, (quoted or bool(match["open"])) and not match["close"]
    return None
