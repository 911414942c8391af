"""What is remembered, told to the language model where it matters: a line behind the user's words.

Behind them, so that what was read while the user spoke stays valid; and only in the turn that it is about, so that
nothing stands in the chat that a small language model could repeat. A reminder of a short fact is about 8 tokens.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence

from voice_app.core.errors import VoiceAppError
from voice_app.core.turn import Answer, Responder, TurnContext
from voice_app.skills.memory.about import WORDS, about
from voice_app.skills.memory.entries import Entry
from voice_app.skills.memory.recall import FIRST_PERSON
from voice_app.skills.memory.sayings import sentence
from voice_app.skills.memory.store import Memory
from voice_app.skills.word_lists import word_set, words_of

MOST_REMINDERS = 3
LONGEST_REMINDER_CHARS = 200
"""About 50 tokens, which the embedded language model reads in a tenth of a second."""
LONGEST_QUESTION_CHARS = 400
"""A longer turn is a text of its own."""
SAID = "({})"
"""The user's own words as an aside of the user: with longer forms ("What I told you about me: …") the recommended model
answers less to the point, in 3 of 7 questions, and none is shorter."""


def _topics() -> Mapping[str, tuple[frozenset[str], frozenset[str]]]:
    split = {name: words.split("|") for name, words in WORDS["topics"].items()}
    return {name: (word_set(asked), word_set(known)) for name, (asked, known) in split.items()}


TOPICS = _topics()
"""By name: words of turns, and words of entries that matter to them."""


def relevant(text: str, entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """Return the facts that matter to a turn, the ones that matter most first, the latest first among equals.

    A fact matters where the turn is of one's own and both name the same thing, or where both are of one topic: what
    somebody does not eat matters to "What could be for dinner?".
    """
    if len(text) > LONGEST_QUESTION_CHARS:
        return ()
    found = set(words_of(text))
    asked = about(text).strong if FIRST_PERSON.search(text) else frozenset()
    topics = [known for said, known in TOPICS.values() if said & found]

    def weight(entry: Entry) -> int:
        known = set(words_of(entry.text))
        return 2 * len(asked & about(entry.text).strong) + sum(bool(topic & known) for topic in topics)

    ranked = sorted(entries, key=lambda entry: (weight(entry), entry.id), reverse=True)
    kept: list[Entry] = []
    for entry in ranked[:MOST_REMINDERS]:
        length = sum(len(each.text) for each in (*kept, entry))
        if weight(entry) and length <= LONGEST_REMINDER_CHARS:
            kept.append(entry)
    return tuple(kept)


def reminder(text: str, entries: Sequence[Entry]) -> str:
    """Return what the language model is told with a turn; empty where nothing matters to it."""
    found = relevant(text, entries)
    return SAID.format(" ".join(sentence(entry.text) for entry in found)) if found else ""


def reminders(memory: Memory | None) -> Responder:
    """Return who tells the language model what matters to a turn; it answers none itself, and is asked first."""

    def remind(context: TurnContext) -> Answer | None:
        with contextlib.suppress(VoiceAppError):  # a memory that can't be read matters to nothing
            context.reply.told = reminder(context.text, memory.facts()) if memory else ""
        return None

    return remind
