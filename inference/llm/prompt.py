"""A chat as the text that a model was trained on, rendered by the template in its GGUF."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from inference.types import Message

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""Used for models without a template: the format most small instruction models share."""

Render = Callable[[Sequence[Message], bool], str]
"""(messages, whether the assistant is to go on) -> prompt."""


def chat_template(template: str | None, bos: str, eos: str) -> Render:
    """Return the renderer of a Jinja template; it runs in a sandbox, since it comes from the model's file."""
    from llama_cpp.llama_chat_format import Jinja2ChatFormatter

    formatters = {
        go_on: Jinja2ChatFormatter(template or CHATML, eos, bos, add_generation_prompt=go_on)
        for go_on in (True, False)
    }

    def render(messages: Sequence[Message], go_on: bool) -> str:
        rows = [{"role": message.role, "content": defused(message.content)} for message in messages]
        return str(formatters[go_on](messages=rows).prompt)

    return render


def defused(content: str) -> str:
    """Return `content` with what looks like a control token (`<|…|>`, `<s>`) taken apart, so that it stays text."""
    return content.replace("<|", "< |").replace("<s>", "< s>").replace("</s>", "< /s>")


def unfinished(render: Render, messages: Sequence[Message]) -> str:
    """Return the prompt up to the end of the last message's content, open for more of it."""
    text, content = render(messages, False), defused(messages[-1].content)
    end = text.rfind(content.strip())
    return text[: end + len(content.strip())] if end >= 0 else text
