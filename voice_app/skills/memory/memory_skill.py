"""The memory's skill: it remembers, corrects, tells and forgets, and knows how a word is pronounced.

What it writes is an effect of the reply: on disk when the turn is over, before the answer is audible. Everything it
needs to know of the turns before stands in the chat, so that a draft that is dropped leaves nothing behind.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from inference.types import Message
from voice_app.core.errors import VoiceAppError
from voice_app.core.turn import Answer, TurnContext
from voice_app.skills.memory.about import WORDS
from voice_app.skills.memory.memory_call import SLOTS, MemoryCall, fact_of, own_fact_of, topic_of
from voice_app.skills.memory.recall import FIRST_PERSON, answers, may_be_answered
from voice_app.skills.memory.remembering import (
    UNKNOWN,
    Pronunciations,
    Remembering,
    words,
)
from voice_app.skills.memory.store import Memory
from voice_app.skills.memory.subjects import (
    bare_fact,
    corrected,
    of_the_same,
    outdated,
    same_subject,
    statement,
)
from voice_app.skills.phrases import language_data, load_phrases, phrases_of
from voice_app.skills.skill import Called, Clarify, Skill, skill
from voice_app.skills.utterance import Utterance
from voice_app.skills.word_lists import word_set, words_of

_FOLDER = Path(__file__).parent
SAYINGS = load_phrases(_FOLDER, SLOTS)
OF_ENTRIES = phrases_of(language_data(_FOLDER, "stored."), SLOTS)
"""Sayings that count where there is an entry that they mean."""
AFTER = phrases_of(language_data(_FOLDER, "after."), SLOTS)
"""Sayings that count right after a call of the memory."""
OFF = "I can't remember that: my memory is off."
LONGEST_SHORT_TOPIC = 6
"""Words of what is to be forgotten that count as a topic where nothing is known of it."""
_NOT_MEANT, _CUES = word_set(WORDS["not_meant"]), WORDS["cues"]
_WISH = re.compile(
    r"\b(?:it(?:'d| would) be [\w ]+ )?(?:if|whether) you (?:could|would|can|might)\b|\bi(?:'d| would) (?:love|like)\b",
    re.IGNORECASE,
)
"""A wish, which is no condition."""
_REMIND = re.compile(
    r"^(?:do you (?:still |happen to )?(?:know|remember)|(?:tell|remind) me|i (?:can't|don't) remember|i forgot)\b",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"[.!?]\s+|,?\s+and\s+|,\s+")


def memory_skill(memory: Memory | None, pronounce: Pronunciations = lambda _: None) -> Skill:
    """Return the skill over a memory, the voice already told what it must know; None: it says that there is none."""
    remembering = Remembering(memory, pronounce) if memory else None
    if memory and remembering:
        with contextlib.suppress(VoiceAppError):
            answers("What did I say?", memory.facts())  # stems of what is there are found beforehand
            remembering.refresh()

    def read(utterance: Utterance, earlier: Sequence[Message]) -> MemoryCall | None:
        with contextlib.suppress(VoiceAppError):  # a memory that can't be read has no answer
            return _read(remembering, utterance, earlier) if remembering else None
        return None

    def fill(utterance: Utterance, earlier: Sequence[Message]) -> MemoryCall | None:
        return read(utterance, earlier) or filled(utterance)

    def follow(utterance: Utterance, called: Called) -> MemoryCall | Clarify | None:
        with contextlib.suppress(VoiceAppError):
            return _followed(remembering, utterance, called) if remembering and called.ago == 0 else None
        return None

    @skill(
        "memory",
        about="Remembers what you tell it to, your name and how words are pronounced.",
        slots=SLOTS,
        read=read,
        fill=fill,
        follow=follow,
    )
    def remember(call: MemoryCall, context: TurnContext) -> Answer:
        if remembering is None:
            return words(UNKNOWN if call.action in ("recall", "list") else OFF)
        with contextlib.suppress(VoiceAppError):
            remembering.refresh()
        if call.action == "name":
            return remembering.name(context, call, says_more=not _is_a_name(context.text))
        return remembering.answer(call, context)

    return remember


def _is_a_name(text: str) -> bool:
    """Return whether a turn says a name and nothing more."""
    found = [*SAYINGS.match(Utterance.of(text)), *_after(text)]
    return any(call["action"] == "name" for call in found)


# What is read in words that are no saying: it depends on what is remembered.


def _read(remembering: Remembering, utterance: Utterance, earlier: Sequence[Message]) -> MemoryCall | None:
    """Return what words ask of the memory, by what is remembered. Raises MemoryFileError."""
    remembering.refresh()
    facts = remembering.memory.facts()
    for call in OF_ENTRIES.match(utterance):
        if remembering.meant(call["about"]):
            call.pop("old", None)
            return MemoryCall(**call)
    if update := outdated(utterance.text, facts):
        return MemoryCall(action="replace", about=update[0].text, text=update[1])
    if may_be_answered(utterance.plain) and answers(utterance.plain, facts):
        return MemoryCall(action="recall", about=utterance.plain)
    before = earlier[-1].content if earlier and earlier[-1].role == "assistant" else ""
    if name := _about_the_name(remembering, utterance.text, before):
        return name
    first = _SENTENCE_END.split(utterance.text, maxsplit=1)
    if len(first) > 1:
        named = next(SAYINGS.match(Utterance.of(first[0])), {"action": ""})
        return MemoryCall(**named) if named["action"] == "name" else None
    return None


def _about_the_name(remembering: Remembering, text: str, before: str) -> MemoryCall | None:
    """Return a correction of the user's name or of its sound, where the last reply said the name."""
    name = remembering.memory.name()
    if name is None or not re.search(rf"\b{re.escape(name)}\b", before, re.IGNORECASE):
        return None
    calls = [call for call in _after(text) if call["action"] in ("pronounce", "name")]
    return MemoryCall(**calls[0]) if calls else None


