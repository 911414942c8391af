"""What is done with a memory, and said of it. Whatever it writes is an effect of the reply, and can be undone."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from inference.types import Message, Text
from voice_app.core import events
from voice_app.core.errors import VoiceAppError
from voice_app.core.turn import Answer, Reply, TurnContext, text_delta
from voice_app.skills.memory.about import about
from voice_app.skills.memory.entries import MOST_ENTRIES, Entry, Note, checked
from voice_app.skills.memory.memory_call import MemoryCall
from voice_app.skills.memory.recall import answers, matches
from voice_app.skills.memory.sayings import all_told, sentence, to_you, told
from voice_app.skills.memory.store import Memory
from voice_app.skills.memory.subjects import bare_fact, corrected, same_subject, says_otherwise, statement
from voice_app.skills.utterance import Utterance
from voice_app.skills.word_lists import word_set, words_of

SURE = "Do you want me to forget everything?"
"""Asked before everything is forgotten; a yes right after it, and nothing else, does it."""
UNKNOWN = "I don't know that about you."
OFFER = " You can tell me to remember it."
NOTHING_ABOUT = "I don't remember anything about that."
NOTHING_YET = "I don't remember anything yet."
KEPT = "I'll remember that "
MOST_NAMED = 4
"""Entries that are named one by one when they are forgotten."""

CORRECTS = word_set("no nope sorry actually wait oops")
"""Words before something to remember that say that it takes the place of what was remembered of the same."""

Pronunciations = Callable[[Mapping[str, str]], None]
"""Tells the voice how words are pronounced: a respelling, or phonemes between slashes."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a call has changed, so that it can be undone."""

    made: str
    """The arguments of its call, as they stand in the chat: a JSON object."""
    removed: tuple[Entry, ...] = ()
    added: tuple[Entry, ...] = ()


