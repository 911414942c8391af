"""Says whose turn it is: the one place that knows in which order a turn's words are read, and by whom.

0. a skill of the last turns, which goes on             follow
1. the sayings of every skill, as a whole, or parts     template
2. which skill is meant, or none                        choice
3. the arguments, read by the skill that is meant       fill
4. nobody: the turn is the language model's             chat
"""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import ValidationError

from inference.protocols import ChoosingChat
from inference.types import Message, Text
from voice_app.core.history import SkillCall
from voice_app.core.ports import Priority
from voice_app.core.turn import Answer, TurnContext, announcement
from voice_app.skills.calling import all_answered, answered, arguments_of
from voice_app.skills.choice import CERTAIN, PLAUSIBLE, SURE, Choice, asks_nothing, is_impossible, odds
from voice_app.skills.fillers import bridging
from voice_app.skills.followed import calls_before
from voice_app.skills.parts import LONGEST_LINE, has_parts, is_any_text, splits
from voice_app.skills.skill import Arguments, Called, Clarify, Fallback, Open, Refuse, Skill
from voice_app.skills.utterance import Utterance

By = Literal["template", "rule", "model"]
NO_SAYING = ("negation", "reported")
"""What no saying may match: the words of a request may stand in it."""
CANNOT = "I'm sorry, I can't do that."


@dataclass(frozen=True, slots=True)
class Reading:
    """What a skill reads in words that are no saying, and how much likelier than chat it is by the classifier."""

    call: Any
    lead: float


Readings = Mapping[str, Reading]
"""By the names of the skills, the likeliest first."""


@dataclass(frozen=True, slots=True)
class Route:
    """The skill that a turn is for, and its call."""

    skill: Skill
    call: Any
    """Open where the language model has to write it; Clarify, Refuse where it can't be made."""
    by: By

    @property
    def arguments(self) -> Mapping[str, Any]:
        """Return the call as a JSON object; what is open is left out."""
        return arguments_of(self.call)


def route(
    utterance: Utterance,
    skills: Sequence[Skill],
    earlier: Sequence[Message] = (),
    called: Sequence[Called] = (),
) -> Route | None:
    """Return whose turn this is, as far as code can tell; the first call of several. See `routes`."""
    found = routes(utterance, skills, earlier, called)
    return found[0] if found else None


def routes(
    utterance: Utterance,
    skills: Sequence[Skill],
    earlier: Sequence[Message] = (),
    called: Sequence[Called] = (),
) -> list[Route]:
    """Return the calls of a turn, as far as code can tell without a choice; none where there are none.

    `earlier` are the turns before it, `called` the calls made in them, the most recent first.
    """
    if not utterance.text:
        return []
    if found := _precise(utterance, skills, called):
        if not has_parts(found.arguments):
            return [found]
        return _several(utterance.text, skills, called) or [found]
    if several := _several(utterance.text, skills, called):
        return several
    read = next(_readings(utterance, skills, earlier), None)
    return [read] if read else []


def _precise(utterance: Utterance, skills: Sequence[Skill], called: Sequence[Called]) -> Route | None:
    """Return the call that words are for sure: one that goes on from an earlier call, or a saying."""
    return next(_going_on(utterance, skills, called), None) or next(_said(utterance, skills), None)


def _going_on(utterance: Utterance, skills: Sequence[Skill], called: Sequence[Called]) -> Iterator[Route]:
    known = {skill.name: skill for skill in skills if skill.follow}
    for call in called:
        if (skill := known.get(call.name)) and skill.follow:
            reading = skill.follow(utterance, call)
            if reading is not None:
                yield Route(skill, reading, "template")


def _said(utterance: Utterance, skills: Sequence[Skill]) -> Iterator[Route]:
    """Yield the calls that the skills' phrases make of an utterance, those that their schemas accept."""
    if asks_nothing(utterance) in NO_SAYING:
        return
    for skill in skills:
        for arguments in skill.phrases.match(utterance):
            if (call := _valid(skill, arguments)) is not None:
                yield Route(skill, skill.asks(call) or call, "template")


def _several(text: str, skills: Sequence[Skill], called: Sequence[Called]) -> list[Route]:
    """Return the calls of several requests in one sentence; none unless every part is one for sure."""
    for first, lead, rest in splits(text):
        begun = _precise(Utterance.of(first), skills, called)
        if begun is None or isinstance(begun.call, Clarify | Refuse):
            continue
        made = Called(begun.skill.name, begun.arguments, "")
        more = _rest(rest, lead, begun, skills, (made, *called))
        if more:
            return [begun, *more]
    return []


def _rest(
    rest: str, lead: Sequence[str], begun: Route, skills: Sequence[Skill], called: Sequence[Called]
) -> list[Route]:
    """Return the calls of what comes after the first part; it may leave out the words that the first began with."""
    if several := _several(rest, skills, called):
        return several
    said = Utterance.of(rest)
    if found := next(_said(said, skills), None) or next(_going_on(said, [begun.skill], called), None):
        return [found]
    led = (found for words in lead for found in _said(Utterance.of(f"{words} {rest}"), [begun.skill]))
    return [found for found in led if not is_any_text(found.arguments, said.request)][:1]