def filled(utterance: Utterance) -> MemoryCall | None:
    """Return the call of words that are meant for the memory, told by a cue among them."""
    said = utterance.plain
    lower = said.lower()
    for action, cues in _CUES.items():
        for cue in cues.split("|"):
            at = lower.find(cue.strip())
            before = words_of(_WISH.sub("", lower[: max(at, 0)]))
            if at < 0 or _NOT_MEANT & set(before):
                continue
            rest = said[at + len(cue.strip()) :].strip(" ,:")
            rest = re.sub(r"^(?:that|about|the fact that)\s+", "", rest, flags=re.IGNORECASE)
            if action == "remember" and (
                fact := own_fact_of(rest) or (cue.endswith("that") and fact_of(rest))
            ):
                return MemoryCall(action="remember", text=fact)
            if action == "forget" and (topic := topic_of(rest)) and len(topic.split()) <= LONGEST_SHORT_TOPIC:
                return MemoryCall(action="forget", about=topic)
    asked = _REMIND.sub("", said)
    is_own = FIRST_PERSON.search(asked) and not _NOT_MEANT & set(words_of(asked))
    return MemoryCall(action="recall", about=said) if is_own and may_be_answered(said) else None


# What goes on from the last call.


def _after(text: str) -> Sequence[Mapping[str, Any]]:
    """Return what words may say after a call, in their own letters, then in small ones."""
    found = [*AFTER.match(Utterance(text, text, text))]
    return found or [*AFTER.match(Utterance(text, text.lower(), text))]


