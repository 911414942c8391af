"""An endpoint on loopback that does what servers do, and what they should not: the chat goes on or says why not."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise

import pytest

from inference.errors import EndpointError, GrammarError
from inference.llm.openai_chat import LONGEST_EVENT_BYTES, Endpoint, OpenAiChat, OpenAiModel
from inference.types import ChatRequest, Delta, Done, Message, Notice, Text, Thought, ToolCall, Usage
from tests.inference.endpoint_server import (
    HEAD,
    EndpointServer,
    Script,
    Send,
    answers,
    chunk,
    event,
    serving,
    streams,
    waits,
    words,
)

KEY = "gsk-very-secret"
FRANCE = ChatRequest((Message("user", "What is the capital of France?"),))
PARIS = b"".join(words("The capital", " is", " Paris."))
DONE = b"data: [DONE]\n\n"
LONG_S = 60.0
"""No test waits so long: what ends earlier was not ended by this limit."""


@contextmanager
def chatting(script: Script, **limits: float) -> Iterator[tuple[OpenAiChat, EndpointServer]]:
    """Open a chat with a server that answers by a script."""
    times = {"connect_s": LONG_S, "first_token_s": LONG_S, "token_s": LONG_S} | limits
    with serving(script) as server:
        model = OpenAiModel(replace(Endpoint(server.base_url, "some-model", KEY), **times))
        try:
            yield model.chat(), server
        finally:
            model.close()


def reply(script: Script, request: ChatRequest = FRANCE, **limits: float) -> list[Delta]:
    """Return the whole reply to a request. The client's key is in none of it."""
    with chatting(script, **limits) as (chat, _):
        told = ""
        try:
            deltas = list(chat.stream(request))
        except EndpointError as error:
            told = str(error)
            raise
        finally:
            assert KEY not in told
            assert "\n" not in told
    assert KEY not in repr(deltas)
    return deltas


def text_of(deltas: list[Delta]) -> str:
    """Return what a reply says."""
    return "".join(delta.text for delta in deltas if isinstance(delta, Text))


def cut(data: bytes, size: int) -> list[bytes]:
    """Return bytes in pieces of a size."""
    places = [*range(0, len(data), size), len(data)]
    return [data[one:other] for one, other in pairwise(places)]


def test_a_reply_is_streamed_with_the_key_to_the_right_place() -> None:
    """The first words are there before the last are sent."""
    more = threading.Event()

    def script(send: Send, over: threading.Event) -> None:
        pieces = words("Paris", ".")
        send(HEAD + b"".join(pieces[:2]))
        more.wait(LONG_S)
        send(b"".join(pieces[2:]))

    with chatting(script) as (chat, server):
        stream = chat.stream(FRANCE)
        assert next(stream) == Text("Paris", 0)
        more.set()
        assert list(stream) == [Text(".", 1), Done(Usage(0, 0, 2), "stop")]

    assert (server.paths, server.keys) == (["/v1/chat/completions"], [f"Bearer {KEY}"])
    assert server.requests[0]["model"] == "some-model"


@pytest.mark.parametrize(
    "pieces",
    [
        cut(PARIS, 1),
        cut(PARIS, 7),
        cut(PARIS.replace(b"\n", b"\r\n"), 5),
        [PARIS.replace(b"data: ", b"data:")],
        [b": ping\n\n: OPENROUTER PROCESSING\n\n", PARIS],
        [b"event: message\nid: 4\nretry: 9\n" + PARIS],
        [PARIS.removesuffix(DONE)],
        [PARIS + b"data: after the end\n\n"],
        [b"\xef\xbb\xbf" + PARIS],
    ],
    ids=["bytes", "sevens", "CRLF", "no space", "comments", "fields", "no DONE", "more", "BOM"],
)
def test_any_shape_of_a_stream_is_the_same_reply(pieces: list[bytes]) -> None:
    """As the standard of server-sent events allows, and as servers do."""
    deltas = reply(streams(*pieces))
    assert text_of(deltas) == "The capital is Paris."
    assert isinstance(deltas[-1], Done)
    assert deltas[-1].reason == "stop"


def test_a_letter_cut_in_two_is_one_letter() -> None:
    """UTF-8 that is not escaped, cut anywhere."""
    raw = json.dumps(chunk({"content": "Zürich 🏔"}, "stop"), ensure_ascii=False).encode()
    assert text_of(reply(streams(*cut(b"data: " + raw + b"\n\n" + DONE, 1)))) == "Zürich 🏔"


