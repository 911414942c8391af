"""Makes a call and says what comes of it; the language model writes the call where its arguments are open."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from pydantic import ValidationError

from inference.types import Message, Sampling, Text
from voice_app.core import events
from voice_app.core.errors import ToolError
from voice_app.core.ports import Priority
from voice_app.core.turn import Answer, TurnContext, text_delta
from voice_app.skills.fillers import set_filler
from voice_app.skills.json_grammar import grammar_of
from voice_app.skills.skill import Arguments, Open, Outcome, Skill

LONGEST_CALL_TOKENS = 80
WRITTEN_CALL_S = 0.5
"""What the embedded language model takes to write a call (measured: 0.43 s, median)."""
GREEDY = Sampling(temperature=0.0, repeat_penalty=1.0)
"""A call repeats the words of the request, which is no fault."""


def answered(context: TurnContext, skill: Skill, call: object) -> Answer:
    """Return the answer to a call, which may be Open."""
    if skill.answer is not None:
        return skill.answer(call, context)
    takes_s = skill.takes_s() + (WRITTEN_CALL_S if isinstance(call, Open) else 0.0)
    if takes_s:
        set_filler(context, skill.filler, takes_s)
    return _answered(context, skill, call)


async def _answered(context: TurnContext, skill: Skill, call: object) -> AsyncGenerator[Text, None]:
    arguments = await _written(context, skill, call) if isinstance(call, Open) else call
    if not isinstance(arguments, Arguments):
        yield text_delta(skill.phrases.unclear)
        return
    context.emit(events.ToolCalled(name=skill.name, arguments=arguments.model_dump_json()))
    outcome = await _outcome(context, skill, arguments)
    context.emit(events.ToolAnswered(name=skill.name, output=outcome.text, sources=outcome.sources))
    if outcome.effect:
        context.reply.when_released(outcome.effect)
    yield text_delta(outcome.text)


async def _outcome(context: TurnContext, skill: Skill, call: Arguments) -> Outcome:
    run = skill.run
    assert run is not None
    try:
        if skill.takes_s():
            return await context.engines.scheduler.call(Priority.FIRST_TOKENS, lambda: run(call), on="skill")
        return run(call)
    except ToolError as error:
        return Outcome(str(error))


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
