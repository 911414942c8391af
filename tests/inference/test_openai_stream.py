"""What an endpoint streams becomes deltas, whatever shape it has; a request holds what every server takes."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from inference.errors import EndpointError
from inference.llm.openai_stream import LONGEST_REASON, MOST_CALLS, StreamReader, body_of, reason_of
from inference.types import ChatRequest, Delta, Done, Message, Notice, Text, Thought, Tool, ToolCall, Usage
from tests.inference.endpoint_server import chunk

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
CALL = st.fixed_dictionaries(
    {},
    optional={
        "index": JSON,
        "id": JSON,
        "function": st.fixed_dictionaries({}, optional={"name": JSON, "arguments": JSON}) | JSON,
    },
)
DELTA = st.fixed_dictionaries(
    {},
    optional={
        "content": JSON,
        "reasoning_content": JSON,
        "reasoning": JSON,
        "tool_calls": st.lists(CALL | JSON, max_size=3) | JSON,
    },
)
CHOICE = st.fixed_dictionaries({}, optional={"delta": DELTA | JSON, "message": JSON, "finish_reason": JSON})
CHUNK = st.fixed_dictionaries(
    {},
    optional={
        "choices": st.lists(CHOICE | JSON, max_size=2) | JSON,
        "usage": st.fixed_dictionaries({}, optional={"prompt_tokens": JSON, "completion_tokens": JSON})
        | JSON,
        "x_groq": JSON,
        "error": JSON,
        "object": JSON,
    },
)


def read(*chunks: object) -> list[Delta]:
    """Return what these chunks bring, to the end of the reply."""
    reader = StreamReader(f"call_{number}" for number in itertools.count(1))
    deltas = [delta for one in chunks for delta in reader.push(json.dumps(one))]
    return [*deltas, *reader.end()]


def piece(arguments: str, **more: object) -> dict[str, object]:
    """Return a piece of a call."""
    function = {key: more.pop(key) for key in ("name",) if key in more}
    return chunk({"tool_calls": [{**more, "function": {**function, "arguments": arguments}}]})


@given(data=st.lists(CHUNK.map(json.dumps) | JSON.map(json.dumps) | st.text(max_size=20), max_size=5))
@example(data=["[" * 100_000])
@example(data=['{"choices": [{"delta": {"tool_calls": [{"index": true}]}}]}'])
@example(data=['{"usage": {"prompt_tokens": true, "completion_tokens": -1}}'])
def test_whatever_comes_is_deltas_or_an_endpoint_error(data: list[str]) -> None:
    """Nothing else is raised; numbers are numbers, texts are texts, and a call's arguments are a JSON object."""
    reader = StreamReader(iter(["a"] * 100))
    deltas: list[Delta] = []
    said = "nothing"
    for one in data:
        try:
            deltas += reader.push(one)
        except EndpointError as error:
            said = str(error)
            break
    deltas += reader.end()

    assert said.isprintable()
    assert isinstance(deltas[-1], Done)
    for delta in deltas:
        match delta:
            case Text(text) | Thought(text):
                assert isinstance(text, str)
                assert text
            case ToolCall(id_, name, arguments):
                assert id_
                assert name
                assert isinstance(json.loads(arguments), dict)
            case Done(usage):
                counts = (usage.prompt_tokens, usage.cached_tokens, usage.completion_tokens)
                assert all(type(count) is int and count >= 0 for count in counts)


@given(
    arguments=st.dictionaries(st.text(max_size=6), st.integers() | st.text(max_size=9), max_size=3),
    data=st.data(),
)
def test_a_call_in_pieces_is_the_whole_call(arguments: dict[str, object], data: st.DataObject) -> None:
    """However its arguments are cut."""
    text = json.dumps(arguments)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    parts = [text[one:other] for one, other in itertools.pairwise([0, *cuts, len(text)])]
    first = piece("", index=0, id="c7", name="timer")
    call, done = read(first, *(piece(part, index=0) for part in parts), chunk({}, "tool_calls"))

    assert isinstance(call, ToolCall)
    assert (call.id, call.name, json.loads(call.arguments)) == ("c7", "timer", arguments)
    assert isinstance(done, Done)
    assert done.reason == "tool_calls"


