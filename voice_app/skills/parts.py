"""Several requests in one sentence: where it may be cut, and what the later parts leave out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

LONGEST_LINE = 300
"""Characters of a text that is looked at for several requests."""
MOST_CUTS = 6
LONGEST_LEAD_WORDS = 4
"""Words of a first request that a second one may leave out: "set a timer for …"."""
_JOINT = re.compile(
    r"(?:\s*[,;.?!])?\s+(?:and then|and also|and|then|also|plus|as well as)\s+"
    r"|(?<!\bdr)(?<!\bmr)(?<!\bms)(?<!\bst)(?<!\bmrs)[;.?!]\s+",
    re.IGNORECASE,
)


def splits(text: str) -> Iterator[tuple[str, tuple[str, ...], str]]:
    """Yield where a text may be cut in two: the first part, words that the second may begin with, the second."""
    if len(text) > LONGEST_LINE:
        return
    for joint in list(_JOINT.finditer(text))[:MOST_CUTS]:
        first, rest = text[: joint.start()], text[joint.end() :]
        words = first.split()
        if words and rest.strip():
            lead = (
                " ".join(words[:count]) for count in range(min(LONGEST_LEAD_WORDS, len(words) - 1), 0, -1)
            )
            yield first, tuple(lead), rest


def has_parts(arguments: Mapping[str, Any]) -> bool:
    """Return whether a free text among the arguments may be a request of its own ("… to call Dad and set an alarm")."""
    return any(isinstance(value, str) and _JOINT.search(f"{value} ") for value in arguments.values())


def is_any_text(arguments: Mapping[str, Any], rest: str) -> bool:
    """Return whether a part is read only because a free text may be anything: "buy milk and bread"."""
    return has_parts(arguments) or any(
        isinstance(value, str) and value.lower() == rest for value in arguments.values()
    )
