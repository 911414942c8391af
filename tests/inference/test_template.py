"""Chat templates of many families: what one refuses is put in a form that it takes, and a chat grows at its end."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from gguf import GGUFReader, GGUFValueType, GGUFWriter
from gguf.scripts.gguf_new_metadata import MetadataDetails, copy_with_new_metadata
from hypothesis import given
from hypothesis import strategies as st
from llama_cpp import llama_chat_format

from inference.errors import TemplateError
from inference.llm.llamacpp import LlamaCpp
from inference.llm.prompt import FAMILIES, Prompts, chat_template
from inference.llm.selftest import EMBEDDED
from inference.llm.template import Render, closed, defused, unfinished
from inference.models.store import ModelStore
from inference.types import Message, Tool, ToolCall
from tests.inference.replies import reply
from tests.inference.test_tool_calls import QWEN

SYSTEM = Message("system", "Be brief.")
HELLO = Message("user", "Hello.")
HI = Message("assistant", "Hi.")
TIMER = Tool("set_timer", "Starts a timer.", {"type": "object"})

ALTERNATES = (
    "{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate') }}{% endif %}{% endfor %}"
)
GEMMA = (
    "{{ bos_token }}{% if messages[0].role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    + ALTERNATES
    + "{% for m in messages %}<start_of_turn>{{ 'model' if m.role == 'assistant' else m.role }}\n"
    "{{ m.content | trim }}<end_of_turn>\n{% endfor %}"
    "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)
"""Refuses a system message, roles that do not alternate, and so tools."""
MISTRAL_LAST = (
    "{% if messages[0].role == 'system' %}{% set told = messages[0].content %}{% set rest = messages[1:] %}"
    "{% else %}{% set rest = messages %}{% endif %}{{ bos_token }}"
    "{% for m in rest %}{% if m.role == 'user' %}[INST] {% if loop.last and told is defined %}{{ told + '\\n\\n' }}"
    "{% endif %}{{ m.content }}[/INST]{% else %} {{ m.content }}{{ eos_token }}{% endif %}{% endfor %}"
)
"""Moves the system message into the last turn, as Mistral 7B v0.3 does: every turn would be read anew."""
PHI = (
    "{% for m in messages %}{% if m.role in ['system', 'user', 'assistant'] %}"
    "{{ '<|' + m.role + '|>\n' + m.content + '<|end|>\n' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)
"""Leaves out what it does not know, without a word."""
QWEN3 = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content.split('</think>')[-1].lstrip('\n') }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n"
    "{% if enable_thinking is defined and enable_thinking is false %}<think>\n\n</think>\n\n{% endif %}{% endif %}"
)
R1 = (
    "{{ bos_token }}{% for m in messages %}{% if m.role == 'system' %}{{ m.content }}"
    "{% elif m.role == 'user' %}<|User|>{{ m.content }}{% elif m.role == 'assistant' and m.tool_calls %}"
    "{{ m.tool_calls[0]['function']['name'] + m.tool_calls[0]['function']['arguments'] }}"
    "{% elif m.role == 'assistant' %}<|Assistant|>{{ m.content }}{{ eos_token }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|Assistant|><think>\n{% endif %}"
)
"""Begins the reply inside a thought; its calls take text alone, so that values raise a TypeError."""
TEMPLATES = {
    "gemma": GEMMA,
    "mistral": llama_chat_format.MISTRAL_INSTRUCT_CHAT_TEMPLATE,
    "mixtral": llama_chat_format.MIXTRAL_INSTRUCT_CHAT_TEMPLATE,
    "mistral v0.3": MISTRAL_LAST,
    "llama 3": llama_chat_format.LLAMA3_INSTRUCT_CHAT_TEMPLATE,
    "phi": PHI,
    "qwen 2.5": QWEN,
    "qwen 3": QWEN3,
    "deepseek r1": R1,
    **{f"family {mark}": text for mark, text in FAMILIES.items()},
}
families = st.sampled_from(sorted(TEMPLATES))


@cache
def render_of(family: str) -> Render:
    return chat_template(TEMPLATES[family], "<s>", "</s>")


@st.composite
def chats(draw: st.DrawFn) -> tuple[Message, ...]:
    """Draw messages of any roles in any order, each with a word that no other has."""
    messages = []
    for number in range(draw(st.integers(1, 7))):
        role = draw(st.sampled_from(["system", "user", "assistant", "tool", "call"]))
        text = f"word-{number}-{draw(st.sampled_from(['a', 'the end', 'x y', '</s> [INST]']))}"
        if role == "call":
            messages.append(Message("assistant", "", (ToolCall("call_1", f"word-{number}-call", "{}"),)))
        else:
            messages.append(Message(role, text, call_id="call_1" if role == "tool" else ""))
    return tuple(messages)


@given(family=families, messages=chats(), go_on=st.booleans(), tools=st.booleans())
def test_no_chat_is_refused_and_none_of_its_words_is_lost(
    family: str, messages: tuple[Message, ...], go_on: bool, tools: bool
) -> None:
    """Whatever roles come in whatever order: all of it is in the prompt, once."""
    text = render_of(family)(messages, go_on, (TIMER,) if tools else ())
    for number, message in enumerate(messages):
        assert text.count(f"word-{number}-") == 1
        assert defused(message.content) in text


@given(family=families, turns=st.integers(0, 4), system=st.booleans(), tools=st.booleans())
def test_a_chat_that_grows_keeps_its_beginning(family: str, turns: int, system: bool, tools: bool) -> None:
    """So the cache of the turns before stays valid: only what is new is read."""
    render, some_tools = render_of(family), (TIMER,) if tools else ()
    before = (*([SYSTEM] if system else []), *(HELLO, HI) * turns)
    asked = (*before, Message("user", "What is the time?"))

    prefix = closed(render, before, some_tools)
    partial = unfinished(render, (*before, Message("user", "What is")), some_tools)

    assert partial.startswith(prefix)
    assert partial.endswith("What is")
    assert render(asked, True, some_tools).startswith(partial)
    assert render((*asked, HI, HELLO), True, some_tools).startswith(render(asked, False, some_tools))


@pytest.mark.parametrize("family", ["gemma", "mistral", "mistral v0.3", "family <start_of_turn>"])
def test_a_system_text_that_is_refused_or_moved_is_in_the_first_turn(family: str) -> None:
    """It stands before the user's own words there, and nowhere else."""
    text = render_of(family)((SYSTEM, HELLO, HI, HELLO), True)
    assert f"Be brief.\n\n{HELLO.content}" in text
    assert text.index("Be brief.") < text.index("Hi.")