def test_calls_beside_each_other_keep_apart() -> None:
    """By their index; without one by their id; one without an id is given one."""
    deltas = read(
        piece("{", index=0, name="a"),
        piece('{"x"', index=1, name="b", id="q"),
        piece("}", index=0),
        piece(": 2}", index=1),
        chunk({}, "stop"),
    )
    assert deltas[:2] == [ToolCall("call_1", "a", "{}"), ToolCall("q", "b", '{"x": 2}')]
    assert deltas[2] == Done(Usage(), "tool_calls")
    whole = read(piece("{}", id="m", name="a"), piece("{}", id="n", name="b"))
    assert [delta.id for delta in whole if isinstance(delta, ToolCall)] == ["m", "n"]


def test_a_call_that_cannot_be_read_is_told_and_not_made() -> None:
    """Its arguments are no object, or it has no name."""
    for bad in (piece("{", name="a"), piece("[]", name="a"), piece("{}")):
        assert [type(delta) for delta in read(bad)] == [Notice, Done]


def test_calls_without_end_are_refused() -> None:
    """There is a most."""
    with pytest.raises(EndpointError, match=f"more than {MOST_CALLS} calls"):
        read(*(piece("", index=number) for number in range(MOST_CALLS + 1)))


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_thoughts_are_thoughts(name: str) -> None:
    """Under either name that servers have for them."""
    deltas = read(chunk({name: "Hm."}), chunk({"content": "Paris"}), chunk({}, "stop"))
    assert [type(delta) for delta in deltas] == [Thought, Text, Done]


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"usage": {"prompt_tokens": 9, "completion_tokens": 5}}, Usage(9, 0, 5)),
        (
            {
                "usage": {
                    "prompt_tokens": 9,
                    "prompt_tokens_details": {"cached_tokens": 4},
                    "completion_tokens": 5,
                }
            },
            Usage(9, 4, 5),
        ),
        ({"x_groq": {"usage": {"prompt_tokens": 9, "completion_tokens": 5}}}, Usage(9, 0, 5)),
        ({"usage": None, "x_groq": {"id": "x"}}, Usage(0, 0, 1)),
    ],
)
def test_the_usage_is_read_where_it_stands(more: dict[str, object], expected: Usage) -> None:
    """In a chunk of its own without choices, or in the last one; else chunks are counted."""
    deltas = read(chunk({"content": "Yes"}), chunk({}, "stop"), {"choices": [], **more})
    assert deltas[-1] == Done(expected, "stop")


@pytest.mark.parametrize(
    ("error", "says"),
    [
        ({"error": {"message": "no such model", "code": 404}}, "no such model"),
        ({"error": "out of memory"}, "out of memory"),
        ({"object": "error", "message": "too long"}, "too long"),
        ({"error": {"message": "two\nlines\x1b[31m"}}, "two lines [31m"),
        ({"error": {"code": 7}}, "7"),
    ],
)
def test_an_error_in_the_stream_is_one_line(error: object, says: str) -> None:
    """Whatever shape it has."""
    with pytest.raises(EndpointError) as raised:
        read(error)
    assert str(raised.value) == says
    assert len(reason_of("x" * 10_000)) == LONGEST_REASON


def test_a_request_holds_messages_calls_and_tools() -> None:
    """As the protocol has them; nothing that only some servers take."""
    called = Message("assistant", "", (ToolCall("c1", "timer", '{"s": 5}'),))
    messages = (Message("user", "Five."), called, Message("tool", "set", call_id="c1"))
    request = ChatRequest(
        messages, 20, tools=(Tool("timer", "Set one.", {"type": "object"}),), max_thoughts=5
    )
    body = body_of(request, "some-model")

    assert body["max_tokens"] == 25
    assert body["messages"][1]["tool_calls"][0]["function"] == {"name": "timer", "arguments": '{"s": 5}'}
    assert body["messages"][2] == {"role": "tool", "content": "set", "tool_call_id": "c1"}
    assert body["tools"][0]["function"]["name"] == "timer"
    assert set(body) == {"model", "messages", "stream", "max_tokens", "temperature", "top_p", "seed", "tools"}
