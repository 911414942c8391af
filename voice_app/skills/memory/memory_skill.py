"""The memory's skill: it remembers, tells, forgets, and knows how a word is pronounced.

What it writes is an effect of the reply: on disk when the turn is over, before the answer is audible. Everything it
needs to know of the turns before stands in the chat, so that a draft that is dropped leaves nothing behind.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from inference.types import Message, Text
from voice_app.core import events
from voice_app.core.errors import VoiceAppError
from voice_app.core.turn import Answer, TurnContext, text_delta
from voice_app.skills.memory.entries import MOST_ENTRIES, Entry, Note, checked
from voice_app.skills.memory.memory_requests import (
    Forget,
    ForgetAll,
    Pronounce,
    Remember,
    Tell,
    TellName,
    request,
)
from voice_app.skills.memory.names import Named
from voice_app.skills.memory.recall import answers, is_of_ones_own, matches, may_be_answered, same_subject
from voice_app.skills.memory.sayings import all_told, sentence, to_you, told
from voice_app.skills.memory.store import Memory
from voice_app.skills.skill import Fallback, Skill, skill
from voice_app.skills.utterance import Utterance
from voice_app.skills.word_lists import phrase

SURE = "Do you want me to forget everything?"
"""Asked before everything is forgotten; a yes right after it, and nothing else, does it."""
YES = phrase(
    r"""
    (?:yes|yeah|yep|yup|sure|certainly|absolutely|of course|do it|go ahead|please do|i do|i'm sure|i am sure|
    forget it all|forget everything|that's right|right|ok|okay|please)(?:[\s,.!]+|$)
    """
)
NO = phrase(r"\b(?:no|not|don't|never|wait|stop|cancel)\b")
UNKNOWN = "I don't know that about you."
OFFER = " You can tell me to remember it."
OFF = "I can't remember that: my memory is off."
KEPT = "I'll remember that "

Pronunciations = Callable[[Mapping[str, str]], None]
"""Tells the voice how words are pronounced: a respelling, or phonemes between slashes."""


@dataclass(frozen=True, slots=True)
class Recall:
    """Answer a question with an entry."""

    entry: Entry


@dataclass(frozen=True, slots=True)
class Admit:
    """Say that one doesn't know what only the user can know; a small language model makes it up."""


@dataclass(frozen=True, slots=True)
class Erase:
    """Forget everything: the user has been asked, and is sure."""


def memory_skill(memory: Memory | None, pronounce: Pronunciations = lambda _: None) -> Skill:
    """Return the skill over a memory, the voice already told what it must know; None: it says that there is none."""
    remembering = Remembering(memory, pronounce) if memory else None
    if memory and remembering:
        with contextlib.suppress(VoiceAppError):
            answers("What did I say?", memory.facts())  # stems of what is there are found beforehand
            remembering.refresh()

    def read(utterance: Utterance, earlier: Sequence[Message]) -> Any:
        if remembering and (call := remembering.read(utterance, earlier)):
            return call
        before = [message.content for message in earlier if message.role == "user"]
        if is_of_ones_own(utterance.plain, before):
            return Fallback(Admit())
        wanted = None if remembering else request(utterance)
        return Fallback(wanted) if isinstance(wanted, Remember) else None

    @skill(
        "memory", about="Remembers what you tell it to, your name and how words are pronounced.", read=read
    )
    def remember(call: object, context: TurnContext) -> Answer:
        if isinstance(call, Admit):
            return _words(UNKNOWN + OFFER if remembering else UNKNOWN)
        return remembering.answer(call, context) if remembering else _words(OFF)

    return remember


@dataclass(slots=True)
class Remembering:
    """What is done with one memory."""

    memory: Memory
    pronounce: Pronunciations
    _spoken: Mapping[str, str] | None = None
    """Pronunciations that the voice knows; None: it may know those of another memory."""
    _latest: tuple[tuple[Message, ...], int] | None = None
    """The chat in which an entry was made last, and its number."""

    def refresh(self) -> None:
        """Let the voice know what has changed, here or by another program. Raises MemoryFileError."""
        now = self.memory.pronunciations()
        if now != self._spoken:
            self._spoken = now
            self.pronounce(now)

    def read(self, utterance: Utterance, earlier: Sequence[Message]) -> Any:
        """Return what is asked of the memory, or the entry that answers a question; None: it is not the memory's.

        The file is read only for these: what another program has changed meanwhile is known from then on.
        """
        before = _said_before(earlier)
        wanted = Erase() if _is_sure(utterance.text, before) else request(utterance)
        if wanted is None and not may_be_answered(utterance.plain):
            return None
        with contextlib.suppress(VoiceAppError):  # a memory that can't be read has no answer
            self.refresh()
            if wanted is None:
                found = answers(utterance.plain, self.memory.facts())
                return Recall(found[0]) if found else None
        return wanted if self._takes(wanted, before) else None

    def _takes(self, wanted: Any, before: str) -> bool:
        """Return whether words are the memory's that may well mean something else; `before` is the last reply."""
        match wanted:
            case Forget(about=""):  # else it is another word for never mind
                return KEPT in before
            case Forget(about=about):
                is_short = len(about.split()) <= 6 and "," not in about
                return is_short or bool(matches(about, self.memory.entries()))
            case Tell(about=about, only_if_known=True):
                return bool(matches(about, self.memory.entries()))
            case Named(sure=False) | Pronounce(word="", named=False):
                return _is_about_name(before, self.memory.name())
        return wanted is not None

    def answer(self, call: Any, context: TurnContext) -> Answer:
        """Do what `read` has returned."""
        match call:
            case Remember():
                return self._remember(context, call)
            case Recall(entry=entry):
                return _words(sentence(told(entry)))
            case Tell():
                return self._tell(context, call)
            case Forget():
                return self._forget(context, call)
            case ForgetAll():
                return _words(SURE if self.memory.entries() else "I don't remember anything yet.")
            case Erase():
                return self._erase(context)
            case Named():
                return self._name(context, call)
            case TellName():
                return _words(_your_name(self.memory.name()))
        return self._pronounce(context, call)

    # Remembering.

    def _remember(self, context: TurnContext, wanted: Remember) -> Answer:
        facts = self.memory.facts()
        try:
            note = checked(Note("fact", wanted.fact, said=context.text))
        except VoiceAppError as error:
            return _words(f"I can't remember that: it is {error}.")
        if len(self.memory.entries()) >= MOST_ENTRIES:
            return _words("My memory is full. Tell me first what to forget.")
        old = same_subject(note.text, facts) if wanted.corrects else None

        def keep() -> None:
            number = old.id if old else self._taken_up_again(context)
            if number is None:
                entry, change = self.memory.remember(note), "added"
            else:
                entry, change = self.memory.edit(number, note.text, note.said), "edited"
            self._latest = (context.earlier, entry.id)
            context.emit(events.MemoryChanged(change=change, text=entry.text))

        context.reply.when_released(keep)
        return _words(f"{KEPT}{to_you(note.text)}.")

    def _taken_up_again(self, context: TurnContext) -> int | None:
        """Return the entry that this turn made before it went on: its reply was not heard, so it is the same turn."""
        is_whole = context.messages[-1].content == context.text
        if is_whole and self._latest and self._latest[0] == context.earlier:
            number = self._latest[1]
            return number if any(entry.id == number for entry in self.memory.entries()) else None
        return None

    # Telling.

    def _tell(self, context: TurnContext, wanted: Tell) -> Answer:
        entries = self.memory.entries()
        if wanted.about:
            entries = matches(wanted.about, entries)
            if not entries:
                return _words("I don't remember anything about that.")
        return self._told(context, entries)

    async def _told(self, context: TurnContext, entries: Sequence[Entry]) -> AsyncGenerator[Text, None]:
        if entries:
            rows = [
                (str(entry.id), entry.kind, f"{entry.word}: {entry.text}" if entry.word else entry.text)
                for entry in entries
            ]
            columns = ("number", "kind", "what")
            context.emit(events.TableShown(title="What I remember", columns=columns, rows=rows))
        for part in _sentences(" ".join(all_told(entries))):
            yield text_delta(part)

    # Forgetting.

    def _forget(self, context: TurnContext, wanted: Forget) -> Answer:
        entries = self.memory.entries()
        found = matches(wanted.about, entries) if wanted.about else self._just_kept(context, entries)
        if not found:
            return _words(
                "I don't remember anything about that." if wanted.about else "Tell me what to forget."
            )
        if len(found) > 1 and not wanted.all_matching:
            if not _is_plain(wanted.about, found):
                return _words(
                    f"I remember {len(found)} things about that. Which one? " + " ".join(all_told(found))
                )
            found = found[:1]
        return self._forgotten(context, found)

    def _just_kept(self, context: TurnContext, entries: Sequence[Entry]) -> Sequence[Entry]:
        """Return the entry that was made or changed last, where it is what the last reply said, as far as heard."""
        _, heard = _said_before(context.earlier).split(KEPT, 1)
        number = self._latest[1] if self._latest else None
        return [e for e in entries if e.id == number and to_you(e.text).startswith(heard.rstrip(" .…"))]

    def _forgotten(self, context: TurnContext, found: Sequence[Entry]) -> Answer:
        def forget() -> None:
            for entry in self.memory.delete([entry.id for entry in found]):
                context.emit(events.MemoryChanged(change="deleted", text=entry.text))
            self.refresh()

        context.reply.when_released(forget)
        if len(found) == 1:
            return _words(f"I have forgotten that {told(found[0])}.")
        return _words(f"I have forgotten {len(found)} things about that.")

    def _erase(self, context: TurnContext) -> Answer:
        def forget() -> None:
            forgotten = self.memory.entries()
            self.memory.forget_all()
            for entry in forgotten:
                context.emit(events.MemoryChanged(change="deleted", text=entry.text))
            self.refresh()

        context.reply.when_released(forget)
        return _words("I have forgotten everything.")

    # Names and how they are said.

    def _name(self, context: TurnContext, wanted: Named) -> Answer:
        old = self.memory.name()
        note = checked(Note("name", wanted.name, said=context.text))

        def keep() -> None:
            if old != note.text:
                self.memory.remember(note)
                context.emit(events.MemoryChanged(change="edited" if old else "added", text=note.text))

        context.reply.when_released(keep)
        if wanted.more:
            return context.written(context.messages)
        if old == note.text:
            return _words(f"Yes, {note.text}.")
        return _words(f"Thank you, {note.text}. I'll remember." if old else f"Nice to meet you, {note.text}.")

    def _pronounce(self, context: TurnContext, wanted: Pronounce) -> Answer:
        name = self.memory.name()
        if not wanted.word and name is None:
            return _words("Tell me your name first. Then I'll learn to say it.")
        words, how = (wanted.word or name or "").split(), wanted.how.split()
        if len(words) == 1:
            how = ["-".join(how)]
        if len(how) not in (1, len(words)):
            return _words("Say it one name at a time, please.")
        notes = [Note("pronunciation", h, w, context.text) for w, h in zip(words, how, strict=False)]
        if all(note.text.casefold() == note.word.casefold() for note in notes):
            return _words(
                f"I hear it just as it is written. Type how it sounds, as in: {notes[0].word} is pronounced …"
            )
        return self._pronounced(context, [checked(note) for note in notes])

    async def _pronounced(self, context: TurnContext, notes: Sequence[Note]) -> AsyncGenerator[Text, None]:
        def keep() -> None:
            for entry in self.memory.take(notes):
                context.emit(events.MemoryChanged(change="added", text=f"{entry.word}: {entry.text}"))
            self.refresh()

        context.reply.when_released(keep)
        yield text_delta("Thank you. ")
        await context.reply.released.wait()  # from then on the voice knows
        yield text_delta(f"I'll say {' '.join(note.word for note in notes)}.")


async def _words(text: str) -> AsyncGenerator[Text, None]:
    for part in _sentences(text):
        yield text_delta(part)


def _sentences(text: str) -> Iterator[str]:
    """Yield the sentences of a text, each with the space after it."""
    yield from re.findall(r".+?(?:[.!?…]\s+|$)", text)


def _said_before(earlier: Sequence[Message]) -> str:
    """Return what was heard of the assistant's last reply."""
    return earlier[-1].content if earlier and earlier[-1].role == "assistant" else ""


def _is_sure(text: str, before: str) -> bool:
    """Return whether a turn says yes to the question whether to forget everything, which was heard to its end."""
    return before.strip() == SURE and bool(YES.match(text)) and not NO.search(text)


def _is_about_name(before: str, name: str | None) -> bool:
    """Return whether the last reply said the user's name, or something of it."""
    named = name is not None and re.search(rf"\b{re.escape(name)}\b", before, re.IGNORECASE)
    return bool(named or re.search(r"\byour name\b|\bcall you\b|\bnice to meet you\b", before, re.IGNORECASE))


def _is_plain(about: str, found: Sequence[Entry]) -> bool:
    """Return whether words mean the first entry, and not the second as well."""
    bare = re.sub(r"[^\w\s]", "", about).casefold()
    return re.sub(r"[^\w\s]", "", found[0].text).casefold() == bare


def _your_name(name: str | None) -> str:
    return f"Your name is {name}." if name else "I don't know your name yet. You can tell me."
