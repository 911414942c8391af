"""Says whose turn it is: the one place that knows in which order a turn's words are read, and by whom.

1. the sayings of every skill, as a whole            template
2. what a skill reads in the words                   rule
3. a skill that is meant, its arguments open         model
4. what is said where no other skill is meant        rule
5. nobody: the turn is the language model's          chat
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import ValidationError

from inference.types import Message
from voice_app.core.turn import Answer, TurnContext
from voice_app.skills.calling import answered
from voice_app.skills.skill import Arguments, Fallback, Open, Skill
from voice_app.skills.utterance import Utterance


@dataclass(frozen=True, slots=True)
class Route:
    """The skill that a turn is for, and its call."""

    skill: Skill
    call: Any
    """Open where the language model has to write it."""
    by: Literal["template", "rule", "model"]

    @property
    def arguments(self) -> Mapping[str, Any]:
        """Return the call as a JSON object; what is open is left out."""
        return arguments_of(self.call)


def route(utterance: Utterance, skills: Sequence[Skill], earlier: Sequence[Message] = ()) -> Route | None:
    """Return whose turn this is, None where it is no skill's; `earlier` are the turns before it."""
    return next(_routes(utterance, skills, earlier), None) if utterance.text else None


def _routes(utterance: Utterance, skills: Sequence[Skill], earlier: Sequence[Message]) -> Iterator[Route]:
    yield from (Route(skill, call, "template") for skill in skills for call in _said(utterance, skill))
    readings = []
    for skill in skills:
        reading = skill.read(utterance, earlier)
        if isinstance(reading, Open | Fallback):
            readings.append((skill, reading))
        elif reading is not None:
            yield Route(skill, reading, "rule")
    for skill, reading in readings:
        if isinstance(reading, Open):
            call = settled(skill, reading)
            yield Route(skill, call or reading, "rule" if call else "model")
    yield from (
        Route(skill, reading.call, "rule") for skill, reading in readings if isinstance(reading, Fallback)
    )


def _said(utterance: Utterance, skill: Skill) -> Iterator[Arguments]:
    """Yield the calls that the skill's phrases make of an utterance, those that its schema accepts."""
    for arguments in skill.phrases.match(utterance):
        if (call := _valid(skill, arguments)) is not None:
            yield call


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


def arguments_of(call: object) -> Mapping[str, Any]:
    """Return a call as a JSON object; one that is no Arguments has the name of its kind as its action."""
    if isinstance(call, Arguments):
        return call.model_dump()
    if isinstance(call, Open):
        return {name: values[0] for name, values in call.choices.items() if len(values) == 1}
    action = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(call).__name__).lower()
    return {"action": action, **dataclasses.asdict(call)}  # type: ignore[call-overload]


@dataclass(frozen=True, slots=True)
class Router:
    """Answers the turns that are a skill's."""

    skills: tuple[Skill, ...]

    def __call__(self, context: TurnContext) -> Answer | None:
        """Return the answer of the skill that the turn is for, None where it is for none."""
        found = route(Utterance.of(context.text), self.skills, context.earlier)
        return answered(context, found.skill, found.call) if found else None