@pytest.mark.parametrize("family", ["llama 3", "phi", "qwen 2.5", "qwen 3"])
def test_a_system_message_that_is_taken_stays_one(family: str) -> None:
    """It is not mixed with the user's words."""
    assert "Be brief.\n\nHello." not in render_of(family)((SYSTEM, HELLO), True)


@pytest.mark.parametrize(
    ("template", "says"),
    [
        ("{% for m in messages %}{{ m.content }}", "line 1"),
        ("{{ messages | no_such_filter }}", "no_such_filter"),
        ("{{ messages[0].content.no.such }}", "no attribute"),
        ("{{ raise_exception('never\nin my life') }}", "never in my life"),
        ("{{ 1 / 0 }}", "zero"),
    ],
)
def test_a_template_that_takes_nothing_is_told_in_one_line(template: str, says: str) -> None:
    """One that can't be parsed, and one that raises for the plainest chat: nothing is guessed in its place."""
    with pytest.raises(TemplateError, match=says) as caught:
        chat_template(template, "", "")
    assert "\n" not in str(caught.value)


def test_the_family_of_a_model_without_a_template_is_told_by_its_tokens() -> None:
    """The tokens are those that only models trained on the format have; ChatML, where there are none."""
    known = chat_template(None, "", "", lambda text: text == "<start_of_turn>")
    assert known((HELLO,), True) == "<start_of_turn>user\nHello.<end_of_turn>\n<start_of_turn>model\n"
    assert chat_template(None, "", "")((HELLO,), True).startswith("<|im_start|>")


