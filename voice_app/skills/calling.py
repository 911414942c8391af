"""Makes a call and says what comes of it; the language model writes the call where its arguments are open."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from pydantic import ValidationError

from inference.types import Message, Sampling, Text
from voice_app.core import events
from voice_app.core.errors import ToolError
from voice_app.core.history import SkillCall
from voice_app.core.ports import Priority
from voice_app.core.turn import Answer, TurnContext, announcement, text_delta
from voice_app.skills.fillers import set_filler
from voice_app.skills.json_grammar import grammar_of
from voice_app.skills.skill import Arguments, Clarify, Open, Outcome, Refuse, Skill

LONGEST_CALL_TOKENS = 80
WRITTEN_CALL_S = 0.5
"""What the embedded language model takes to write a call (measured: 0.43 s, median)."""
GREEDY = Sampling(temperature=0.0, repeat_penalty=1.0)
"""A call repeats the words of the request, which is no fault."""


def all_answered(context: TurnContext, calls: Sequence[tuple[Skill, object]]) -> Answer:
    """Return the answers to one or more calls, one after the other."""
    answers = [answered(context, skill, call) for skill, call in calls]
    return answers[0] if len(answers) == 1 else _in_order(answers)


async def _in_order(answers: Sequence[Answer]) -> AsyncGenerator[Text, None]:
    for number, answer in enumerate(answers):
        if number:
            yield text_delta(" ")
        async with aclosing(answer) as words:
            async for word in words:
                yield word


def answered(context: TurnContext, skill: Skill, call: object) -> Answer:
    """Return the answer to a call, which may be Open, or a question back, or a refusal; it is kept with the turn."""
    takes_s = skill.takes_s() + (WRITTEN_CALL_S if isinstance(call, Open) else 0.0)
    if takes_s:
        set_filler(context, skill.filler, takes_s)
    if isinstance(call, Open):
        return _written_and_answered(context, skill, call)
    kept = SkillCall(skill.name, json.dumps(arguments_of(call), ensure_ascii=False, default=str))
    context.reply.calls.append(kept)
    return _kept(context, kept, _answer(context, skill, call, kept))


async def _kept(context: TurnContext, kept: SkillCall, answer: Answer) -> AsyncGenerator[Text, None]:
    async with aclosing(answer) as words:
        async for word in words:
            kept.output += word.text
            yield word
    if context.reply.acts and kept.kind == "answer":
        kept.kind = "deed"


def _answer(context: TurnContext, skill: Skill, call: object, kept: SkillCall) -> Answer:
    if isinstance(call, Clarify):
        kept.kind = "question"
        return announcement(call.question)
    if isinstance(call, Refuse):
        kept.kind = "refusal"
        return announcement(call.text)
    if skill.answer is not None:
        return skill.answer(call, context)
    assert isinstance(call, Arguments)
    return _run(context, skill, call, kept)


async def _run(
    context: TurnContext, skill: Skill, call: Arguments, kept: SkillCall
) -> AsyncGenerator[Text, None]:
    context.emit(events.ToolCalled(name=skill.name, arguments=call.model_dump_json()))
    outcome = await _outcome(context, skill, call)
    if isinstance(outcome, ToolError):
        kept.kind, outcome = "refusal", Outcome(str(outcome))
    context.emit(events.ToolAnswered(name=skill.name, output=outcome.text, sources=outcome.sources))
    if outcome.effect:
        context.reply.when_released(outcome.effect)
    yield text_delta(outcome.text)


async def _written_and_answered(context: TurnContext, skill: Skill, call: Open) -> AsyncGenerator[Text, None]:
    written = await _written(context, skill, call)
    async with aclosing(answered(context, skill, written or Refuse(skill.phrases.unclear))) as words:
        async for word in words:
            yield word


async def _outcome(context: TurnContext, skill: Skill, call: Arguments) -> Outcome | ToolError:
    run = skill.run
    assert run is not None
    try:
        if skill.takes_s():
            return await context.engines.scheduler.call(Priority.FIRST_TOKENS, lambda: run(call), on="skill")
        return run(call)
    except ToolError as error:
        return error


def arguments_of(call: object) -> Mapping[str, Any]:
    """Return a call as a JSON object; one that is no Arguments has the name of its kind as its action."""
    match call:
        case Arguments():
            return call.model_dump()
        case Open():
            return {name: values[0] for name, values in call.choices.items() if len(values) == 1}
        case Clarify():
            return dict(call.arguments)
        case Refuse():
            return {}
    action = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(call).__name__).lower()
    return {"action": action, **dataclasses.asdict(call)}  # type: ignore[call-overload]


async def _written(context: TurnContext, skill: Skill, call: Open) -> Arguments | None:
    """Let the language model fill in the arguments; None where what it wrote is cut off."""
    assert skill.arguments is not None
    tokens = context.written(
        call_prompt(skill, context.text),
        max_tokens=LONGEST_CALL_TOKENS,
        grammar=grammar_of(skill.arguments, call.choices),
        sampling=GREEDY,
    )
    return parsed(skill, "".join([token.text async for token in tokens]))


def parsed(skill: Skill, text: str) -> Arguments | None:
    """Return the arguments that a language model has written; None where they are cut off."""
    assert skill.arguments is not None
    try:
        return skill.arguments.model_validate_json(text)
    except ValidationError:
        return None


def call_prompt(skill: Skill, text: str) -> tuple[Message, ...]:
    """Return the messages to which the language model writes a call."""
    assert skill.arguments is not None
    fields = ", ".join(skill.arguments.model_fields)
    shown = [
        message
        for request, call in skill.phrases.examples
        for message in (Message("user", request), Message("assistant", call))
    ]
    return (
        Message("system", f"Write what the user asks as JSON with {fields}."),
        *shown,
        Message("user", text),
    )
