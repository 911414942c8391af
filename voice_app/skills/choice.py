"""Which skill words are meant for, or none, where no saying reads them: by a classifier, then by the language model.

The classifier costs an ordinary question less than a millisecond and lets it pass. Where it finds a skill plausible and
this skill can read the words, a language model that is large enough is asked, with examples that stay in a cache of its
own. No skill is called that cannot read the words.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from inference.protocols import ChoosingChat
from inference.types import Message
from voice_app.skills.classifier import Classifier
from voice_app.skills.phrases import SLOTS, Phrases, Saying, Slot, language_data, phrases_of, sayings_of
from voice_app.skills.skill import Skill
from voice_app.skills.utterance import Utterance
from voice_app.skills.word_lists import WEEKDAYS

CHAT = "chat"
"""The class of words that no skill is meant by."""
SHOWN_LIKE, SHOWN_UNLIKE, SHOWN_CHAT = 5, 2, 12
"""Examples that the language model sees: of each skill, of its look-alikes, of chat. With 4 and 3 it says "chat" too
often (31 of 43 sayings and 1 of 23 look-alikes; so 36 and 2; measured with the 1.5B model on the working half)."""
LEAST_LOG_ODDS = -1.5
"""Of a skill against chat, from which the skill is asked to read the words: it refuses most of what is too much."""
PLAUSIBLE = -1.1
"""Least lead over chat by the classifier of a skill that can read the words, for the language model to be asked: that
happens in none of 67 ordinary questions and 65 look-alikes, and in 13 of 17 sayings that no template reads (measured on
the working half of the judged answers; four of the 17 no skill can read)."""
SURE = -0.9
"""The same where there is no language model to ask."""
CERTAIN = 0.5
"""Lead from which no language model is asked."""
_SLOTS = {
    "word": Slot(
        r"(?!(?:just|also|now|then|please|kindly|maybe|quickly|mind|ok|okay|so|and|let's|lets|simply|i wanted you|"
        rf"noon|midday|midnight|today|tonight|tomorrow|{'|'.join(WEEKDAYS)})\b)[a-z']+",
        ("mother", "boss"),
    ),
    "few": Slot(r"(?:[\w']+ ){0,5}", ("",)),
    "things": Slot(r"(?!.*\b(?:table|column|timer)\b)\S.*?", ("eggs",)),
    "thing": Slot(r"[a-z']+", ("dad",)),
    "past": Slot(r"(?!wondering\b).+", ("late",)),
    "played": Slot(r"(?!.*\bgames?\b).+", ("jazz",)),
    "done": Slot(r"(?!(?:in|into|to)\b).+", ("five miles to kilometers",)),
    "wanted": Slot(
        r"(?!mind\b|(?:ever |you |let me )?forget\b|.* (?:anymore|any more|any longer)$).+", ("set a timer",)
    ),
}


@functools.cache
def nothing_asked() -> Phrases:
    """Return the words that ask for nothing, and examples of chat."""
    return phrases_of(language_data(Path(__file__).parent, "none."), _SLOTS)


@functools.cache
def _impossible() -> tuple[Saying, ...]:
    document = language_data(Path(__file__).parent, "none.")
    return sayings_of(document["cannot"], document["rules"], {**SLOTS, **_SLOTS})


def is_impossible(utterance: Utterance) -> bool:
    """Return whether words ask for a deed that no skill can do: "turn on the lights", "call my mother"."""
    return any(saying.match(utterance.request) is not None for saying in _impossible())


def asks_nothing(utterance: Utterance) -> str:
    """Return why words ask for nothing, "" where they may: a negation, the past, what others said, a definition.

    Also "would you ever …", which without its courtesy is a request.
    """
    whole = utterance.text.lower().rstrip(" .!?")
    for saying in nothing_asked().sayings:
        if found := saying.match(utterance.request) or saying.match(whole):
            return str(found["because"])
    return ""


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """Chooses among skills."""

    skills: Mapping[str, Skill]
    classifier: Classifier

    @classmethod
    def among(cls, skills: Sequence[Skill]) -> Choice:
        """Return a choice among the skills that can read what is chosen for them."""
        return cls({skill.name: skill for skill in skills if skill.fill}, _fitted(_examples(skills)))

    def leads(self, utterance: Utterance) -> dict[str, float]:
        """Return the lead of each skill over chat by the classifier, the largest first."""
        scores = self.classifier.scores(utterance.request)
        leads = {name: scores[name] - scores[CHAT] for name in self.skills if name in scores}
        return dict(sorted(leads.items(), key=lambda item: -item[1]))

    def ordered(self, odds: Mapping[str, float]) -> list[str]:
        """Return the skills that the language model finds probable enough, the most probable first."""
        least = math.exp(LEAST_LOG_ODDS) * odds[CHAT]
        likely = [name for name in self.skills if odds.get(name, 0.0) > least]
        return sorted(likely, key=lambda name: -odds[name])


@functools.lru_cache(maxsize=4)
def _fitted(examples: tuple[tuple[str, str], ...]) -> Classifier:
    return Classifier.fitted(examples)


def _examples(skills: Sequence[Skill]) -> tuple[tuple[str, str], ...]:
    """Return texts and their classes, from the skills' files."""
    like = [(text, skill.name) for skill in skills for text in skill.phrases.like]
    unlike = [(text, CHAT) for skill in skills for text in skill.phrases.unlike]
    ordinary = language_data(Path(__file__).parent, "chat.")["like"]
    chat = [(text, CHAT) for text in (*nothing_asked().like, *ordinary)]
    return tuple((Utterance.of(text).request or text, name) for text, name in (*like, *unlike, *chat))


def prefix(skills: Sequence[Skill]) -> tuple[Message, ...]:
    """Return the messages to which the language model chooses a skill for the next one: the same in all sessions."""
    about = "\n".join(f"{skill.name}: {skill.about}" for skill in skills)
    columns = [
        [
            *((text, skill.name) for text in skill.phrases.like[:SHOWN_LIKE]),
            *((text, CHAT) for text in skill.phrases.unlike[:SHOWN_UNLIKE]),
        ]
        for skill in skills
    ]
    columns.append([(text, CHAT) for text in nothing_asked().like[:SHOWN_CHAT]])
    rows = [row for column in itertools.zip_longest(*columns) for row in column if row]
    shown = [
        message for text, name in rows for message in (Message("user", text), Message("assistant", name))
    ]
    system = f"Say which one of these the user asks for.\n{about}\n{CHAT}: Anything else: questions, talk, stories."
    return (Message("system", system), *shown)


def odds(chat: ChoosingChat, skills: Sequence[Skill], text: str) -> dict[str, float]:
    """Return how probable the language model finds each skill, and chat. Blocks."""
    names = [*(skill.name for skill in skills), CHAT]
    return dict(zip(names, chat.odds((*prefix(skills), Message("user", text)), names), strict=True))
