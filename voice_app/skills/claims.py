"""No claim without a deed: what a language model writes is held back where it may claim that something was done.

A skill says itself what it has done. Whatever else sounds so ("The timer is set.", "I'll remember that.") is said by a
model that has done nothing: the clause gives way to one honest sentence, with which the reply ends.
"""

from __future__ import annotations

import functools
import re
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path

from inference.types import Text
from voice_app.core.turn import Answer, Reply, text_delta
from voice_app.skills.phrases import SLOTS, Saying, Slot, language_data, sayings_of
from voice_app.skills.utterance import tidy
from voice_app.skills.word_lists import phrase, word_set

_SLOTS = {
    **SLOTS,
    "few": Slot(r"(?:[\w':.-]+ ){0,6}", ("",)),
    "rest": Slot(r"(?:[^\w'].*)?", ("",)),
    "changed": Slot(r"\w+(?:ed|wn)|new|final|latest|complete", ("updated",)),
    "worked": Slot(r"(?!wrong|incorrect|too)\S.*", ("it",)),
    "object": Slot(r"(?! you\b| when\b)(?:[^\w'].*)?", (" that",)),
}
_CUT = re.compile(
    r"[,;:.!?…—\n]+(?=\s|$)|\s[–—-]\s|(?<!ahead)\s(?=(?:and|but|so|then|because|while)\s)", re.IGNORECASE
)
"""Where a clause ends."""
_END = re.compile(r"[.!?…\n]")
_BEFORE = phrase(
    r"""
    (?:(?:ok(?:ay)?|alright|all right|sure(?: thing)?|great|well|certainly|of course|absolutely|yes|yeah|yep|
    no problem|perfect|good|right|and|so|then|now|also|but|as (?:you )?(?:requested|asked|wished)|thanks|thank you|
    got it|understood|gladly|happy to help|there you go|here you go|i see|i understand|sorry|hello|hi|hey|there|just|
    wonderful|excellent|please note that|please note|note that|it seems(?: that)?|i think|i believe|
    i'm happy to say(?: that)?|good news|nice|cool|fine|for you|no worries|my pleasure|by the way)\b[\s,.!:-]*)+
    """
)
"""What may stand before a claim."""
_OFFER = re.compile(
    r"\b(?:if|when(?:ever)? you|once you|let me know|would you|shall i|should i|do you want|tell me)\b",
    re.IGNORECASE,
)
"""What makes an offer of what follows in the same sentence."""
_QUOTE = re.compile(r"[\"“”«»]")
_WORD = re.compile(r"[a-z']+")
_HELD = re.compile(r"(?:your|you'll|you will)\b")
"""What is begun so is held to the end of its clause."""
_TELLS = re.compile(
    r"\b(?:say|says|said|saying|tells?|told|asks?|asked|repl(?:y|ies|ied)|answers?|answered|shout(?:s|ed)|whisper(?:s|ed)|"
    r"thinks?|thought|goes|reads?|writes?|wrote|calls? out|called out)\b[\w' ]{0,30}[,:]\s*$",
    re.IGNORECASE,
)
"""What makes somebody else's words of what follows."""
_INVENTED = re.compile(
    r"^\W*dear [^\n]{1,60}\n|[:\"“] ?dear [a-z]+|\bonce upon a time|^(?:subject|verse|chorus)\b",
    re.IGNORECASE | re.MULTILINE,
)
"""What makes a letter, a tale or a song of all that follows: its speaker is somebody else. An address that no new line
follows may be the user's."""
_FIRST = word_set(
    "i i've i'll i'm i'd we we've we'll we're let have will am going to just now also already been be gladly definitely"
)
"""Words with which a clause about the speaker begins, before its verb."""


_PARTICIPLE = (
    r"(?:[a-z]+ed|sent|set|put|done|bought|paid|cut|shut|taken|found|begun|left|lit|hung|fed|run|brought|built|caught|"
    r"drawn|driven|kept|laid|lent|sold|taught|won|woken|written|undone|redone|reset|made|got|gotten|spoken|hidden|thrown)"
)


@dataclass(frozen=True, slots=True)
class Claims:
    """Clauses that claim a deed, by the skill whose deed it would be."""

    sayings: tuple[tuple[str, Saying], ...]
    speaker: tuple[tuple[re.Pattern[str], re.Pattern[str]], ...]
    """How clauses about the speaker begin, and how they go on where they claim nothing."""
    triggers: frozenset[str]
    """Words without one of which no clause is a claim."""
    denials: dict[str, str]

    def of(self, clause: str) -> str | None:
        """Return the skill whose deed a clause claims, "other" for one that no skill could do; None: it claims none."""
        said = tidy(clause).lower()
        bare = _BEFORE.sub("", said, count=1) if _BEFORE.match(said) else said
        for text in dict.fromkeys((said, bare)):
            words = text.strip(" -–—*\"'")
            if found := next(
                (skill for skill, saying in self.sayings if saying.pattern.fullmatch(words)), None
            ):
                return found
        return None

    def may_begin(self, clause: str) -> bool:
        """Return whether a clause that is not complete may become a claim."""
        said = tidy(clause).lower()
        bare = _BEFORE.sub("", said, count=1)
        *whole, last = _WORD.findall(bare) or [""]
        if not clause[-1:].isalnum() and last:
            whole, last = [*whole, last], ""
        if any(word in self.triggers for word in whole) or _HELD.match(bare) or self._acts(bare):
            return True
        grows = any(word.startswith(last) for word in self.triggers | _FIRST)
        return grows if last else all(word in _FIRST for word in whole)

    def _acts(self, bare: str) -> bool:
        """Return whether a clause says that the speaker does, did or will do what may be a deed."""
        for begins, harmless in self.speaker:
            if found := begins.match(bare):
                return not harmless.match(bare, found.end())
        return False


