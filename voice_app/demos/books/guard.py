"""What a small language model does wrong, as its sentences show: loops, drift, talk about itself. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

from inference.stt.loops import repeats

LONGEST_SENTENCE = 45
"""Words. With it any page below 250 words has room for one more sentence within 300."""
SHORTEST_SENTENCE = 4
MOST_KNOWN_TRIGRAMS = 0.4
"""Share of a sentence's runs of three words that may be on the page already."""
SAME_STARTS = 2
"""Sentences in a row that may begin with the same word."""

_END = re.compile(r"[.!?]+[\"'”’)]*(?=\s|$)")
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_PLAIN = re.compile(r"[A-Z][A-Za-z0-9 ,;'’\"“”()%$&\u00C0-\u024F–—-]*[.!?][\"”’)]*")
_OF_ITSELF = re.compile(
    r"\b(AI|assistant|language model|chatbot|paragraph|section|chapter|narrator|Sure|I|I'm|me|my|we've|essay)\b"
)
_OPEN = re.compile(
    r"^[A-Z][a-z]+ing (?:the|how|your|that)\b[^,]*[.]$"  # no sentence, but the start of one
    r"|(?:^|\s)\d+\)|(?:such as|include|includes|following|are)\.$"  # a list, or what was to come before one
)
_COMMON_WORDS = (
    "the and for with what why how who when where which from into that your you are can does make makes about this "
    "have their they should"
)
_COMMON = frozenset(_COMMON_WORDS.split())


def sentences(text: str) -> list[str]:
    """Return the complete sentences of a text."""
    ends = [0, *(found.end() for found in _END.finditer(text))]
    return [" ".join(text[start:end].split()) for start, end in pairwise(ends)]


def folded_words(text: str) -> list[str]:
    """Return the words of a text as they are counted, case-folded."""
    return [word.casefold() for word in _WORD.findall(text)]


def word_count(texts: Iterable[str]) -> int:
    """Return how many words some texts have, between white space, as an editor counts them."""
    return sum(len(text.split()) for text in texts)


def fault(sentence: str, before: Sequence[str]) -> str | None:
    """Return why a sentence can't follow those `before` it on its page; None if it can."""
    said = folded_words(sentence)
    if len(said) < SHORTEST_SENTENCE or len(sentence.split()) > LONGEST_SENTENCE:
        return "length"
    if not _PLAIN.fullmatch(sentence) or _OPEN.search(sentence):
        return "form"
    if _OF_ITSELF.search(sentence):
        return "itself"
    if repeats(sentence) or is_known(sentence, before):
        return "loop"
    lately = [folded_words(one)[:1] for one in before[-SAME_STARTS:]]
    if len(lately) == SAME_STARTS and all(start == said[:1] for start in lately):
        return "loop"
    return None


def is_known(sentence: str, before: Sequence[str]) -> bool:
    """Return whether too much of a sentence is on the page already."""
    own = trigrams(sentence)
    known = {trigram for one in before for trigram in trigrams(one)}
    return bool(own) and sum(trigram in known for trigram in own) > MOST_KNOWN_TRIGRAMS * len(own)


def trigrams(text: str) -> list[tuple[str, ...]]:
    """Return every run of three words."""
    said = folded_words(text)
    return list(zip(said, said[1:], said[2:], strict=False))


def stems(*texts: str) -> frozenset[str]:
    """Return the beginnings of the words that carry a meaning: four letters, so that "keeping" and "keeper" meet."""
    found = (word for text in texts for word in folded_words(text))
    return frozenset(word[:4] for word in found if len(word) > 2 and word not in _COMMON)


def is_on_topic(text: str, about: frozenset[str]) -> bool:
    """Return whether a text has a word of its topic."""
    return not about or bool(stems(text) & about)