def _followed(remembering: Remembering, utterance: Utterance, called: Called) -> MemoryCall | Clarify | None:
    """Return what words say that go on from the last turn's call. Raises MemoryFileError."""
    call = MemoryCall.model_validate(called.arguments)
    said = _after(utterance.text)
    if called.clarifies:
        return _answered_back(remembering, utterance, call, said)
    entry = _entry_of(remembering, call)
    for each in said:
        is_undo = each["action"] == "undo" or (each["action"] == "decline" and call.action == "forget")
        if is_undo and remembering.changed_by(called.arguments):
            return MemoryCall(action="undo")
        if each["action"] == "last" and entry and call.action in ("remember", "replace", "name", "undo"):
            return MemoryCall(action="forget", about=entry)
        if each["action"] in ("name", "pronounce") and call.action in ("name", "pronounce"):
            return MemoryCall(**each)
        if call.about == "my name" and call.action == "recall" and each["action"] in ("name", "pronounce"):
            return MemoryCall(**each)
        if each["action"] == "replace" and entry and call.action in ("remember", "replace", "recall", "undo"):
            text = corrected(entry, each["text"], each.get("wrong", ""))
            if text and text != entry:
                return MemoryCall(action="replace", about=entry, text=text)
    meant = [fact for fact in remembering.memory.facts() if fact.text == entry]
    if entry and (update := outdated(of_the_same(utterance.text, entry), meant)):
        return MemoryCall(action="replace", about=entry, text=update[1])
    return _restated(remembering, utterance, entry)


def _restated(remembering: Remembering, utterance: Utterance, entry: str | None) -> MemoryCall | None:
    """Return the replacement that a whole sentence is: it says something else of the same than the last call did."""
    said = statement(utterance.plain)
    if entry is None or said is None or utterance.text.endswith("?") or any(SAYINGS.match(utterance)):
        return None
    found = same_subject(utterance.plain, remembering.memory.facts())
    if found is None or found.text != entry or own_fact_of(utterance.plain) is None:
        return None
    starts = words_of(utterance.text)[0]
    is_meant = starts in ("no", "actually", "sorry", "wait", "nope", "oops", "well") or outdated(
        utterance.text, remembering.memory.facts()
    )
    fact = bare_fact(re.sub(r"^(?:no|nope)\s+", "", utterance.plain, flags=re.IGNORECASE))
    return MemoryCall(action="replace", about=entry, text=fact) if is_meant and fact != entry else None


def _entry_of(remembering: Remembering, call: MemoryCall) -> str | None:
    """Return the text of the entry that a call was about."""
    entries = remembering.memory.entries()
    if call.action in ("remember", "name"):
        wanted = call.text
    elif call.action == "replace":
        found = remembering.meant(call.text) or remembering.meant(call.about)
        return found[0].text if found else None
    elif call.action == "recall":
        best = answers(call.about, remembering.memory.facts()) or remembering.meant(call.about)
        return best[0].text if len(best) == 1 or (best and not call.every) else None
    else:
        return entries[-1].text if call.action == "undo" and entries else None
    return next((entry.text for entry in entries if entry.text == wanted), None)


def _answered_back(
    remembering: Remembering, utterance: Utterance, call: MemoryCall, said: Sequence[Mapping[str, Any]]
) -> MemoryCall | Clarify | None:
    """Return what the answer to a question of the memory comes to."""
    actions = {each["action"]: each for each in said}
    if call.action == "forget_all":
        if "agree" in actions and not {"decline", "undo"} & set(actions):
            return call
        return MemoryCall(action="keep") if {"decline", "undo"} & set(actions) else None
    found = remembering.meant(call.about)
    if len(found) == 1 and "agree" in actions and call.action == "forget":
        return call.model_copy(update={"about": found[0].text})
    if "all" in actions:
        return call.model_copy(update={"every": True})
    if {"decline", "undo"} & set(actions):
        return MemoryCall(action="keep")
    place = actions.get("pick", {}).get("which")
    if isinstance(place, int) and -len(found) <= place < len(found):
        return call.model_copy(update={"about": sorted(found, key=lambda e: e.id)[place].text})
    topic = topic_of(
        re.sub(r"^(?:the one|the memory|that one)\s+(?:about|with|of|where)?\s*", "", utterance.plain)
    )
    numbers = {entry.id for entry in found}
    chosen = [entry for entry in (remembering.meant(topic) if topic else ()) if entry.id in numbers]
    if len(chosen) == 1:
        return call.model_copy(update={"about": chosen[0].text})
    if call.action == "replace" and len(found) == 1 and (text := own_fact_of(utterance.plain)):
        return call.model_copy(update={"text": text})
    return None
