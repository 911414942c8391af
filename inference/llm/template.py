"""The chat template of a model's file: what it refuses is put in a form that it takes.

Templates differ in what they take: some refuse a system role, a tool's role, or two messages of one role in a row, or
move the system text to the end of the chat, where it is read anew in every turn. Which of it one does is found out
once, by rendering a chat of marked words; from then on every chat is fitted to it, so that a longer chat begins as the
shorter one did.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from os.path import commonprefix
from typing import Any, Protocol

from inference.errors import TemplateError
from inference.llm.tool_calls import call_text
from inference.types import Message, Tool, ToolCall

NO_THOUGHTS: Mapping[str, bool] = {"enable_thinking": False, "thinking": False}
"""What templates call the switch for thinking: Qwen's and most others' name for it, and DeepSeek's."""
BETWEEN = "\n\n"
"""What stands between two messages that become one."""


class Render(Protocol):
    """Turns messages into a prompt. Raises TemplateError where the template refuses them in every form."""

    def __call__(
        self, messages: Sequence[Message], go_on: bool, tools: Sequence[Tool] = (), thinks: bool = True
    ) -> str:
        """Return the prompt; with `go_on` up to where the assistant is to go on, `thinks` as the template allows."""
        ...


@dataclass(frozen=True, slots=True)
class Habits:
    """What a template takes as it is."""

    system: bool = True
    """A system message, at the beginning, which stays there as the chat grows."""
    results: bool = True
    """Calls and messages of the role "tool"."""
    any_order: bool = True
    """Messages of one role in a row, and an assistant's as the first."""
    calls: bool = True
    """Calls as values; else they are told as text."""


STRICT = Habits(system=False, results=False, any_order=False, calls=False)
"""Users and assistant in turn, and nothing else: what every template takes."""


class Template:
    """A Jinja template that renders any chat; it runs in a sandbox, since it comes from the model's file."""

    def __init__(self, source: str, bos: str, eos: str) -> None:
        """Raise TemplateError for one that can't be parsed, or that refuses the plainest chat."""
        from jinja2 import TemplateSyntaxError
        from llama_cpp.llama_chat_format import Jinja2ChatFormatter

        try:
            self._formatters = {
                go_on: Jinja2ChatFormatter(source, eos, bos, add_generation_prompt=go_on)
                for go_on in (True, False)
            }
        except TemplateSyntaxError as error:
            raise TemplateError(f"{error.message}, line {error.lineno}") from error
        except Exception as error:
            raise TemplateError(_reason(error)) from error
        self._habits = self._found_habits(knows_calls="tool_calls" in source)

    def __call__(
        self, messages: Sequence[Message], go_on: bool, tools: Sequence[Tool] = (), thinks: bool = True
    ) -> str:
        """See Render."""
        try:
            return self._rendered(messages, self._habits, go_on, (tools, thinks))
        except TemplateError:
            return self._rendered(messages, STRICT, go_on, (tools, thinks))

    def _rendered(
        self,
        messages: Sequence[Message],
        habits: Habits,
        go_on: bool,
        wanted: tuple[Sequence[Tool], bool] = ((), True),
    ) -> str:
        tools, thinks = wanted
        rows = [_row(message) for message in fitted(messages, habits)]
        more = {} if thinks else NO_THOUGHTS
        try:
            found = self._formatters[go_on](
                messages=rows, tools=[_schema(tool) for tool in tools] or None, **more
            )
        except Exception as error:  # a template is a program of somebody else: it may raise anything
            raise TemplateError(_reason(error)) from error
        return str(found.prompt)

    def _found_habits(self, *, knows_calls: bool) -> Habits:
        """Try what templates refuse, one thing at a time. Raises TemplateError where the plainest chat is refused."""
        users = [Message("user", f"user-{number}") for number in range(3)]
        replies = [Message("assistant", f"reply-{number}") for number in range(2)]
        plain = (users[0], replies[0], users[1])
        self._rendered(plain, STRICT, True)
        called = replace(replies[0], content="", tool_calls=(ToolCall("call_1", "tool-name", "{}"),))
        chats = {
            "system": (Message("system", "system-0"), *plain, replies[1], users[2]),
            "results": (users[0], called, Message("tool", "result-0", call_id="call_1"), replies[1]),
            "any_order": (replies[0], users[0], users[1], replies[1]),
        }
        base = replace(STRICT, calls=knows_calls)
        return replace(
            base,
            **{name: self._takes(chat, replace(base, **{name: True})) for name, chat in chats.items()},
        )

    def _takes(self, messages: Sequence[Message], habits: Habits) -> bool:
        """Return whether all of a chat is in its prompt, in order, and grows at its end as the chat does."""
        try:
            text = self._rendered(messages, habits, False)
        except TemplateError:
            return False
        words = [message.content or message.tool_calls[0].name for message in messages]
        places = [text.find(word) for word in words]
        return -1 not in places and all(one <= other for one, other in pairwise(places))


