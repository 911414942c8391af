"""Says whose turn it is: the one place that knows in which order a turn's words are read, and by whom.

0. a skill of the last turns, which goes on             follow
1. the sayings of every skill, as a whole, or parts     template
2. which skill is meant, or none                        choice
3. the arguments, read by the skill that is meant       fill
4. nobody: the turn is the language model's             chat
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import ValidationError

from inference.types import Message
from voice_app.core.turn import Answer, TurnContext
from voice_app.skills.calling import all_answered, arguments_of
from voice_app.skills.followed import calls_before
from voice_app.skills.parts import has_parts, is_any_text, splits
from voice_app.skills.skill import Arguments, Called, Clarify, Fallback, Open, Refuse, Skill
from voice_app.skills.utterance import Utterance

By = Literal["template", "rule", "model"]


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
    for skill in skills:
        for arguments in skill.phrases.match(utterance):
            if (call := _valid(skill, arguments)) is not None:
                yield Route(skill, call, "template")


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


@dataclass(frozen=True, slots=True)
class Router:
    """Answers the turns that are a skill's."""

    skills: tuple[Skill, ...]

    def __call__(self, context: TurnContext) -> Answer | None:
        """Return the answer of the skills that the turn is for, None where it is for none."""
        found = routes(Utterance.of(context.text), self.skills, context.earlier, calls_before(context.turns))
        return all_answered(context, [(each.skill, each.call) for each in found]) if found else None
