"""Calls that a language model asks for: found in its text, and told to it by its template."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from inference.errors import NoFreeChat
from inference.llm.native import NativeModel
from inference.llm.prompt import Prompts, chat_template
from inference.llm.scripted_llm import ScriptedLanguageModel
from inference.llm.selftest import EMBEDDED
from inference.llm.tool_calls import CallParser, call_text, with_calls
from inference.models.store import ModelStore
from inference.types import Delta, Done, Message, Reason, Text, Tool, ToolCall, Usage
from tests.inference.replies import Reply, collected, reply

CALL = ToolCall("call_1", "set_timer", '{"minutes": 5}')
TIMER = Tool(
    "set_timer", "Starts a timer.", {"type": "object", "properties": {"minutes": {"type": "integer"}}}
)
USER = Message("user", "Five minutes, please.")

QWEN = (
    "{%- if tools %}{{- '<|im_start|>system\\n# Tools\\n' }}"
    "{%- for tool in tools %}{{- tool | tojson }}{%- endfor %}{{- '<|im_end|>\\n' }}{%- endif %}"
    "{%- for message in messages %}"
    "{%- if message.tool_calls %}{{- '<|im_start|>assistant' }}"
    "{%- for tool_call in message.tool_calls %}"
    "{%- if tool_call.function is defined %}{%- set tool_call = tool_call.function %}{%- endif %}"
    '{{- \'\\n<tool_call>\\n{"name": "\' + tool_call.name + \'", "arguments": \' }}'
    "{{- tool_call.arguments | tojson }}{{- '}\\n</tool_call>' }}"
    "{%- endfor %}{{- '<|im_end|>\\n' }}"
    '{%- elif message.role == "tool" %}'
    "{{- '<|im_start|>user\\n<tool_response>\\n' + message.content + '\\n</tool_response><|im_end|>\\n' }}"
    "{%- else %}{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}"
    "{%- endif %}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"
)
"""What of Qwen2.5's template concerns tools, in short."""


def pushed(*pieces: str) -> list[str | tuple[str, str]]:
    """Return what a parser makes of pieces, neighbouring text joined."""
    parser, parts = CallParser(), list[str | tuple[str, str]]()
    for part in [*(part for piece in pieces for part in parser.push(piece)), parser.flush()]:
        if isinstance(part, str) and parts and isinstance(parts[-1], str):
            parts[-1] += part
        elif part:
            parts.append(part)
    return parts


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('<tool_call>{"name": "a", "arguments": {"b": "ü"}}</tool_call>', [("a", '{"b": "ü"}')]),
        ('Yes. <tool_call>\n{"name": "a"}\n</tool_call>\n', ["Yes. ", ("a", "{}"), "\n"]),
        (call_text("a", {}) + "\n" + call_text("b", {"c": 1}), [("a", "{}"), "\n", ("b", '{"c": 1}')]),
        ("a <tool and <tool_cal", ["a <tool and <tool_cal"]),
        ("<tool_call>{}</tool_call>", ["<tool_call>{}</tool_call>"]),
        (
            '<tool_call>{"name": 3, "arguments": {}}</tool_call>',
            ['<tool_call>{"name": 3, "arguments": {}}</tool_call>'],
        ),
        (
            '<tool_call>{"name": "a", "arguments": 1}</tool_call>',
            ['<tool_call>{"name": "a", "arguments": 1}</tool_call>'],
        ),
        ("<tool_call>[1]</tool_call>.", ["<tool_call>[1]</tool_call>."]),
        ('<tool_call>{"name": "a", "arguments": {}}', ['<tool_call>{"name": "a", "arguments": {}}']),
        ("", []),
    ],
)
def test_calls_are_found_and_what_is_none_stays_text(
    text: str, expected: list[str | tuple[str, str]]
) -> None:
    """A call is a JSON object with a name and arguments between its marks; all else comes out as it went in."""
    assert pushed(text) == expected


@given(
    st.lists(
        st.sampled_from(
            ["<tool_call>", "</tool_call>", '{"name": "a", "arguments": {"b": 1}}', "<", "tool", " x"]
        )
    ),
    st.data(),
)
def test_how_a_text_is_cut_makes_no_difference(parts: list[str], data: st.DataObject) -> None:
    """Letter by letter or whole, the same calls and the same text come out."""
    text = "".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)))))
    pieces = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert pushed(*pieces) == pushed(*text) == pushed(text)


@given(st.text("<>/tol_calx{} "))
@example("<tool_call")
def test_text_without_a_call_passes_as_it_is(text: str) -> None:
    """Nothing is lost or added."""
    assert "".join(part for part in pushed(*text) if isinstance(part, str)) == text


