"""A chat as the text that a model was trained on, rendered by the template in its GGUF, and as its tokens."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from inference.llm.native import NativeModel
from inference.llm.template import Render, Template, closed, unfinished
from inference.llm.thoughts import CLOSE, OPEN
from inference.types import Message, Tool


def written_as(user: str, assistant: str, end: str, system: str = "") -> str:
    """Return a template that puts each message between what its role begins with and an end; other roles it refuses."""
    begins = {"user": user, "assistant": assistant} | ({"system": system} if system else {})
    return (
        f"{{% set begins = {begins!r} %}}{{{{ bos_token }}}}{{% for message in messages %}}"
        "{% if message.role not in begins %}{{ raise_exception('unknown role') }}{% endif %}"
        f"{{{{ begins[message.role] + message.content + {end!r} }}}}{{% endfor %}}"
        "{% if add_generation_prompt %}{{ begins.assistant }}{% endif %}"
    )


CHATML = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""The format most small instruction models share: used where nothing tells the family."""
HEADER = "<|start_header_id|>{}<|end_header_id|>\n\n"
FAMILIES = {
    "<|im_start|>": CHATML,
    "<|start_header_id|>": written_as(
        HEADER.format("user"), HEADER.format("assistant"), "<|eot_id|>", HEADER.format("system")
    ),
    "<start_of_turn>": written_as("<start_of_turn>user\n", "<start_of_turn>model\n", "<end_of_turn>\n"),
    "<|assistant|>": written_as("<|user|>\n", "<|assistant|>\n", "<|end|>\n", "<|system|>\n"),
}
"""Formats by a token that only models trained on them have: ChatML, Llama 3, Gemma, Phi 3."""


class Prompts:
    """Chats as tokens of one model."""

    def __init__(self, model: NativeModel, *, thinks: bool = True) -> None:
        """`thinks`: whether a model that can think before it answers may. Raises TemplateError."""
        template = model.meta("tokenizer.chat_template")
        self._model, self._thinks = model, thinks
        self._render = chat_template(
            template,
            bos=model.text_of_special(model.lib.llama_vocab_bos(model.vocab)),
            eos=model.text_of_special(model.lib.llama_vocab_eos(model.vocab)),
            is_token=lambda text: len(model.tokenize(text)) <= 2 and bool(model.tokenize(text)),
        )
        self.knows_tools = "tools" in (template or "")
        """Whether the model's template has a place for tools."""

    def asked(
        self, messages: Sequence[Message], tools: Sequence[Tool] = (), *, plain: bool = False
    ) -> tuple[list[int], bool]:
        """Return the tokens up to where the reply begins, and whether it begins inside a thought.

        With `plain` there is no thought before the reply.
        """
        thinks = self._thinks and not plain
        text = self._render(messages, True, tools, thinks)
        begun = text.rstrip().endswith(OPEN)
        if begun and not thinks:
            text, begun = f"{text.rstrip()}\n\n{CLOSE}\n\n", False
        return self._model.tokenize(text), begun

    def closed(self, messages: Sequence[Message], tools: Sequence[Tool] = ()) -> list[int]:
        """Return the tokens of whole messages, after which the user's next one comes."""
        return self._model.tokenize(closed(self._render, messages, tools))

    def unfinished(self, messages: Sequence[Message], tools: Sequence[Tool] = ()) -> list[int]:
        """Return the tokens up to the end of the last message's content, open for more of it."""
        return self._model.tokenize(unfinished(self._render, messages, tools))


def chat_template(
    template: str | None, bos: str, eos: str, is_token: Callable[[str], bool] = lambda text: False
) -> Render:
    """Return the renderer of a model's template; where it has none, that of its family, told by its tokens.

    Raises TemplateError.
    """
    if not template:
        template = next((family for mark, family in FAMILIES.items() if is_token(mark)), CHATML)
    return Template(template, bos, eos)
