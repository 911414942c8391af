"""What the memory can be asked for, and what may stand in the slots of its sayings."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from voice_app.skills.memory.about import WORDS
from voice_app.skills.memory.entries import LONGEST_TEXT_CHARS
from voice_app.skills.memory.names import name_of, spelled_of
from voice_app.skills.phrases import Slot
from voice_app.skills.skill import Arguments
from voice_app.skills.utterance import ended
from voice_app.skills.word_lists import word_set, words_of

Action = Literal[
    "remember", "replace", "forget", "forget_all", "keep", "undo", "list", "recall", "name", "pronounce"
]
LONGEST_PRONUNCIATION_WORDS = 4
LONGEST_TOPIC_WORDS = 12
LONGEST_VALUE_WORDS = 6
OF_THE_SPEAKER = word_set("my our i i'm i've i'll i'd im ive we we're mine")
NO_FACT, ASKS, YOU_MUST = word_set(WORDS["no_fact"]), word_set(WORDS["asks"]), word_set(WORDS["you_must"])
STATES, ERRANDS = word_set(WORDS["states"]), word_set(WORDS["errands"])
NO_TOPIC, NOT_OWN, DOING = word_set(WORDS["no_topic"]), word_set(WORDS["not_own"]), word_set(WORDS["doing"])
NO_VALUE = word_set(WORDS["not_value"])
ERRAND_PAIRS = {
    ("be", "at"), ("be", "in"), ("be", "on"), ("be", "there"), ("be", "home"),
    ("answer", "the"), ("answer", "my"), ("take", "the"), ("take", "my"), ("take", "out"), ("turn", "off"),
    ("put", "the"), ("put", "out"), ("make", "an"), ("make", "the"), ("set", "up"), ("tell", "my"), ("tell", "the"),
}  # fmt: skip
WORKS = word_set("film movie song book novel series album show play poem")
"""A title that begins with Remember: "Remember the Titans is a film"."""
NO_SOUND = word_set(
    "how correctly wrong wrongly right rightly incorrectly differently with without the same in on by way a an you i "
    "we they he she it that this because when if more very too again or exactly just nothing anything"
)
LONG_AGO = word_set("days day times time moment moments night summer")
"""What stories are told of: "Remember the days when we had no phones"."""
NO_START = word_set("down up out in on off away back over again")
NO_END = word_set("minute moment second sec joke that it you")
OF_A_STORY = word_set("when we you i that they")
NO_WORD = word_set("name word he she what how which there who it that this my your")


class MemoryCall(Arguments):
    """What to do with the memory."""

    action: Action
    text: str = Field("", max_length=LONGEST_TEXT_CHARS)
    """What to remember from now on: a fact in the user's words, a name, how a word sounds."""
    about: str = Field("", max_length=LONGEST_TEXT_CHARS)
    """Which entry is meant, what is asked, or which word is pronounced; empty: the latest, all, the user's name."""
    every: bool = False
    """Whether all entries are meant that `about` fits."""


def fact_of(words: str) -> str | None:
    """Return what is to be remembered; None for a question, and for how the assistant is to talk."""
    fact = ended(words).lstrip(" ,:")
    found = words_of(fact)
    if len(found) < 2 or len(fact) > LONGEST_TEXT_CHARS or found[0] in NO_FACT | NO_START:
        return None
    if found[-1] in ("don't", "not"):
        return None
    tells = found[0] == "the" and found[1] in LONG_AGO and found[2:3] and found[2] in OF_A_STORY
    if tells or (words.rstrip().endswith("?") and not _states(found)):
        return None
    if (found[0] in ASKS and words.rstrip().endswith("?")) or (found[0] == "to" and not _is_errand(found)):
        return None
    if found[0] in ("you", "you're") and (found[0] == "you're" or found[1] in YOU_MUST):
        return None
    return re.sub(r"^to (?=\w)", "I have to ", fact)


def own_fact_of(words: str) -> str | None:
    """Return a fact that stands without "that": it must state something, as "my car is red" does."""
    fact = fact_of(words)
    if fact is None or fact.startswith("I have to "):
        return fact
    found = words_of(fact)
    is_a_work = any(word[0].isupper() for word in fact.split()[:2]) and found[-1] in WORKS
    if found[0] in STATES:
        return None
    numbered = any(char.isdigit() for char in (fact if found[0] in OF_THE_SPEAKER else found[-1]))
    numbered = numbered and not words.rstrip().endswith("?") and not found[0][0].isdigit()
    return fact if (_states(found) or numbered) and not is_a_work else None


def _states(found: Sequence[str]) -> bool:
    """Return whether words state something: there is a verb behind the first of them."""
    short = any(word.endswith(("'s", "'m", "'re", "'ve", "'ll")) for word in found)
    ends = any(len(word) > 3 and word.endswith(("s", "ed")) for word in found[2:])
    if ends and len(found) > 3 and found[0] in ("my", "our"):
        return True
    return short or any(word in STATES or word.endswith("n't") for word in found[1:])


def new_fact_of(words: str) -> str | None:
    """Return a fact that takes another one's place: it is of the speaker or of a thing, not "let's eat"."""
    fact = own_fact_of(words)
    return fact if fact and words_of(fact)[0] in OF_THE_SPEAKER | {"the", "a", "an"} else None


def as_fact_of(words: str) -> str | None:
    """Return "my pin as 4411" as a fact: my pin is 4411."""
    about, _, value = ended(words).rpartition(" as ")
    return f"{about} is {value}" if own_of(about) and value else None


