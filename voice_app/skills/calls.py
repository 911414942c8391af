"""The way of the tools: which one a turn means, its call as JSON, and its answer. `tool_skill` is the main path.

A call is made by rule where rules can read the words, or where these leave one choice for every argument; else the
language model writes it, held by the grammar of the tool's arguments and of the choices.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence

from pydantic import ValidationError

from inference.types import Message, Sampling, Text
from voice_app.core import events
from voice_app.core.errors import ToolError
from voice_app.core.ports import Priority
from voice_app.core.turn import Answer, Skill, TurnContext, text_delta
from voice_app.skills.fillers import bridged
from voice_app.skills.json_grammar import grammar_of
from voice_app.skills.number_words import LONGEST_REQUEST
from voice_app.skills.tool import Arguments, Outcome, Tool

LONGEST_CALL_TOKENS = 80
WRITTEN_CALL_S = 0.5
"""What the embedded language model takes to write a call (measured: 0.43 s, median)."""
GREEDY = Sampling(temperature=0.0, repeat_penalty=1.0)
"""A call repeats the words of the request, which is no fault."""


def tool_skill(tools: Sequence[Tool]) -> Skill:
    """Return the way that answers the turns that are calls of these tools."""

    def way(context: TurnContext) -> Answer | None:
        found = meant(context.text, tools)
        if found is None:
            return None
        tool, arguments = found
        takes_s = tool.takes_s() + (WRITTEN_CALL_S if arguments is None else 0.0)
        if takes_s:
            bridged(context, tool.bridge, takes_s)
        return _answer(context, tool, arguments)

    return way


def meant(text: str, tools: Sequence[Tool]) -> tuple[Tool, Arguments | None] | None:
    """Return the tool that a request is to, with its arguments where rules can read them; None: it is to no tool."""
    if len(text) > LONGEST_REQUEST:
        return None
    for tool in tools:
        if (arguments := tool.by_rule(text)) is not None:
            return tool, arguments
    return next(((tool, settled(tool, tool.choices(text))) for tool in tools if tool.is_meant(text)), None)


def settled(tool: Tool, choices: Mapping[str, Sequence[str]]) -> Arguments | None:
    """Return the arguments where there is one choice for each of them, and so nothing for a model to tell."""
    if any(len(choices.get(name, ())) != 1 for name in tool.arguments.model_fields):
        return None
    try:
        return tool.arguments.model_validate({name: values[0] for name, values in choices.items()})
    except ValidationError:
        return None


async def _answer(
    context: TurnContext, tool: Tool, arguments: Arguments | None
) -> AsyncGenerator[Text, None]:
    """Make the call and say what it came to."""
    if arguments is None:
        arguments = await _written(context, tool)
    if arguments is None:
        yield text_delta(tool.unclear)
        return
    context.emit(events.ToolCalled(name=tool.name, arguments=arguments.model_dump_json()))
    outcome = await _run(context, tool, arguments)
    context.emit(events.ToolAnswered(name=tool.name, output=outcome.text, sources=outcome.sources))
    if outcome.effect:
        context.reply.when_released(outcome.effect)
    yield text_delta(outcome.text)


async def _run(context: TurnContext, tool: Tool, arguments: Arguments) -> Outcome:
    try:
        if tool.takes_s():
            return await context.engines.scheduler.call(
                Priority.FIRST_TOKENS, lambda: tool.run(arguments), on="skill"
            )
        return tool.run(arguments)
    except ToolError as error:
        return Outcome(str(error))


async def _written(context: TurnContext, tool: Tool) -> Arguments | None:
    """Let the language model fill in the arguments; None where what it wrote is cut off."""
    tokens = context.written(
        call_prompt(tool, context.text),
        max_tokens=LONGEST_CALL_TOKENS,
        grammar=grammar_of(tool.arguments, tool.choices(context.text)),
        sampling=GREEDY,
    )
    return parsed(tool, "".join([token.text async for token in tokens]))


def parsed(tool: Tool, text: str) -> Arguments | None:
    """Return the arguments that a language model has written; None where they are cut off."""
    try:
        return tool.arguments.model_validate_json(text)
    except ValidationError:
        return None


def call_prompt(tool: Tool, text: str) -> tuple[Message, ...]:
    """Return the messages to which the language model writes a call."""
    fields = ", ".join(tool.arguments.model_fields)
    shown = [
        message
        for request, call in tool.examples
        for message in (Message("user", request), Message("assistant", call))
    ]
    return (
        Message("system", f"Write what the user asks as JSON with {fields}."),
        *shown,
        Message("user", text),
    )
