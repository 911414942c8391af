"""Sayings that stand inside a longer sentence: "The bill was 60 dollars, so what is 15 percent of 60?"."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from voice_app.skills.phrases import Phrases
from voice_app.skills.utterance import Utterance
from voice_app.skills.word_lists import word_set

MOST_STARTS = 12
MOST_DROPPED = 8
"""Words after a saying that may belong to something else: "… when you work it out"."""
_STARTS = word_set(
    "what what's whats how how's convert change turn translate calculate compute work figure add subtract multiply "
    "divide split take give tell show if when time is add sum total half double twice square the in say repeat think"
)
_AFTER = word_set("when if because so but for since as i i'm i'd we and or , actually again though just by")
"""Words that what comes after a request begins with."""
LONGEST = 240
"""Characters of a request that is looked into."""
_NO_REQUEST = re.compile(
    r"\b(?:don't|do not|doesn't|didn't|did not|never|without|no need|stop|instead of|why|who|whose"
    r"|told|asked|said|says|saying|wondered|wrote|sang|heard|remember|recall|called|titled|named"
    r"|song|movie|film|book|novel|album|band|poem|lyrics|show called|quote|used to|did (?:i|you|he|she|we|they|it|the)"
    r"|used to|should i|if only|wish|suppose|imagine|i know|everybody knows|everyone knows)\b"
)
"""Words of what is denied, reported, quoted or only supposed."""


def is_no_request(words: str) -> bool:
    """Return whether words deny, report, quote or suppose something, so that nothing in them is asked for."""
    return _NO_REQUEST.search(words) is not None


def read_inside(words: str, phrases: Phrases) -> Iterator[Mapping[str, Any]]:
    """Yield the arguments of the sayings that end a request, the longest first; then of those before its last words.

    A saying begins where a sentence may: at the first word, after a comma, or with a word that asks.
    """
    if len(words) > LONGEST or is_no_request(words):
        return
    tokens = words.split()
    starts = [
        at for at, word in enumerate(tokens) if not at or word in _STARTS or tokens[at - 1] in (",", ":")
    ]
    for dropped in range(min(MOST_DROPPED, len(tokens) - 1) + 1):
        after = tokens[len(tokens) - dropped :]
        if after and (after[0] not in _AFTER or any(word[0].isdecimal() for word in after)):
            continue
        for start in starts[:MOST_STARTS]:
            part = " ".join(tokens[start : len(tokens) - dropped])
            if len(tokens) - dropped - start >= 3 and (start or dropped):
                yield from phrases.match(Utterance(part, part, part))
