"""Thinking harder: a question is answered several times within a time budget, and what most answers agree on is said.

The vote is over what the answers say beside the question: numbers, names, yes and no. The model's first choice takes
part, and wins ties: `tests/bench/think.py` compares this with the first choice alone and with a verifier.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace

from inference.types import Message, Sampling, Text
from voice_app.core import clock, events
from voice_app.core.turn import THINKING, Answer, TurnContext, announcement
from voice_app.skills.fillers import set_filler
from voice_app.skills.number_words import canonical
from voice_app.skills.phrases import Phrases
from voice_app.skills.skill import Arguments, Skill, skill
from voice_app.skills.utterance import Utterance

WARMTH = 0.7
"""Temperature of all samples but the first."""
LONGEST_ANSWER_TOKENS = 60
LONGEST_COMPARED = 300
"""Characters of an answer that the vote looks at."""
CHOSEN = 0
"""Token id of an answer that the language model has written before: not the program's own words."""
WHAT_ABOUT = "What shall I think about?"
_WORD = re.compile(r"[a-z]+|\d+(?:\.\d+)?")
_COMMON_WORDS = (
    "a an the is are was were be been of in on at to and or it its that this by for as with from they you your we i "
    "has have had do does did can will not there their which who what how many called known also about s answer"
)
_COMMON = frozenset(_COMMON_WORDS.split())


class Question(Arguments):
    """What to think about."""

    question: str = ""
    """Empty: the question before."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How much a question is thought about."""

    samples: int = 5
    budget_s: float = 4.0


@dataclass(slots=True)
class Considering:
    """The answers to a question so far."""

    question: str
    effort: Effort
    answers: list[str] = field(default_factory=list)

    def add(self, answer: str) -> None:
        """Take in another answer."""
        self.answers.append(answer.strip())

    def enough(self, spent_s: float) -> bool:
        """Return whether to stop: all samples drawn, the time spent, or nothing left that could change the choice."""
        drawn, left = len(self.answers), self.effort.samples - len(self.answers)
        if not drawn:
            return False
        _, agreed = self.chosen()
        return left <= 0 or spent_s >= self.effort.budget_s or agreed > drawn - agreed + left

    def chosen(self) -> tuple[str, int]:
        """Return the answer that most agree with, the earliest of equals, and how many do."""
        said_beside = [gist(self.question, answer) for answer in self.answers]
        votes = [sum(alike(one, other) for other in said_beside) for one in said_beside]
        best = votes.index(max(votes))
        return self.answers[best], votes[best]

    def sampling(self, plain: Sampling) -> Sampling:
        """Return how the next answer is drawn: the first one as always, the others warmer, each with its own seed."""
        drawn = len(self.answers)
        return replace(plain, temperature=WARMTH, seed=plain.seed + drawn) if drawn else plain


def gist(question: str, answer: str) -> frozenset[str]:
    """Return what an answer says beside the question: its words without common ones, numbers as digits, singular."""
    context = _words(question)
    return frozenset(_words(answer[:LONGEST_COMPARED].split("\n")[0]) - context)


def _words(text: str) -> set[str]:
    words = set(_WORD.findall(canonical(text))) - _COMMON
    return {word[:-1] if len(word) > 3 and word.endswith("s") else word for word in words}


def alike(one: frozenset[str], other: frozenset[str]) -> bool:
    """Return whether two answers say the same: at least half of what either says. Silence agrees with silence."""
    return 2 * len(one & other) >= len(one | other)


_ASKED = re.compile(r"\bthink\b[^,:;.]*[,:;.] (?P<question>\S.{8,})", re.IGNORECASE)


def fill(utterance: Utterance, earlier: Sequence[Message]) -> Question | None:
    """Read the question that stands after the request to think about it; None where there is none."""
    found = _ASKED.search(utterance.plain)
    return Question(question=found["question"]) if found else None


def think_skill(effort: Effort) -> Skill:
    """Return the skill that answers "think harder about …"."""

    @skill("think", about="Answers a question several times, and says what most answers agree on.", fill=fill)
    def think(call: Question, context: TurnContext) -> Answer:
        question = call.question or _last_question(context, think.phrases)
        if not question:
            return announcement(WHAT_ABOUT)
        set_filler(context, THINKING, effort.budget_s)
        return _considered(context, question, effort)

    return think


def _last_question(context: TurnContext, phrases: Phrases) -> str:
    """Return what the user asked before, answered or not, without the request to think harder about it."""

    def question_in(text: str) -> str | None:
        found = next(phrases.match(Utterance.of(text)), None)
        return None if found is None else str(found["question"])

    before = [message.content for message in context.earlier if message.role == "user"]
    lines = (context.unanswered or (before[-1] if before else "")).split("\n")
    while len(lines) > 1 and question_in(lines[-1]) == "":
        lines.pop()
    last = "\n".join(lines)
    question = question_in(last)
    return last if question is None else question


async def _considered(context: TurnContext, question: str, effort: Effort) -> AsyncGenerator[Text, None]:
    """Say the answer that most samples agree on."""
    start_s, thought = clock.now(), Considering(question, effort)
    messages = (*context.messages[:-1], Message("user", question))
    while not thought.enough(clock.now() - start_s):
        answer = await _sample(context, messages, thought, start_s + effort.budget_s)
        if answer is not None:
            thought.add(answer)
    answer, agreed = thought.chosen()
    context.emit(
        events.Considered(
            samples=len(thought.answers),
            agreed=agreed,
            spent_s=round(clock.now() - start_s, 3),
            budget_s=effort.budget_s,
        )
    )
    yield Text(answer, CHOSEN)


async def _sample(
    context: TurnContext, messages: tuple[Message, ...], thought: Considering, until_s: float
) -> str | None:
    """Return one answer; None for one that is under way when the time is spent, unless it is the first."""
    text = ""
    tokens = context.written(
        messages, max_tokens=LONGEST_ANSWER_TOKENS, sampling=thought.sampling(context.style.sampling)
    )
    async with aclosing(tokens):
        async for token in tokens:
            text += token.text
            if thought.answers and clock.now() > until_s:
                return None
    return text
