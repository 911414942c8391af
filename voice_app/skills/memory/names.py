"""The user's name in what the user says."""

from __future__ import annotations

import re
from dataclasses import dataclass

from voice_app.skills.memory.about import WORDS
from voice_app.skills.word_lists import phrase, word_set


@dataclass(frozen=True, slots=True)
class Named:
    """The user says what the user's name is."""

    name: str
    more: bool = False
    """Whether the turn says more, which wants an answer."""
    sure: bool = True
    """False: it may be the name of something else; what was said before tells."""


NAME = phrase(
    r"""
    (?P<before>^|[.!?,;:]\s*|\b(?:and|but|so|no|hi|hello|hey|well|yes)\s+)
    (?:
    my (?:first |full |real )?name(?: is|'s)(?: not)?|my name isn't|i(?:'m| am) called|i go by|
    (?:you (?:can|may|should) |please |just |people |everyone |friends )*call me|
    (?P<it>it(?: is|'s)(?: not)?|the name is)
    )
    [,:]?\s+(?P<rest>.+)$
    """
)
NOT = phrase(r"(?:not|n't)[,:]?\s*$")
INSTEAD = phrase(r"[,.;]?\s*(?:but\s+|it(?: is|'s)\s+|my name(?: is|'s)\s+)+(?P<rest>.+)$")
SPELLED = phrase(
    r"""
    (?:^|\b(?:my name|it|that|which)(?: is|'s)\s+|[,.;]\s*)(?:actually )?
    spel(?:led|t)(?: (?:like|as)(?: this)?)?[,:]?\s+
    (?P<letters>(?:[A-Za-z][\s,.-]+)+[A-Za-z])\b(?![\w'])
    """
)
WORD = re.compile(r"\s*([^\W\d_](?:[\w'’-]*\w)?)")
PARTICLES = word_set(WORDS["particles"])
NO_NAMES = word_set(WORDS["no_names"])
# The \b after them all leaves one reading of any text: without it, `\w+` may end anywhere.
FLUFF = phrase(
    r"""
    (?:(?:
    hi|hello|hey|no|nope|oh|okay|ok|well|yes|please|thanks|thank you|sorry|actually|by the way|there|
    good (?:morning|evening|afternoon|day)|(?:nice|pleased|good) to meet you|not \w+|
    (?:that|this)(?:'s| is|s) (?:not|wrong|incorrect)(?: (?:right|correct|true|my name))?|
    you (?:got|said|have|spelled|wrote) (?:it|that|my name) wrong|from now on|instead|everyone|
    (?:and )?(?:remember|don't forget)(?: (?:that|it|my name))?|(?:can|could|would) you
    )\b[\s,.!?;:-]*)*
    """
)


def name_in(turn: str) -> Named | None:
    """Return the user's name that `turn` says; None where it says none."""
    if spelled := SPELLED.search(turn):
        name = re.sub(r"[^A-Za-z]", "", spelled["letters"]).capitalize()
        return Named(name, sure="my name" in turn.lower()) if 1 < len(name) <= 20 else None
    found = NAME.search(turn)
    if found is None or (turn.endswith("?") and found.start() == 0 and "call me" in turn.lower()):
        return None
    rest = found["rest"]
    if NOT.search(turn[: found.start("rest")]):  # "my name is not Eager, it's Igor"
        instead = INSTEAD.search(rest)
        if instead is None:
            return None
        rest = instead["rest"]
    in_small = turn[found.end("before") :].lower().startswith("my ") or turn.islower()
    taken = _leading_name(rest, in_small=in_small)
    if taken is None:
        return None
    name, after = taken
    more = not (FLUFF.fullmatch(turn[: found.start()].strip()) and FLUFF.fullmatch(after.strip(" ,.;:!")))
    if found["it"] and (more or not rest[0].isupper()):
        return None
    return Named(name, more, sure=not found["it"])


def _leading_name(rest: str, *, in_small: bool) -> tuple[str, str] | None:
    """Return the name at the start of `rest`, and what follows it; one in small letters where that is likely."""
    found: list[str] = []
    at = 0
    while len(found) < 5 and (match := WORD.match(rest, at)):
        word = match[1]
        is_name = word[0].isupper() and word not in ("I", "I'm", "And", "But")
        if not is_name and not (found and word.lower() in PARTICLES):
            break
        found.append(word)
        at = match.end()
    if not found and not in_small:
        return None
    if not found:  # typed in small letters: one word and nothing more
        only = re.fullmatch(r"([^\W\d_](?:[\w'’-]*\w)?)[\s.!]*", rest)
        if only is None:
            return None
        found, at = [only[1][0].upper() + only[1][1:]], len(rest)
    if found[0].lower() in NO_NAMES or any(len(word) > 30 for word in found) or found[-1] in PARTICLES:
        return None
    return " ".join(_cased(word) for word in found), rest[at:]


def _cased(word: str) -> str:
    """Return a word of a name as names are written; what mixes large and small letters stays."""
    if len(word) > 3 and re.fullmatch(r"[A-Z](?:-[A-Z])+", word):
        return word.replace("-", "").capitalize()
    return word.capitalize() if word.isupper() and len(word) > 2 else word
