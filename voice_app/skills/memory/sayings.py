"""What the assistant says of what it remembers: the user's words, turned to the user."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping, Sequence

from voice_app.skills.memory.about import WORDS
from voice_app.skills.memory.entries import Entry
from voice_app.skills.word_lists import phrase

TO_YOU: Mapping[str, str] = WORDS["to_you"]
SMALL = frozenset(
    ("the", "a", "an", "there", "every", "all", "some", "this", "that", "it", "when", "if", "to")
)
"""Words that are written large only at the start of a sentence."""
RELATIVE = phrase(
    r"""
    \b(?:
    today|tonight|tomorrow|yesterday|now|
    (?:this|next|last) (?:week|weekend|month|year|morning|afternoon|evening)|
    (?:this|next|last) (?:mon|tues|wednes|thurs|fri|satur|sun)day|
    in (?:a|an|one|two|three|\d+) (?:minutes?|hours?|days?|weeks?)
    )\b
    """
)
"""What means another day on another day."""
SPOKEN_AT_ONCE = 4


def to_you(text: str) -> str:
    """Return what the user said as it is said to the user: "my dog" is "your dog"."""

    def turned(found: re.Match[str]) -> str:
        word = found[0]
        if word.lower() == "was" or word.lower() == "wasn't":
            before = text[: found.start()].rstrip().lower()
            return word.replace("was", "were") if re.search(r"(?:^|\W)i$", before) else word
        other = TO_YOU.get(word.lower())
        if other is None:
            return word.lower() if found.start() == 0 and word.lower() in SMALL else word
        return other

    return re.sub(r"[^\W\d_]+(?:'[^\W\d_]+)?", turned, text.replace("’", "'"))


def sentence(text: str) -> str:
    """Return text with a large letter at its start and a full stop at its end."""
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


def told(entry: Entry) -> str:
    """Return an entry as it is said to the user, with the day where its words mean another one on another day."""
    if entry.kind == "name":
        return f"your name is {entry.text}"
    if entry.kind == "pronunciation":
        return f"I say {entry.word} as you told me"
    day = f"you told me on {_day(entry.changed)} that " if RELATIVE.search(entry.text) else ""
    return day + to_you(entry.text)


def all_told(entries: Sequence[Entry]) -> list[str]:
    """Return sentences that say what is remembered: the latest in full, how many more."""
    if not entries:
        return ["I don't remember anything yet."]
    shown = entries[-SPOKEN_AT_ONCE:] if len(entries) > SPOKEN_AT_ONCE + 1 else entries
    sentences = [sentence(told(entry)) for entry in shown]
    more = len(entries) - len(shown)
    if more:
        sentences.insert(0, f"I remember {len(entries)} things, and these are the latest.")
    return sentences


def _day(time: str) -> str:
    """Return the day of an ISO 8601 time as it is said; the time itself where it is none."""
    try:
        day = datetime.datetime.fromisoformat(time)
    except ValueError:
        return time
    return f"{day:%A}, {day:%B} {day.day}"
