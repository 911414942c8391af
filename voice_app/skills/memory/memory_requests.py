"""What a turn asks of the memory, by its words alone, as people say it and as speech to text writes it down."""

from __future__ import annotations

import re
from dataclasses import dataclass

from voice_app.skills.memory.names import Named, name_in
from voice_app.skills.utterance import ASK, Utterance, ended
from voice_app.skills.word_lists import phrase, word_set


@dataclass(frozen=True, slots=True)
class Remember:
    """Keep a fact."""

    fact: str
    corrects: bool = False
    """Whether it takes the place of what was said of the same before."""


@dataclass(frozen=True, slots=True)
class Tell:
    """Say what is remembered."""

    about: str = ""
    """Empty: everything."""
    only_if_known: bool = False
    """Whether somebody else may know better."""


@dataclass(frozen=True, slots=True)
class Forget:
    """Forget what matches."""

    about: str
    """Empty: what was remembered last."""
    all_matching: bool = False


@dataclass(frozen=True, slots=True)
class ForgetAll:
    """Forget everything."""


@dataclass(frozen=True, slots=True)
class TellName:
    """Say the user's name."""


@dataclass(frozen=True, slots=True)
class Pronounce:
    """Say a word differently from here on."""

    word: str
    """Empty: the user's name."""
    how: str
    named: bool = True
    """Whether the turn says which word it means; else it means what was just said."""


Request = Remember | Tell | Forget | ForgetAll | Named | TellName | Pronounce

REMEMBER = phrase(
    r"""
    (?:remember|memori[sz]e|(?:keep|bear) in mind|(?:do not|don't|never) forget|make a note|take a note|note)\b[,:]?\s+
    (?P<that>(?:that|this|of the fact that|the fact that|the following|for me that)\b[,:]?\s+)?
    (?P<fact>.+)$
    """
)
REMEMBER_AFTER = phrase(
    r"(?P<fact>.+?)[,.;!]\s*(?:and |so )?"
    + ASK
    + r"""
    (?:remember|memori[sz]e|keep in mind|don't forget)(?: (?:that|this|it))[.!?]*$
    """
)
CORRECTS = phrase(r"^(?:no|nope|sorry|actually|wait)\b")
OF_THE_SPEAKER = phrase(r"(?:my|our|i|i'm|i've|i'll|i'd|we|we're|to|mine)\b(?!\s*$)")
STATES = phrase(
    r"""
    .*?(?:
    \b(?:is|are|was|were|has|have|had|will|needs?|must|costs?|lives?|likes?|loves?|hates?|wants?|comes?|starts?|begins?|
    ends?|works?)\b|
    's (?!\w+ (?:is|was))
    )
    """
)
STATES_OF = re.compile(r"(?:[Tt]he|[Aa]n?|[Tt]here|[Ee]very|[Aa]ll|[A-Z][\w'-]*)\b")
OF_THE_ASSISTANT = phrase(
    r"""
    to (?:always |never |please |not |only )*(?:
    (?:answer|reply|respond|speak|talk|sound|act|behave|explain)\b(?! (?:the|my|his|her|our|their|an?|to|with|about)\b)|
    (?:call|tell) me\b|use (?:short|simple|plain|easy|few|fewer|less|more)\b|
    (?:keep|make) (?:it|your|things|the answers?|answers?)\b|be (?!at\b|in\b|on\b|there\b|home\b|back\b)
    )
    """
)
"""How the assistant is to talk, which is no fact."""
OF_A_WORK = re.compile(
    r"(?:[Tt]he |[Aa]n? |[Mm]e )?[A-Z].* (?:is|are|was|were) .*"
    r"\b(?:films?|movies?|songs?|books?|novels?|series|shows?|plays?|poems?|album)\b"
)
"""A title that begins with Remember: "Remember the Titans is a film"."""
NO_FACT = phrase(
    r"""
    (?:when|what|where|who|whom|whose|how|why|which|if|whether|me|us|him|her|them|it|those|these|back|about|
    the times?|the days?|everything|anything|correctly|right)\b
    """
)

TELL = phrase(
    r"""
    (?:
    what (?:do|can|did|else do) you (?:still |all )?remember|
    what (?:did|have|had) i (?:ever |just |already )?(?:tell|told|ask|asked) you(?: to (?:remember|keep in mind))?|
    do you remember (?:anything|something)|
    what (?:is|was|do you have|have you got) in your memory|
    (?:tell|show|read|list|give)(?: me)?\s
    (?:(?:all|everything|what|of|that|the things?|all the things)\s)*you (?:still )?remember|
    (?:show|list|read|open)(?: me)? (?:your|the) memory|
    what (?:things? )?are you remembering
    )
    (?P<rest>.*)$
    """
)
KNOW = phrase(
    r"""
    (?:what (?:do|else do) you (?:already )?know about|tell me (?:what|everything) you know about)\s+
    (?P<about>.+)$
    """
)
ABOUT = phrase(r"\s*(?:,?\s*(?:about|of|on|regarding|concerning)\s+(?P<about>.+?))?[\s.!?]*$")
MYSELF = phrase(r"(?:me|myself|us|i)$")