def test_a_server_that_streams_nothing_answers_too() -> None:
    """Its whole reply is one JSON object."""
    message = {"role": "assistant", "content": "Paris."}
    body = {"choices": [{"message": message, "finish_reason": "stop"}], "usage": {"completion_tokens": 2}}
    deltas = reply(answers("200 OK", json.dumps(body).encode()))
    assert (text_of(deltas), deltas[-1]) == ("Paris.", Done(Usage(0, 0, 2), "stop"))


def test_the_usage_after_the_end_is_waited_for_briefly() -> None:
    """And what comes instead of it is not missed: the connection stays open here."""
    usage = event({"choices": [], "usage": {"prompt_tokens": 8, "completion_tokens": 3}})
    assert reply(streams(PARIS.removesuffix(DONE), usage, DONE))[-1] == Done(Usage(8, 0, 3), "stop")

    def open_end(send: Send, over: threading.Event) -> None:
        send(HEAD + PARIS.removesuffix(DONE))
        over.wait(LONG_S)

    assert [type(delta) for delta in reply(open_end)][-2:] == [Text, Done]


def test_calls_and_thoughts_are_told_from_words() -> None:
    """In fields of their own, or as marks in the text."""
    call = {"index": 0, "id": "c", "function": {"name": "timer", "arguments": '{"s"'}}
    rest = {"index": 0, "function": {"arguments": ": 5}"}}
    parts = [
        chunk({"reasoning_content": "Hm."}),
        chunk({"tool_calls": [call]}),
        chunk({"tool_calls": [rest]}),
        chunk({}, "tool_calls"),
    ]
    thought, called, done = reply(streams(*map(event, parts), DONE))
    assert isinstance(thought, Thought)
    assert called == ToolCall("c", "timer", '{"s": 5}')
    assert isinstance(done, Done)
    assert done.reason == "tool_calls"
    assert text_of(reply(streams(*words("<th", "ink>Hm.</think>", "Paris.")))) == "Paris."


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        ("401 Unauthorized", b'{"error": {"message": "Invalid API Key"}}', "status 401, Invalid API Key"),
        ("401 Unauthorized", f'{{"error": "bad key {KEY}"}}'.encode(), r"status 401, bad key \*\*\*"),
        ("404 Not Found", b'{"detail": "Not Found"}', "status 404, Not Found"),
        ("429 Too Many", b'{"error": {"type": "rate_limit"}}', "status 429, rate_limit"),
        ("500 Oh", b"<html>\nbroken\n</html>", "status 500, <html> broken </html>"),
        ("503 Loading", b"", "status 503, an error without a reason"),
        ("307 Elsewhere", b"", "status 307"),
        ("200 OK", b"<html>", "no JSON"),
        ("200 OK", b'{"error": {"message": "no such model"}}', "no such model"),
        ("200 OK", b"x" * (LONGEST_EVENT_BYTES + 1), "too long"),
    ],
)
def test_a_refusal_is_one_line(status: str, body: bytes, says: str) -> None:
    """It names the machine and the reason, and not the key."""
    with pytest.raises(EndpointError, match=r"language model at 127\.0\.0\.1:\d+ doesn't answer: .*" + says):
        reply(answers(status, body))


@pytest.mark.parametrize(
    ("script", "says"),
    [
        (streams(b""), "it broke off"),
        (streams(b"", head=b""), "it broke off"),
        (streams(b"", head=b"nonsense\r\n\r\n"), "it broke off"),
        (streams(b"data: {\n\n"), "no JSON"),
        (streams(event({"error": {"message": f"bad {KEY}"}})), r"bad \*\*\*"),
    ],
)
def test_what_never_begins_is_an_error(script: Script, says: str) -> None:
    """A connection that is cut before a word, and what is no stream."""
    with pytest.raises(EndpointError, match=says):
        reply(script)


def test_what_breaks_off_keeps_its_words_and_says_so() -> None:
    """The words that came are the reply; a notice tells why there are no more."""
    deltas = reply(streams(*words("The capital", " is")[:3]))
    assert text_of(deltas) == "The capital is"
    notice, done = deltas[-2:]
    assert isinstance(notice, Notice)
    assert "broke off" in notice.cause
    assert isinstance(done, Done)
    assert done.reason == "length"


def endless(data: bytes) -> Script:
    """Return a script that says something first, or nothing, and never ends."""

    def script(send: Send, over: threading.Event) -> None:
        send(HEAD)
        while not over.is_set():
            send(data)

    return script


@pytest.mark.parametrize(
    ("data", "limits", "says"),
    [
        (b"data: " + b"x" * 9000, {}, "doesn't answer"),
        (b"x" * 9000, {}, "doesn't answer"),
        (b": ping\n\n", {"first_token_s": 0.3}, "no token within 0.3 s"),
        (event(chunk({"content": ""})), {"first_token_s": 0.3}, "no token within 0.3 s"),
    ],
    ids=["an event", "a line", "comments", "empty chunks"],
)
def test_what_never_ends_is_bounded(data: bytes, limits: dict[str, float], says: str) -> None:
    """In memory, and in time."""
    with pytest.raises(EndpointError, match=says):
        reply(endless(data), **limits)


