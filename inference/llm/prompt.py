"""A chat as the text that a model was trained on, rendered by the template in its GGUF, and as its tokens."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Protocol

from inference.llm.native import NativeModel
from inference.llm.tool_calls import call_text
from inference.types import Message, Tool, ToolCall

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""Used for models without a template: the format most small instruction models share."""


class Render(Protocol):
    """Turns messages into a prompt."""

    def __call__(self, messages: Sequence[Message], go_on: bool, tools: Sequence[Tool] = ()) -> str:
        """Return the prompt; with `go_on` up to where the assistant is to go on."""
        ...


class Prompts:
    """Chats as tokens of one model."""

    def __init__(self, model: NativeModel) -> None:
        template = model.meta("tokenizer.chat_template")
        self._model = model
        self._render = chat_template(
            template,
            bos=model.text_of_special(model.lib.llama_vocab_bos(model.vocab)),
            eos=model.text_of_special(model.lib.llama_vocab_eos(model.vocab)),
        )
        self.knows_tools = "tools" in (template or "")
        """Whether the model's template has a place for tools."""

    def asked(self, messages: Sequence[Message], tools: Sequence[Tool] = ()) -> list[int]:
        """Return the tokens up to where the reply begins."""
        return self._model.tokenize(self._render(messages, True, tools))

    def closed(self, messages: Sequence[Message]) -> list[int]:
        """Return the tokens of whole messages, after which any other may come."""
        return self._model.tokenize(self._render(messages, False))

    def unfinished(self, messages: Sequence[Message]) -> list[int]:
        """Return the tokens up to the end of the last message's content, open for more of it."""
        return self._model.tokenize(unfinished(self._render, messages))


def chat_template(template: str | None, bos: str, eos: str) -> Render:
    """Return the renderer of a Jinja template; it runs in a sandbox, since it comes from the model's file.

    A template that knows no calls gets them as text, and a tool's message with its role as it is.
    """
    from llama_cpp.llama_chat_format import Jinja2ChatFormatter

    template = template or CHATML
    knows_calls = "tool_calls" in template
    formatters = {
        go_on: Jinja2ChatFormatter(template, eos, bos, add_generation_prompt=go_on) for go_on in (True, False)
    }

    def render(messages: Sequence[Message], go_on: bool, tools: Sequence[Tool] = ()) -> str:
        rows = [_row(message, knows_calls) for message in messages]
        return str(formatters[go_on](messages=rows, tools=[_schema(tool) for tool in tools] or None).prompt)

    return render


def _row(message: Message, knows_calls: bool) -> Any:
    """Return a message as templates take it: that of Hugging Face's Transformers."""
    row: dict[str, Any] = {"role": message.role, "content": defused(message.content)}
    calls = [_call(call) for call in message.tool_calls]
    if calls and knows_calls:
        row["tool_calls"] = [{"type": "function", **call} for call in calls]
    elif calls:
        texts = [call_text(**call["function"]) for call in calls]
        row["content"] = "\n".join([row["content"], *texts] if row["content"] else texts)
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
    """Return `content` with what looks like a control token (`<|…|>`, `<s>`) taken apart, so that it stays text."""
    return content.replace("<|", "< |").replace("<s>", "< s>").replace("</s>", "< /s>")


def unfinished(render: Render, messages: Sequence[Message]) -> str:
    """Return the prompt up to the end of the last message's content, open for more of it."""
    text, content = render(messages, False), defused(messages[-1].content)
    end = text.rfind(content.strip())
    return text[: end + len(content.strip())] if end >= 0 else text