def fitted(messages: Sequence[Message], habits: Habits) -> list[Message]:
    """Return a chat in the form that a template takes; nothing of it is lost.

    What a system message says goes into the first message of the user, or into the next one.
    """
    some = [message if habits.calls else _told(message) for message in messages]
    if not habits.results:
        some = [_as_user(message) if message.role == "tool" else _told(message) for message in some]
    if not habits.any_order or not habits.system:
        leading = next((place for place, one in enumerate(some) if one.role != "system"), len(some))
        begun = some[:leading] if habits.system else []
        rest = [replace(one, role="user") if one.role == "system" else one for one in some[len(begun) :]]
        some = [*begun, *_moved_to_the_user(rest)] if habits.any_order else [*begun, *rest]
    if habits.any_order:
        return some
    joined = _joined(some)
    first = next((place for place, one in enumerate(joined) if one.role != "system"), len(joined))
    if first < len(joined) and joined[first].role == "assistant":
        joined.insert(first, Message("user", ""))
    return joined


def _moved_to_the_user(messages: Sequence[Message]) -> list[Message]:
    """Return a chat whose first messages of the user, which were the system's, are one with the next."""
    count = next((place for place, one in enumerate(messages) if one.role != "user"), len(messages))
    return [*_joined(messages[:count]), *messages[count:]]


def _joined(messages: Iterable[Message]) -> list[Message]:
    """Return messages without two of one role in a row."""
    joined: list[Message] = []
    for message in messages:
        if joined and joined[-1].role == message.role != "tool":
            last = joined[-1]
            content = BETWEEN.join(text for text in (last.content, message.content) if text)
            joined[-1] = replace(last, content=content, tool_calls=last.tool_calls + message.tool_calls)
        else:
            joined.append(message)
    return joined


def _told(message: Message) -> Message:
    """Return a message with its calls as text, as a model writes them."""
    if not message.tool_calls:
        return message
    texts = [call_text(call.name, json.loads(call.arguments)) for call in message.tool_calls]
    return replace(
        message, content="\n".join([message.content, *texts] if message.content else texts), tool_calls=()
    )


def _as_user(message: Message) -> Message:
    return Message("user", f"<tool_response>\n{message.content}\n</tool_response>")


def _row(message: Message) -> Any:
    """Return a message as templates take it: that of Hugging Face's Transformers."""
    row: dict[str, Any] = {"role": message.role, "content": defused(message.content)}
    if message.tool_calls:
        row["tool_calls"] = [{"type": "function", **_call(call)} for call in message.tool_calls]
    if message.call_id:
        row["tool_call_id"] = message.call_id
    return row


def _call(call: ToolCall) -> Any:
    arguments = json.loads(defused(call.arguments))
    return {"id": call.id, "function": {"name": defused(call.name), "arguments": arguments}}


def _schema(tool: Tool) -> Any:
    whole = {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
    return {"type": "function", "function": json.loads(defused(json.dumps(whole)))}


def defused(content: str) -> str:
    """Return `content` with what looks like a control token taken apart, so that it stays text."""
    for mark in ("<|", "<s>", "</s>", "<start_of_turn>", "<end_of_turn>", "[INST]", "[/INST]"):
        content = content.replace(mark, f"{mark[0]} {mark[1:]}")
    return content


def _reason(error: Exception) -> str:
    """Return one short line of what a template said."""
    return " ".join(str(error).split())[:200] or type(error).__name__


def unfinished(render: Render, messages: Sequence[Message], tools: Sequence[Tool] = ()) -> str:
    """Return the prompt up to the end of the last message's content, open for more of it."""
    *earlier, last = messages
    open_ends = [replace(last, content=last.content.strip() + more) for more in ("a", "b")]
    return commonprefix([render([*earlier, end], False, tools) for end in open_ends])


def closed(render: Render, messages: Sequence[Message], tools: Sequence[Tool] = ()) -> str:
    """Return the prompt of whole messages up to where the content of the user's next one begins."""
    return unfinished(render, [*messages, Message("user", "")], tools)