FORGET_ALL = phrase(
    r"""
    (?:
    forget (?:absolutely )?(?:everything|all|it all|all of (?:it|that|them))
    (?: (?:that )?(?:you|i|we)\b(?! .*\babout (?!me\b)).*| about me)?|
    (?:delete|erase|clear|wipe|empty|reset) (?:(?:all|everything|out|of) )*
    (?:your (?:whole |entire )?memor(?:y|ies)|(?:everything|all|what) you (?:remember|know)(?: about me)?)
    )
    [\s.!?]*$
    """
)
FORGET = phrase(
    r"""
    (?:forget|(?:delete|erase|remove)(?=.* from (?:your|the) memory))\s+
    (?P<all>everything (?:(?:that )?(?:i|you) .*?)?)?
    (?P<about>.+?)
    (?: from (?:your|the) memory)?[\s.!?]*$
    """
)
FORGET_LEAD = phrase(
    r"^(?:that|about|the fact that|what (?:i|you) (?:said|told you|know|remember) about|what i said|this:)\s+"
)
THE_LAST = phrase(r"(?:that|it|about (?:it|that)|this|the last (?:one|thing|entry)|what i (?:just )?said)$")

TELL_NAME = phrase(
    r"""
    (?:
    (?:do you (?:still )?(?:know|remember) |tell me |say |remind me |and )?
    (?:what(?:'s| is|s| was) )?my (?:own )?name(?: again)?|
    (?:do you (?:still )?(?:know|remember) )?(?:who i am|what i am called|what i'm called)|
    who am i|what am i called|what do you call me|how do you call me
    )
    [\s.!?]*$
    """
)
NAME_ALONE = phrase(r"(?:and |so |well,? )?my name[.!]*$")

WHOSE = r"(?:(?P<mine>my (?:first |last )?name)|(?P<it>it|that|this)|(?P<word>[^\W\d_][\w'-]*))"
PRONOUNCED = phrase(
    r"(?:^|[.!?,;]\s+|\b(?:no|and|but|so)\s+)(?:the (?:word|name) )?"
    + WHOSE
    + r"""
    (?: is|'s) (?:actually |really |correctly )?(?:pronounced|said|spoken)(?: (?:as|like))?[,:]?\s+
    (?P<how>.+)$
    """
)
PRONOUNCE_LIKE = phrase(
    r"(?:you )?(?:pronounce|say)(?: the (?:word|name))?\s"
    + WHOSE
    + r" (?:as|like)(?: this)?[,:]?\s+(?P<how>.+)$"
)
PRONOUNCE = phrase(r"(?:you )?pronounce (?:(?P<mine>my name)|(?P<it>it|that))[,:]?\s+(?P<how>.+)$")
NO_PRONUNCIATION = phrase(
    r"""
    (?:how|correctly|wrong(?:ly)?|right(?:ly)?|incorrectly|differently|with|without|the same|in|on|by|the way|a|an|
    you|i|we|they|he|she|it|that|this|because|when|if|more|very|too|again|or|exactly|just|nothing|anything)\b
    """
)
NO_WORD = word_set("name word he she what how which there who")
LONGEST_PRONUNCIATION_WORDS = 4


def request(said: Utterance) -> Request | None:
    """Return what an utterance asks of the memory; None where it asks nothing of it."""
    for find in (_pronounce, _named, _tell_name, _forget, _tell, _remember):
        found = find(said)
        if found is not None:
            return found
    return None


def _named(said: Utterance) -> Named | None:
    return name_in(said.text)


def _remember(said: Utterance) -> Remember | None:
    turn = said.plain
    corrects = bool(CORRECTS.match(said.text))
    after = REMEMBER_AFTER.match(turn)
    if after and not NO_FACT.match(after["fact"]) and not turn.lower().startswith("do you"):
        return Remember(ended(after["fact"]), corrects)
    found = REMEMBER.match(turn)
    if found is None:
        return None
    fact = ended(found["fact"])
    is_question = turn.endswith("?") and not re.search(r"\b(?:can|could|would|will) you\b", said.text, re.I)
    if is_question or NO_FACT.match(fact) or len(fact.split()) < 2:
        return None
    if not found["that"]:
        is_note = re.match(r"(?:make |take )?(?:a )?note\b", turn[: found.start("fact")][-12:], re.I)
        states = OF_THE_SPEAKER.match(fact) or (STATES_OF.match(fact) and STATES.match(fact))
        if is_note or not states or OF_THE_ASSISTANT.match(fact) or OF_A_WORK.match(fact):
            return None
    return Remember(re.sub(r"^to (?=\w)", "I have to ", fact), corrects)


def _tell(said: Utterance) -> Tell | None:
    if found := TELL.match(said.plain):
        rest = ABOUT.match(found["rest"])
        if rest:
            about = rest["about"] or ""
            return Tell("" if MYSELF.match(about) else about)
        return None
    if found := KNOW.match(said.plain):
        about = ended(found["about"])
        return Tell() if MYSELF.match(about) else Tell(about, only_if_known=True)
    return None


def _forget(said: Utterance) -> Forget | ForgetAll | None:
    if FORGET_ALL.match(said.plain):
        return ForgetAll()
    found = FORGET.match(said.plain)
    if found is None:
        return None
    about = found["about"]
    if THE_LAST.match(about):
        return Forget("")
    return Forget(FORGET_LEAD.sub("", about), all_matching=bool(found["all"]))


def _tell_name(said: Utterance) -> TellName | None:
    return TellName() if TELL_NAME.match(said.plain) and not NAME_ALONE.match(said.plain) else None


def _pronounce(said: Utterance) -> Pronounce | None:
    turn = said.text
    found = PRONOUNCED.search(turn) or PRONOUNCE_LIKE.match(said.plain) or PRONOUNCE.match(said.plain)
    if found is None or turn.endswith("?"):
        return None
    how = re.split(r",? (?:and )?not |[,;]\s|[.!](?:\s|$)", found["how"] + " ")[0].strip(' .!"“”')
    if NO_PRONUNCIATION.match(how) or not 0 < len(how.split()) <= LONGEST_PRONUNCIATION_WORDS:
        return None
    word = found.groupdict().get("word") or ""
    return None if word.lower() in NO_WORD else Pronounce(word, how, named=not found["it"])