def _readings(utterance: Utterance, skills: Sequence[Skill], earlier: Sequence[Message]) -> Iterator[Route]:
    """Yield what skills read in words that are no saying: for sure, then maybe, then where nobody else is meant."""
    maybe = []
    for skill in skills:
        reading = skill.read(utterance, earlier)
        if isinstance(reading, Open | Fallback):
            maybe.append((skill, reading))
        elif reading is not None:
            yield Route(skill, reading, "rule")
    for skill, reading in maybe:
        if isinstance(reading, Open):
            call = settled(skill, reading)
            yield Route(skill, call or reading, "rule" if call else "model")
    yield from (
        Route(skill, reading.call, "rule") for skill, reading in maybe if isinstance(reading, Fallback)
    )


def settled(skill: Skill, reading: Open) -> Arguments | None:
    """Return the call where there is one choice for each argument, and so nothing for a model to tell."""
    assert skill.arguments is not None
    if any(len(reading.choices.get(name, ())) != 1 for name in skill.arguments.model_fields):
        return None
    return _valid(skill, {name: values[0] for name, values in reading.choices.items()})


def _valid(skill: Skill, arguments: Mapping[str, Any]) -> Arguments | None:
    assert skill.arguments is not None
    try:
        return skill.arguments.model_validate(arguments)
    except ValidationError:
        return None


def is_open(likely: Readings) -> bool:
    """Return whether only a language model can tell if a likely skill is meant."""
    return bool(likely) and max(reading.lead for reading in likely.values()) < CERTAIN


class Router:
    """Answers the turns that are a skill's."""

    def __init__(self, skills: Sequence[Skill]) -> None:
        self.skills = tuple(skills)
        self._choice: Choice | None = None

    def __call__(self, context: TurnContext) -> Answer | None:
        """Return the answer of the skills that the turn is for, None where it is for none.

        Where only the language model can tell, the answer begins with asking it, and may turn out to be its own.
        """
        said = Utterance.of(context.text)
        if found := routes(said, self.skills, context.earlier, calls_before(context.turns)):
            return all_answered(context, [(each.skill, each.call) for each in found])
        likely = self.likely(said, context.earlier)
        if is_open(likely) and context.engines.chooser:
            return self._asked(context, said, likely, context.engines.chooser)
        chosen = self.likeliest(likely)
        return answered(context, chosen.skill, chosen.call) if chosen else _refused(context, said)

    @property
    def choice(self) -> Choice:
        """Return what chooses among the skills; made once, in a fraction of a second."""
        self._choice = self._choice or Choice.among(self.skills)
        return self._choice

    def likely(self, said: Utterance, earlier: Sequence[Message] = ()) -> Readings:
        """Return what plausible skills read in words that are no saying; nothing where they are chat for sure."""
        if not said.request or len(said.text) > LONGEST_LINE or asks_nothing(said):
            return {}
        found = {}
        for name, lead in self.choice.leads(said).items():
            fill = self.choice.skills[name].fill
            if lead >= PLAUSIBLE and fill and (call := fill(said, earlier)) is not None:
                found[name] = Reading(call, lead)
        return found

    def likeliest(self, likely: Readings) -> Route | None:
        """Return the call of the likeliest skill by the classifier alone; None where none is likely enough."""
        name, reading = next(iter(likely.items()), ("", Reading(None, -math.inf)))
        return Route(self.choice.skills[name], reading.call, "model") if reading.lead >= SURE else None

    def chosen(self, said: Utterance, likely: Readings, chooser: ChoosingChat) -> Route | None:
        """Return the call of the skill that the language model chooses among the likely ones. Blocks."""
        for name in self.choice.ordered(odds(chooser, self.skills, said.text)):
            if name in likely:
                return Route(self.choice.skills[name], likely[name].call, "model")
        return None

    async def _asked(
        self, context: TurnContext, said: Utterance, likely: Readings, chooser: ChoosingChat
    ) -> AsyncGenerator[Text, None]:
        """Ask the language model whose the turn is, then answer it: as a skill, or as chat."""
        with bridging(context):
            chosen = await context.engines.scheduler.call(
                Priority.FIRST_TOKENS, lambda: self.chosen(said, likely, chooser), on="llm"
            )
        answer = answered(context, chosen.skill, chosen.call) if chosen else context.chat()
        async with aclosing(answer) as words:
            async for word in words:
                yield word


def _refused(context: TurnContext, said: Utterance) -> Answer | None:
    """Return a refusal where a deed is asked for that no skill can do, None for other words."""
    if not is_impossible(said):
        return None
    context.reply.calls.append(SkillCall("none", "{}", CANNOT, "refusal"))
    return announcement(CANNOT)