class Written:
    """Stands for a model's vocabulary: a prompt's tokens are its characters."""

    def __init__(self, template: str) -> None:
        self.template, self.vocab = template, 0
        self.lib = self

    def llama_vocab_bos(self, vocab: int) -> int:
        return -1

    llama_vocab_eos = llama_vocab_bos

    def meta(self, key: str) -> str:
        return self.template

    def text_of_special(self, token: int) -> str:
        return ""

    def tokenize(self, text: str) -> list[str]:
        return list(text)


@pytest.mark.parametrize(
    ("family", "thinks", "plain", "ends", "begun"),
    [
        ("qwen 3", True, False, "assistant\n", False),
        ("qwen 3", False, False, "<think>\n\n</think>\n\n", False),
        ("qwen 3", True, True, "<think>\n\n</think>\n\n", False),
        ("deepseek r1", True, False, "<think>\n", True),
        ("deepseek r1", False, False, "<think>\n\n</think>\n\n", False),
        ("deepseek r1", True, True, "<think>\n\n</think>\n\n", False),
    ],
)
def test_thinking_is_switched_off_where_it_is_not_wanted(
    family: str, thinks: bool, plain: bool, ends: str, begun: bool
) -> None:
    """By the template's own switch, or by closing the thought that the template opens."""
    model = Written(TEMPLATES[family])
    tokens, inside = Prompts(model, thinks=thinks).asked((HELLO,), plain=plain)  # type: ignore[arg-type]
    assert "".join(tokens).endswith(ends)  # type: ignore[arg-type]
    assert inside is begun


def with_template(path: Path, template: str) -> Path:
    """Write the embedded model with another template."""
    reader = GGUFReader(ModelStore().find(EMBEDDED, "llm").path)
    writer = GGUFWriter(path, "llama")
    given_ = {"tokenizer.chat_template": MetadataDetails(GGUFValueType.STRING, template)}
    copy_with_new_metadata(reader, writer, given_, [])
    return path


@pytest.mark.model
def test_a_model_whose_template_refuses_a_system_role_answers(tmp_path: Path) -> None:
    """With real tokens; a longer chat finds the shorter one in the cache."""
    llm = LlamaCpp(with_template(tmp_path / "gemma.gguf", GEMMA), context_tokens=256, threads=1)
    chat = llm.chat()
    chat.restore((SYSTEM,))
    first = reply(chat, SYSTEM, HELLO, max_tokens=4)
    second = reply(chat, SYSTEM, HELLO, Message("assistant", first.text), HELLO, max_tokens=2)
    llm.close()

    assert first.done.usage.cached_tokens > 0
    assert second.done.usage.cached_tokens >= first.done.usage.prompt_tokens - 2


@pytest.mark.model
def test_a_model_whose_template_can_not_be_parsed_ends_the_program_in_one_line(tmp_path: Path) -> None:
    """With the status of a model that can't be used."""
    path = with_template(tmp_path / "broken.gguf", "{% for m in messages %}{{ m.content }}")
    command = [sys.executable, "-m", "voice_app", "ask", "--model", str(path), "Hello"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120)

    assert result.returncode == 6
    assert len(result.stderr.splitlines()) == 1
    assert "chat template" in result.stderr


@pytest.mark.model
def test_a_prefix_with_tools_is_that_of_the_request_with_tools() -> None:
    """What is restored and prefilled with tools is not read again."""
    llm = LlamaCpp(ModelStore().find(EMBEDDED, "llm").path, context_tokens=512, threads=1)
    chat = llm.chat()
    chat._shared.prompts._render = chat_template(QWEN, "", "")
    chat.restore((SYSTEM,), (TIMER,))
    restored = len(chat._cached)
    chat.prefill((SYSTEM, HELLO), (TIMER,))
    usage = reply(chat, SYSTEM, HELLO, max_tokens=1, tools=(TIMER,)).done.usage
    llm.close()

    assert restored > len(json.dumps({"name": TIMER.name})) // 4
    assert usage.prompt_tokens - usage.cached_tokens < 10