def errand_of(words: str) -> str | None:
    """Return something to do as a fact: "to buy milk" is "I have to buy milk"."""
    found = words_of(words)
    is_errand = _is_errand(found) and not words.endswith("?")
    return re.sub(r"^to ", "I have to ", ended(words)) if is_errand else None


def _is_errand(found: Sequence[str]) -> bool:
    """Return whether words say something to do for oneself; how the assistant is to talk is none ("to be polite")."""
    if len(found) < 3 or found[0] != "to":
        return False
    return found[1] in ERRANDS or (found[1], found[2]) in ERRAND_PAIRS


def topic_of(words: str) -> str | None:
    """Return a few words that say what entries are about."""
    topic = re.sub(r"^(?:that|about|the fact that|of)\s+", "", ended(words), flags=re.IGNORECASE)
    found = [word for word in words_of(topic) if word not in ("the", "my", "your", "our", "a", "an")]
    if not found or len(found) > LONGEST_TOPIC_WORDS or found[0] in NO_TOPIC or found[-1] in NO_TOPIC:
        return None
    return None if len(found) > 1 and found[0] == "i" and found[1] in NO_TOPIC else topic


def statement_of(words: str) -> str | None:
    """Return a topic that states something: "my dentist is on Tuesday"."""
    topic = topic_of(words)
    return topic if topic and own_fact_of(topic) else None


def mine_of(words: str) -> str | None:
    """Return a topic that is the speaker's, or plainly a thing: "my dog", "the rent"."""
    found = words_of(words)
    is_mine = found[0] in ("my", "our") or (found[0] == "the" and len(found) <= 3)
    return topic_of(words) if is_mine and not any(word in NO_TOPIC | NOT_OWN for word in found[1:]) else None


def own_of(words: str) -> str | None:
    """Return what is the speaker's own, in a question that only the speaker can answer: "my shoe size"."""
    found = words_of(words)
    return ended(words) if found and not any(word in NOT_OWN for word in found) else None


def doing_of(words: str) -> str | None:
    """Return what the speaker does: "I live", "I park my car"."""
    found = words_of(words)
    is_done = len(found) > 1 and (found[1] in DOING or (found[1] == "was" and found[2:3] == ["born"]))
    return ended(words) if is_done and not set(found) & NOT_OWN and found[-1] not in NO_TOPIC else None


def value_of(words: str) -> str | None:
    """Return what takes the place of something said before: "Tuesday", "a Fritz NAS"."""
    value = re.sub(r"\s+(?:now|instead|actually)$", "", ended(words), flags=re.IGNORECASE)
    found = words_of(value)
    is_value = (
        found and len(found) <= LONGEST_VALUE_WORDS and found[0] not in NO_VALUE and found[-1] not in NO_END
    )
    return value if is_value and not {"is", "are", "was", "were"} & set(found) else None


def sound_of(words: str) -> str | None:
    """Return how a word sounds, as people write it: "EE-gor"."""
    sound = re.split(r",? (?:and )?not ", words)[0].strip(' .!?,"“”')
    found = sound.lower().split()
    is_sound = 0 < len(found) <= LONGEST_PRONUNCIATION_WORDS and found[0] not in NO_SOUND
    return sound if is_sound and not words.rstrip().endswith("?") else None


def word_of(words: str) -> str | None:
    """Return a word that is pronounced."""
    return None if words.lower() in NO_WORD else words


SLOTS = {
    "fact": Slot(r"\S.*", ("my dentist is on Tuesday", "the bins go out today"), fact_of),
    "so_you_know": Slot(r"so you know", ("just so you know",), lambda words: ""),
    "as_fact": Slot(r"(?:my|our) .* as \S.*", ("my pin as 4411",), as_fact_of),
    "own_fact": Slot(r"\S.*", ("my dentist is on Tuesday", "I like tea"), own_fact_of),
    "new_fact": Slot(r"\S.*", ("my dentist is on Tuesday",), new_fact_of),
    "errand": Slot(r"to .*", ("to buy milk",), errand_of),
    "topic": Slot(
        r"[^,;:?]{2,100}(?<! )(?<! and| but)(?<! because)(?<! since)", ("the rent", "Anna's bike"), topic_of
    ),
    "statement": Slot(r"[^,;:?]{2,100}", ("my dentist is on Tuesday",), statement_of),
    "mine": Slot(r"(?:my|our|the) [^,;:?]{2,60}", ("my dog", "the rent"), mine_of),
    "own": Slot(r"(?:(?:the \w+ of )?my|our)(?: [\w'’-]+){1,4}", ("my shoe size", "our landlord"), own_of),
    "doing": Slot(r"(?:i|we) [\w'’ -]{2,40}", ("I live",), doing_of),
    "value": Slot(r"(?:(?:dr|mrs?|ms|st)\. ?)?[^,;:.?!]{1,60}", ("Tuesday", "a red one"), value_of),
    "name": Slot(
        r"(?:(?:dr|mrs?|ms|st)\.? )?[^\W\d_][\w'’-]*(?: [^\W\d_][\w'’-]*){0,4}",
        ("Igor", "John Smith"),
        name_of,
    ),
    "letters": Slot(r"[a-z](?:[\s,.-]+[a-z])+", ("I-G-O-R", "I G O R"), spelled_of),
    "sound": Slot(r"[^;]{1,60}", ("EE-gor",), sound_of),
    "word": Slot(r"[^\W\d_][\w'’-]*", ("Siobhan",), word_of),
}