@dataclass(slots=True)
class Remembering:
    """What is done with one memory."""

    memory: Memory
    pronounce: Pronunciations
    _spoken: Mapping[str, str] | None = None
    """Pronunciations that the voice knows; None: it may know those of another memory."""
    _latest: tuple[tuple[Message, ...], int, Reply] | None = None
    """The chat in which an entry was made last, its number, and the reply that tells of it."""
    _change: Change | None = None
    """The latest change."""

    def refresh(self) -> None:
        """Let the voice know what has changed, here or by another program. Raises MemoryFileError."""
        now = self.memory.pronunciations()
        if now != self._spoken:
            self._spoken = now
            self.pronounce(now)

    def meant(self, topic: str) -> Sequence[Entry]:
        """Return the entries that a few words mean, the latest where there are no words.

        It is one alone where they are its text, or say something of the same.
        """
        entries = self.memory.entries()
        if not topic:
            return entries[-1:]
        bare = _bare(topic)
        if bare in ("my name", "name"):
            return [entry for entry in entries if entry.kind == "name"]
        same = [entry for entry in entries if bare and _bare(entry.text) == bare]
        if same:
            return same[-1:]
        said = statement(topic)
        if said and said.subject and (entry := same_subject(topic, self.memory.facts())):
            return [entry]
        return matches(topic, entries)

    def changed_by(self, call: Mapping[str, object]) -> bool:
        """Return whether the latest change is this call's, so that it can be undone."""
        return self._change is not None and json.loads(self._change.made) == dict(call)

    def answer(self, call: MemoryCall, context: TurnContext) -> Answer:
        """Do what is asked. Raises MemoryFileError."""
        match call.action:
            case "remember":
                return self._remember(context, call)
            case "replace":
                return self._replace(context, call)
            case "forget":
                return self._forget(context, call)
            case "forget_all":
                return self._forget_all(context, call)
            case "keep":
                return words("All right, I'll keep everything.")
            case "undo":
                return self._undo(context, call)
            case "list":
                return self._told(context, self.memory.entries())
            case "recall":
                return self._recall(context, call)
            case "name":
                return self.name(context, call)
        return self._pronounce(context, call)

    # Remembering.

    def _remember(self, context: TurnContext, call: MemoryCall) -> Answer:
        try:
            note = checked(Note("fact", call.text, said=context.text))
        except VoiceAppError as error:
            return words(f"I can't remember that: it is {error}.")
        corrects = words_of(context.text)[:1] and words_of(context.text)[0] in CORRECTS
        if corrects and (old := same_subject(note.text, self.memory.facts())):
            return self._replace(context, call.model_copy(update={"about": old.text}))
        if len(self.memory.entries()) >= MOST_ENTRIES:
            return words("My memory is full. Tell me first what to forget.")
        made = made_by(context)

        def keep() -> None:
            number = self._taken_up_again(context)
            if number is None:
                before = self.memory.entries()
                entry = self.memory.remember(note)
                self._done(context, made, [e for e in before if e.id == entry.id], [entry])
            else:
                entry = self.memory.edit(number, note.text, note.said)
                context.emit(events.MemoryChanged(change="edited", text=entry.text))
                self._change = Change(made, (), (entry,))
            self._latest = (context.earlier, entry.id, context.reply)

        context.reply.when_released(keep)
        return words(f"{KEPT}{to_you(note.text)}.")

    def _taken_up_again(self, context: TurnContext) -> int | None:
        """Return the entry that this turn made before it went on: its reply was not heard, so it is the same turn."""
        if self._latest is None or context.messages[-1].content != context.text:
            return None
        earlier, number, reply = self._latest
        if earlier == context.earlier and reply is not context.reply:  # else: two requests in one turn
            return number if any(entry.id == number for entry in self.memory.entries()) else None
        return None

    def _replace(self, context: TurnContext, call: MemoryCall) -> Answer:
        found = self.meant(call.about)
        if not found:
            fact = corrected(call.about, call.text) if statement(call.about) else None
            fact = fact or (call.text if statement(call.text) else None)
            if fact is None:
                return words(NOTHING_ABOUT)
            return self._remember(context, MemoryCall(action="remember", text=fact))
        if len(found) > 1:
            return self._which(context, found)
        old = found[0]
        if old.kind == "name":
            return self.name(context, MemoryCall(action="name", text=call.text))
        text = bare_fact(call.text) if statement(call.text) else corrected(old.text, call.text)
        if old.kind != "fact" or text is None:
            asks(context)
            return words(
                f"I remember that {told(old)}. What shall I remember instead? Say the whole sentence."
            )
        note = checked(Note("fact", text, said=context.text))
        made = made_by(context)

        def change() -> None:
            self._done(context, made, [old], [self.memory.edit(old.id, note.text, note.said)])

        context.reply.when_released(change)
        return words(f"I've changed that: {to_you(note.text)}.")

    # Telling.

    def _recall(self, context: TurnContext, call: MemoryCall) -> Answer:
        if call.about == "my name":
            name = self.memory.name()
            return words(f"Your name is {name}." if name else "I don't know your name yet. You can tell me.")
        if call.every:
            found = self.meant(call.about)
            return self._told(context, found) if found else words(NOTHING_ABOUT)
        facts = self.memory.facts()
        for question in (Utterance.of(context.text).plain, call.about):
            if best := answers(question, facts):
                return words(sentence(told(best[0])))
        if self._was_told(context, call.about):  # the language model has read it
            return context.chat()
        return words(UNKNOWN + OFFER)

    @staticmethod
    def _was_told(context: TurnContext, question: str) -> bool:
        """Return whether an earlier turn of the user says something of what a question is about."""
        asked = about(question)
        said = [message.content for message in context.earlier if message.role == "user"]
        return any((asked.strong or asked.weak) & about(text).all for text in said if not text.endswith("?"))

    async def _told(self, context: TurnContext, entries: Sequence[Entry]) -> AsyncGenerator[Text, None]:
        if entries:
            rows = [
                (str(entry.id), entry.kind, f"{entry.word}: {entry.text}" if entry.word else entry.text)
                for entry in entries
            ]
            columns = ("number", "kind", "what")
            context.emit(events.TableShown(title="What I remember", columns=columns, rows=rows))
        for part in sentences(" ".join(all_told(entries))):
            yield text_delta(part)

    # Forgetting.

    def _forget(self, context: TurnContext, call: MemoryCall) -> Answer:
        found = self.meant(call.about)
        if not found:
            return words(NOTHING_ABOUT)
        if len(found) > 1 and not call.every:
            return self._which(context, found)
        if says_otherwise(call.about, found[0].text):
            asks(context)
            return words(f"I remember that {told(found[0])}. Shall I forget that?")
        return self._forgotten(context, call, found)

    def _which(self, context: TurnContext, found: Sequence[Entry]) -> Answer:
        asks(context)
        return words(f"I remember {len(found)} things about that. Which one? " + " ".join(all_told(found)))

    def _forgotten(self, context: TurnContext, call: MemoryCall, found: Sequence[Entry]) -> Answer:
        made = made_by(context)

        def forget() -> None:
            self._done(context, made, self.memory.delete([entry.id for entry in found]), ())

        context.reply.when_released(forget)
        if len(found) <= MOST_NAMED:
            each = "; ".join(f"that {told(entry)}" for entry in found)
            return words(f"I have forgotten {each}.")
        return words(f"I have forgotten {len(found)} things. To have them back, say: undo that.")

    def _forget_all(self, context: TurnContext, call: MemoryCall) -> Answer:
        entries = self.memory.entries()
        if not entries:
            return words(NOTHING_YET)
        if not (context.turns and context.turns[-1].heard.strip() == SURE):
            asks(context)
            return words(SURE)
        made = made_by(context)

        def forget() -> None:
            forgotten = self.memory.entries()
            self.memory.forget_all()
            self._done(context, made, forgotten, ())

        context.reply.when_released(forget)
        return words("I have forgotten everything. To have it back, say: undo that.")

    # Undoing.

    def _undo(self, context: TurnContext, call: MemoryCall) -> Answer:
        change = self._change
        if change is None:
            return words("There is nothing that I could undo.")
        numbers = {entry.id for entry in change.removed}
        made = made_by(context)

        def undo() -> None:
            back = [self._restored(entry, change.added) for entry in change.removed]
            gone = [entry.id for entry in change.added if entry.id not in numbers]
            removed = self.memory.delete(gone) if gone else ()
            edited = [entry for entry in change.added if entry.id in numbers]
            self._done(context, made, [*removed, *edited], back)

        context.reply.when_released(undo)
        if not change.removed:
            return words(f"I have forgotten that {told(change.added[-1])}.")
        if len(change.removed) > MOST_NAMED:
            return words(f"I remember all {len(change.removed)} things again.")
        return words(f"I remember again {'; '.join(f'that {told(entry)}' for entry in change.removed)}.")

    def _restored(self, entry: Entry, added: Sequence[Entry]) -> Entry:
        if any(other.id == entry.id for other in added):
            return self.memory.edit(entry.id, entry.text, entry.said)
        return self.memory.remember(Note(entry.kind, entry.text, entry.word, entry.said))

    def _done(
        self, context: TurnContext, made: str, removed: Sequence[Entry], added: Sequence[Entry]
    ) -> None:
        """Tell what was changed, and keep how it was."""
        self._change = Change(made, tuple(removed), tuple(added))
        numbers = {entry.id for entry in removed}
        for entry in removed:
            if all(entry.id != other.id for other in added):
                context.emit(events.MemoryChanged(change="deleted", text=_shown(entry)))
        for entry in added:
            change = "edited" if entry.id in numbers else "added"
            context.emit(events.MemoryChanged(change=change, text=_shown(entry)))
        self.refresh()

    # Names and how they are said.

    def name(self, context: TurnContext, call: MemoryCall, *, says_more: bool = False) -> Answer:
        """Keep the user's name; a turn that says more is then answered by the language model."""
        old = next((entry for entry in self.memory.entries() if entry.kind == "name"), None)
        note = checked(Note("name", call.text, said=context.text))
        made = made_by(context)

        def keep() -> None:
            if old is None or old.text != note.text:
                self._done(context, made, [old] if old else [], [self.memory.remember(note)])

        context.reply.when_released(keep)
        if says_more:
            return context.chat()
        if old and old.text == note.text:
            return words(f"Yes, {note.text}.")
        return words(f"Thank you, {note.text}. I'll remember." if old else f"Nice to meet you, {note.text}.")

    def _pronounce(self, context: TurnContext, call: MemoryCall) -> Answer:
        name = self.memory.name()
        if not call.about and name is None:
            return words("Tell me your name first. Then I'll learn to say it.")
        said, how = (call.about or name or "").split(), call.text.split()
        if len(said) == 1:
            how = ["-".join(how)]
        if len(how) not in (1, len(said)):
            return words("Say it one name at a time, please.")
        notes = [Note("pronunciation", h, w, context.text) for w, h in zip(said, how, strict=False)]
        if all(note.text.casefold() == note.word.casefold() for note in notes):
            return words(
                f"I hear it just as it is written. Type how it sounds, as in: {notes[0].word} is pronounced …"
            )
        return self._pronounced(context, call, [checked(note) for note in notes])

    def _pronounced(self, context: TurnContext, call: MemoryCall, notes: Sequence[Note]) -> Answer:
        made = made_by(context)

        def keep() -> None:
            before = {entry.id: entry for entry in self.memory.entries()}
            added = self.memory.take(notes)
            self._done(context, made, [before[entry.id] for entry in added if entry.id in before], added)

        context.reply.when_released(keep)
        return self._thanked(context, notes)

    async def _thanked(self, context: TurnContext, notes: Sequence[Note]) -> AsyncGenerator[Text, None]:
        yield text_delta("Thank you. ")
        await context.reply.released.wait()  # from then on the voice knows
        yield text_delta(f"I'll say {' '.join(note.word for note in notes)}.")


def asks(context: TurnContext) -> None:
    """Mark the call that is being answered as a question back, which the next turn may answer."""
    if context.reply.calls:
        context.reply.calls[-1].kind = "question"


def made_by(context: TurnContext) -> str:
    """Return the arguments of the call that is being answered, as the chat will keep them."""
    return context.reply.calls[-1].arguments if context.reply.calls else "{}"


async def words(text: str) -> AsyncGenerator[Text, None]:
    """Say a text, a sentence at a time."""
    for part in sentences(text):
        yield text_delta(part)


def sentences(text: str) -> Iterator[str]:
    """Yield the sentences of a text, each with the space after it."""
    yield from re.findall(r".+?(?:[.!?…]\s+|$)", text)


def _bare(text: str) -> str:
    return re.sub(r"[^\w\s]", "", text).casefold().strip()


def _shown(entry: Entry) -> str:
    return f"{entry.word}: {entry.text}" if entry.word else entry.text