def test_a_reply_without_end_has_the_length_that_was_asked_for() -> None:
    """Whatever the server thinks of `max_tokens`."""
    deltas = reply(endless(event(chunk({"content": "na "}))), replace(FRANCE, max_tokens=5, max_thoughts=0))
    assert text_of(deltas) == "na " * 5
    assert isinstance(deltas[-1], Done)
    assert deltas[-1].reason == "length"


def test_every_wait_has_its_limit() -> None:
    """For the head of the response, for the first token, and between two."""
    with pytest.raises(EndpointError, match="no token within 0.2 s"):
        reply(waits, first_token_s=0.2)

    def stops(send: Send, over: threading.Event) -> None:
        send(HEAD + words("The")[1])
        over.wait(LONG_S)

    text, notice, done = reply(stops, token_s=0.2)
    assert (text, type(done)) == (Text("The", 0), Done)
    assert isinstance(notice, Notice)
    assert "no token within 0.2 s" in notice.cause


def test_nobody_there_is_one_line() -> None:
    """The port is closed."""
    with serving(waits) as server:
        base_url = server.base_url
    model = OpenAiModel(Endpoint(base_url, "m", KEY))
    try:
        with pytest.raises(EndpointError, match="it can't be reached"):
            list(model.chat().stream(FRANCE))
    finally:
        model.close()


def test_cancelling_ends_a_reply_within_40_ms_and_closes_the_connection() -> None:
    """Before the first token and between two: all limits are a minute, so nothing but the cancel ends the wait."""
    took_s = []
    for script in [waits, lambda send, over: (send(HEAD + words("The")[1]), over.wait(LONG_S))] * 4:
        with chatting(script) as (chat, server):  # type: ignore[arg-type]
            request = replace(FRANCE, cancelled=type(FRANCE.cancelled)())
            stopped: list[float] = []

            def cancel(request: ChatRequest = request, stopped: list[float] = stopped) -> None:
                stopped.append(time.perf_counter())
                request.cancelled.set()

            threading.Timer(0.1, cancel).start()
            *_, done = chat.stream(request)
            took_s.append(time.perf_counter() - stopped[0])
            assert isinstance(done, Done)
            assert done.reason == "cancelled"
            assert server.gone.wait(10) or not server.requests
    assert min(took_s) < 0.04  # the best of eight: the machine may be busy


def test_an_ended_stream_and_a_closed_model_leave_no_connection() -> None:
    """Also where nobody reads on."""
    with chatting(lambda send, over: (send(HEAD + words("The")[1]), over.wait(LONG_S))) as (chat, server):  # type: ignore[arg-type]
        stream = chat.stream(FRANCE)
        next(stream)
        stream.close()  # type: ignore[attr-defined]
        assert server.gone.wait(10)


def test_nothing_is_sent_before_it_is_asked() -> None:
    """Loading, reading along and asking for room tell the endpoint nothing; a grammar is refused here."""
    with chatting(waits) as (chat, server):
        assert chat.prefill(FRANCE.messages) == 0
        assert chat.remaining_tokens(FRANCE.messages) > 8000
        assert not chat.restore(FRANCE.messages)
        with pytest.raises(GrammarError):
            list(chat.stream(replace(FRANCE, grammar="root ::= []")))
        assert server.paths == []


@pytest.mark.parametrize("url", ["http://", "http://[::1/v1", "http://a:99999/v1", "nonsense"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    """Before anything is opened."""
    with pytest.raises(ValueError, match="the base URL is no address"):
        Endpoint(url, "m")


@pytest.mark.parametrize("key", ["two\nlines", "schlüssel"])
def test_a_key_that_is_none_is_refused_without_being_told(key: str) -> None:
    """A header has no room for it."""
    with pytest.raises(ValueError, match="the key has characters") as raised:
        Endpoint("http://127.0.0.1/v1", "m", key)
    assert key not in str(raised.value)


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("http://127.0.0.1:8080/v1", True),
        ("http://127.9.9.9/v1", True),
        ("http://[::1]:11434/v1", True),
        ("http://localhost:11434/v1", True),
        ("http://localhost.example.org/v1", False),
        ("http://192.168.1.4/v1", False),
        ("https://api.groq.com/openai/v1", False),
    ],
)
def test_what_is_here_is_loopback(url: str, here: bool) -> None:
    """And the key is in no picture of it."""
    endpoint = Endpoint(url, "m", KEY)
    assert endpoint.is_here is here
    assert KEY not in repr(endpoint)
