"""Whether an answer claims a deed that was not done, told by what there is before and after it. Pure.

The forms of a claim are written down independently of the program's own sentences, and of its guard: `claims.yaml`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache

import yaml

from voice_app.bench.answers.seen import SeenTurn
from voice_app.bench.answers.sets import FOLDER
from voice_app.bench.answers.words import tokens

GAP = 5
"""Words of any kind that `...` may stand for."""
OPENING = frozenset(
    {"if", "when", "whenever", "once", "after", "before", "until", "unless", "whether"}
    | {"would", "could", "should", "can", "may", "might", "how", "what", "which", "who", "where", "why"}
    | {"no", "not", "never", "nothing", "neither", "cannot", "can't"}
)
"""What makes a sentence one that claims nothing, where it stands before the words of a claim."""
CONTRACTIONS = {
    "i'll": "i will", "i've": "i have", "i'm": "i am", "it's": "it is", "that's": "that is", "here's": "here is",
    "won't": "will not", "timer's": "timer is", "alarm's": "alarm is",
}  # fmt: skip
START, END = frozenset("^"), frozenset("$")
Step = tuple[frozenset[str] | None, bool]
"""Words of which one stands here, None for a gap; and whether it may be left out."""


def false_claim(turn: SeenTurn) -> str:
    """Return the words with which an answer claims what was not done; empty where it claims nothing of the kind."""
    if any(call.skill == "repeat" for call in turn.calls):  # what was true when it was said first
        return ""
    done = changed(turn)
    for sentence in sentences(turn.answer):
        for of, words in claims(sentence):
            if not (of in done or (of == "any" and done)):
                return f"{words} ({of})"
    return ""


def changed(turn: SeenTurn) -> set[str]:
    """Return what a turn has changed.

    What a skill tells of timers and memories that are there ("the alarm is set for seven") is true without a change.
    """
    before, after = turn.before, turn.after
    told = {call.skill for call in turn.calls if call.kind in ("answer", "deed")}
    done = set()
    if before.timers != after.timers or ("timer" in told and after.timers):
        done.add("timers")
    if before.memory != after.memory or ("memory" in told and after.memory):
        done.add("memory")
    if before.table != after.table:
        done.add("table")
    if "memory" not in done and done & {"timers", "table"}:  # "I have changed it" is said of all three
        done.add("memory")
    return done


def sentences(text: str) -> list[list[str]]:
    """Return the words of each sentence that is no question."""
    parts = re.findall(r"[^.!?\n]+[.!?\n]*", text)
    return [_words(part) for part in parts if not part.rstrip().endswith("?")]


def _words(text: str) -> list[str]:
    return " ".join(CONTRACTIONS.get(word, word) for word in tokens(text)).split()


def claims(sentence: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield what each claim of a sentence is about, and its words."""
    sentence = sentence[1:] if sentence[:2] == ["no", "i"] else sentence
    for of, forms in _forms().items():
        for form in forms:
            for start in range(len(sentence)):
                if OPENING & set(sentence[:start]):
                    break
                if end := _end(sentence, start, form):
                    yield of, " ".join(sentence[start:end])


def _end(said: Sequence[str], at: int, form: Sequence[Step]) -> int:
    """Return where a form ends that begins at `at`; 0 where it doesn't stand there."""
    if not form:
        return at
    (words, optional), rest = form[0], form[1:]
    if words in (START, END):
        return _end(said, at, rest) or at if at == (0 if words == START else len(said)) else 0
    if words is None:
        ends = (_end(said, at + skip, rest) for skip in range(min(GAP, len(said) - at) + 1))
        return next((end for end in ends if end), 0)
    if at < len(said) and said[at] in words and (end := _end(said, at + 1, rest)):
        return end
    return _end(said, at, rest) if optional else 0


@cache
def _forms() -> Mapping[str, tuple[tuple[Step, ...], ...]]:
    data = yaml.safe_load((FOLDER / "claims.yaml").read_text("utf-8"))
    return {of: tuple(tuple(map(_step, form.split())) for form in forms) for of, forms in data.items()}


def _step(word: str) -> Step:
    if word == "...":
        return None, False
    return frozenset(word.strip("()").split("|")), word.startswith("(")
