"""A turn that was over too early: its speaker goes on as the reply begins, and the halves become one. Pure."""

from __future__ import annotations

import re

WITHIN_S = 1.5
"""Of the reply that were heard when the user went on: who hears more of it answers it, or asks for something else."""
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
END_MARKS = " \t\n.?!,;:…-"
"""After a part of a sentence: speech to text sets them at every pause."""
_ANEW = """
    no nope not stop wait hold hang sorry actually never okay ok hey hello hi thanks thank yes yeah please cancel quiet
    what what's which who who's whose when where where's why how how's can could would will shall should do does don't
    did is are was were am have has i i'm i'd i'll i've you we it's that's there's let's tell give get make let show set
    put start play pause turn add remind remember forget call repeat say read think skip try explain
"""
"""Words with which something new begins, be it a sentence of its own or a word to the assistant."""
_OF_A_SUBJECT = "my your his her its our their the this that these those a an"
_VERBS = "is are was were has have had will can does do likes wants needs"
"""After a word of a subject they make a sentence of its own ("my name is", but "my mother")."""


def goes_on(words: str) -> bool:
    """Return whether words may be the rest of a sentence."""
    spoken = _WORD.findall(words.lower().replace("’", "'"))
    if not spoken or spoken[0] in _ANEW.split():
        return False
    return spoken[0] not in _OF_A_SUBJECT.split() or not set(spoken[1:4]) & set(_VERBS.split())


def mended(first: str, rest: str) -> str:
    """Return two halves of a sentence as one; the mark after the first was only a guess of speech to text."""
    return f"{first.rstrip(END_MARKS)} {_as_rest(rest.lstrip())}".strip()


def _as_rest(words: str) -> str:
    """Return words without the capital that they had as the beginning of a sentence; names keep theirs where it shows.

    A word of lower case after the first one says that the capital was the sentence's ("Main Street." keeps its own).
    """
    first, _, more = words.partition(" ")
    plain = first.rstrip(END_MARKS)
    is_sentence = more[:1].islower() and plain[1:].islower()
    return words[:1].lower() + words[1:] if is_sentence and len(plain) > 1 else words