def said(reason: Reason, *pieces: str) -> Reply:
    """Return what a reply of these tokens is, its calls taken out."""
    tokens: Iterator[Delta] = iter([Text(piece, number) for number, piece in enumerate(pieces)])
    deltas = [*tokens, Done(Usage(9, 0, len(pieces)), reason)]
    return collected(with_calls(deltas, (f"call_{number}" for number in count(1))))


def test_every_token_is_still_one_text_and_a_call_ends_the_reply() -> None:
    """What is held back comes as empty texts; a reply with a call ends to have it answered."""
    found = said(
        "stop",
        "So: ",
        "<tool_call>",
        '{"name": "set_timer",',
        ' "arguments": {"minutes": 5}}',
        "</tool_call>",
    )
    assert [token.text for token in found.tokens] == ["So: ", "", "", "", ""]
    assert [token.id for token in found.tokens] == [0, 1, 2, 3, 4]
    assert found.calls == [CALL]
    assert found.done == Done(Usage(9, 0, 5), "tool_calls")


def test_a_call_that_is_cut_off_is_neither_a_call_nor_text() -> None:
    """Nobody is to hear it; the reason stays that of the reply."""
    found = said("length", "Yes. ", "<tool_call>", '{"name"')
    assert (found.text, found.calls, found.done.reason) == ("Yes. ", [], "length")


def test_what_only_looks_like_the_beginning_of_a_call_is_text() -> None:
    """It comes after the last token, as no token of its own."""
    found = said("stop", "a ", "<tool_")
    assert found.text == "a <tool_"
    assert found.tokens[-1].id == -1


def test_a_template_that_knows_tools_gets_them() -> None:
    """Tools, calls with their arguments as objects, and results reach it as Transformers would pass them."""
    messages = (USER, Message("assistant", "", (CALL,)), Message("tool", "done", call_id="call_1"))
    text = chat_template(QWEN, "", "")(messages, True, (TIMER,))
    schema = json.loads(text.split("# Tools\n")[1].split("<|im_end|>")[0])
    assert schema["function"] == {
        "name": TIMER.name,
        "description": TIMER.description,
        "parameters": TIMER.parameters,
    }
    assert text.endswith(
        "<|im_start|>user\nFive minutes, please.<|im_end|>\n"
        '<|im_start|>assistant\n<tool_call>\n{"name": "set_timer", "arguments": {"minutes": 5}}\n</tool_call>'
        "<|im_end|>\n"
        "<|im_start|>user\n<tool_response>\ndone\n</tool_response><|im_end|>\n<|im_start|>assistant\n"
    )
    assert "# Tools" not in chat_template(QWEN, "", "")(messages, True)


def test_a_template_that_knows_no_tools_gets_calls_as_text_and_roles_as_they_are() -> None:
    """ChatML, and SmolLM2's own, which refuses no role."""
    messages = (USER, Message("assistant", "Well.", (CALL,)), Message("tool", "done", call_id="call_1"))
    model = NativeModel(ModelStore().find(EMBEDDED, "llm").path, vocab_only=True)
    own = model.meta("tokenizer.chat_template")
    assert own
    for template in (None, own):
        assert chat_template(template, "", "")(messages, True, (TIMER,)).endswith(
            "<|im_start|>assistant\nWell.\n"
            '<tool_call>\n{"name": "set_timer", "arguments": {"minutes": 5}}\n</tool_call>'
            "<|im_end|>\n<|im_start|>tool\ndone<|im_end|>\n<|im_start|>assistant\n"
        )
    assert not Prompts(model).knows_tools
    model.close()


def test_control_tokens_in_calls_and_tools_stay_text() -> None:
    """Nobody speaks as the system by way of an argument or a description."""
    hostile = "<|im_end|>"
    call = ToolCall("call_1", "a", json.dumps({"b": hostile}))
    tool = Tool("a", hostile, {})
    text = chat_template(QWEN, "", "")((Message("assistant", "", (call,)),), False, (tool,))
    assert text.count(hostile) == 2, "the template's own"


def test_scripted_chats_have_each_its_own_place_in_the_script() -> None:
    """And a reply may have calls; as many chats are open as declared."""
    llm = ScriptedLanguageModel([["So ", CALL], "It runs."], chats=2, spend=lambda _: None)
    one, other = llm.chat(), llm.chat()
    first = reply(one, USER)
    assert (first.text, first.calls, first.done.reason) == ("So", [CALL], "tool_calls")
    assert reply(one, USER).text == "It runs."
    assert reply(other, USER) == first
    with pytest.raises(NoFreeChat):
        llm.chat()
    one.close()
    assert reply(llm.chat(), USER) == first
    assert len(llm.requests) == 4
    assert reply(other, USER, max_tokens=1).done == Done(Usage(3, 3, 1), "length")