@functools.cache
def known_claims() -> Claims:
    """Return the claims of the file."""
    document = language_data(Path(__file__).parent, "claims.")
    rules = document["rules"]
    harmless = {name: _either(words) for name, words in document["harmless"].items()}
    slots = {
        **_SLOTS,
        "act": Slot(rf"(?!{harmless['will']})\S.*", ("open the door",)),
        "done": Slot(rf"(?!{harmless['have']}){_PARTICIPLE}\b.*", ("opened the door",)),
        "doing": Slot(rf"(?!{harmless['am']})[a-z]+ing\b.*", ("opening the door",)),
    }
    sayings = tuple(
        (skill, saying)
        for skill, templates in document["claims"].items()
        for saying in sayings_of(templates, rules, slots)
    )
    speaker = tuple(
        (re.compile(rf"{rules[name]}(?: |$)(?:{rules['adv']} )*"), re.compile(harmless[name]))
        for name in harmless
    )
    words = _WORD.findall(
        " ".join(text for text in (*document["rules"].values(), *_flat(document["claims"])))
    )
    common = (
        set(_WORD.findall(" ".join(document["rules"][name] for name in ("i", "aux", "adv", "be")))) | _COMMON
    )
    return Claims(sayings, speaker, frozenset(words) - common, document["denials"])


def _either(words: str) -> str:
    """Return a pattern of any of some words, which stand apart by bars."""
    return rf"(?:{re.sub(r' *[|] *', '|', words)})\b"


_COMMON = word_set(
    "few rest text object a an the your my you it that this is are was in on at to from for of and all both there here "
    "what name call have has time made make good new now not put end start order day fact information address list "
    "be me with as when up over down out about note notes know"
)
"""Words of the templates that stand in most sentences: they hold nothing back by themselves."""


def _flat(lists: dict[str, Sequence[str]]) -> Iterator[str]:
    for templates in lists.values():
        yield from templates


@dataclass(slots=True)
class Watch:
    """A reply as it is written: how much of it may be said, and where it claims what was not done."""

    claims: Claims
    done: frozenset[str]
    """Skills whose deeds were done in this turn: these may be told."""
    text: str = ""
    checked: int = 0
    """Characters up to the clause that is open."""
    said: int = 0
    """Characters that may be said."""
    denial: str = ""
    """What is to be said in place of the rest."""

    def push(self, text: str, *, ends: bool = False) -> None:
        """Take in more of the reply, or its end."""
        self.text += text
        ends_at = [cut.end() for cut in _CUT.finditer(self.text, self.checked)]
        for end in [*ends_at, *([len(self.text)] if ends else [])]:
            if denial := self._denied(self.text[self.checked : end]):
                self.denial = denial
                return
            if not _is_opening(self.text[self.said : end]):
                self.said = end
            self.checked = end
        open_ = self.text[self.checked :]
        if ends or not self.claims.may_begin(open_):
            self.said = len(self.text)

    def _denied(self, clause: str) -> str:
        """Return what is to be said in place of a clause, "" where it may stand."""
        sentence = _END.split(self.text[: self.checked])[-1]
        if _OFFER.search(sentence) or _OFFER.match(clause.strip()) or clause.rstrip().endswith("?"):
            return ""
        if _TELLS.search(sentence) or _INVENTED.search(self.text, 0, self.checked):
            return ""
        if len(_QUOTE.findall(self.text[: self.checked])) % 2 or _QUOTE.match(clause.strip()):
            return ""
        skill = self.claims.of(clause)
        return "" if skill is None or skill in self.done else self.claims.denials[skill]


def _is_opening(text: str) -> bool:
    """Return whether a text says nothing yet ("Okay, sure!")."""
    return not _BEFORE.sub("", tidy(text), count=1).strip(" .,!:;-–—")


def guarded(answer: Answer, reply: Reply) -> Answer:
    """Return an answer whose claims are true: those of skills stand, a model's give way to the truth."""
    return _guarded(answer, reply, known_claims())


async def _guarded(answer: Answer, reply: Reply, claims: Claims) -> AsyncGenerator[Text, None]:
    watch, held = Watch(claims, frozenset()), list[Text]()
    async with aclosing(answer) as words:
        async for word in words:
            if word.id < 0:  # said by the program, which knows what it has done
                for each in held:
                    yield each
                held, watch = [], Watch(claims, _done(reply))
                yield word
                continue
            watch.done = _done(reply)
            watch.push(word.text)
            held.append(word)
            for each in _free(held, watch):
                yield each
            if watch.denial:
                break
    if not watch.denial:
        watch.push("", ends=True)
        for each in _free(held, watch):
            yield each
    if watch.denial:
        apart = watch.text[: watch.said][-1:].isspace() or not watch.said
        yield text_delta(watch.denial if apart else f" {watch.denial}")


def _done(reply: Reply) -> frozenset[str]:
    return frozenset(call.skill for call in reply.calls) if reply.acts else frozenset()


def _free(held: list[Text], watch: Watch) -> list[Text]:
    """Take the tokens out of `held` that may be said; one is cut where a claim begins inside it."""
    before = len(watch.text) - sum(len(each.text) for each in held)
    free = []
    while held and before + len(held[0].text) <= watch.said:
        before += len(held[0].text)
        free.append(held.pop(0))
    if watch.denial and held and before < watch.said:
        free.append(replace(held[0], text=held[0].text[: watch.said - before]))
    return free
