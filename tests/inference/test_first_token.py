"""A language model elsewhere with a local one beside it: whoever has a token first answers, and a notice says why."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import pytest

from inference.errors import EndpointError
from inference.llm.first_token import ACTION, EMPTY, FirstToken, FirstTokenChat
from inference.llm.openai_chat import Endpoint, OpenAiModel
from inference.llm.scripted_llm import ScriptedLanguageModel
from inference.types import Cancel, ChatRequest, Delta, Done, Message, Notice, Text
from tests.inference.endpoint_server import (
    EndpointServer,
    Script,
    Send,
    answers,
    serving,
    streams,
    waits,
    words,
)

HERE = ("Local words.",)
LONG_S = 60.0
"""No test waits so long."""


def asked(**more: object) -> ChatRequest:
    """Return a request."""
    return replace(ChatRequest((Message("user", "Where?"),), cancelled=Cancel()), **more)  # type: ignore[arg-type]


@contextmanager
def racing(
    script: Script, patience_s: float = LONG_S, replies: Sequence[str] = HERE, **limits: float
) -> Iterator[tuple[FirstTokenChat, ScriptedLanguageModel, EndpointServer]]:
    """Open a chat of both; the local model takes no time."""
    times = {"first_token_s": LONG_S, "token_s": LONG_S} | limits
    local = ScriptedLanguageModel(replies, first_token_s=0, token_s=0, spend=lambda _: None)
    with serving(script) as server:
        remote = OpenAiModel(replace(Endpoint(server.base_url, "m"), **times))
        model = FirstToken(remote, lambda: local, patience_s)
        try:
            yield model.chat(), local, server
        finally:
            model.close()


def outcome(deltas: Sequence[Delta]) -> tuple[str, list[str]]:
    """Return the text and the causes that were told."""
    assert isinstance(deltas[-1], Done)
    text = "".join(delta.text for delta in deltas if isinstance(delta, Text))
    return text, [delta.cause for delta in deltas if isinstance(delta, Notice) and delta.action == ACTION]


def test_who_is_in_time_answers_alone() -> None:
    """The local model is not asked."""
    with racing(streams(*words("From", " there."))) as (chat, local, _):
        assert outcome(list(chat.stream(asked()))) == ("From there.", [])
        assert local.requests == []


def test_a_late_first_token_has_the_local_model_answer_and_says_so() -> None:
    """The connection of the late one is closed."""
    with racing(waits, 0.05) as (chat, local, server):
        assert outcome(list(chat.stream(asked()))) == (
            "Local words.",
            ["no token from elsewhere within 50 ms"],
        )
        assert len(local.requests) == 1
        assert server.gone.wait(10)


def test_the_late_one_still_wins_where_the_local_one_is_later() -> None:
    """Nothing is told then: it is the one that was asked for. What the local one writes is dropped."""
    begun, go = threading.Event(), threading.Event()

    def thinks_long(_: float) -> None:
        begun.set()
        go.wait(LONG_S)

    def script(send: Send, over: threading.Event) -> None:
        begun.wait(LONG_S)
        streams(*words("Late."))(send, over)

    with racing(script, 0.02) as (chat, local, _):
        local.spend, local.first_token_s = thinks_long, 1.0
        stream = chat.stream(asked())
        assert next(stream) == Text("Late.", 0)
        go.set()
        assert outcome(list(stream)) == ("", [])


@pytest.mark.parametrize(
    ("script", "cause"),
    [
        (answers("401 Unauthorized", b'{"error": "no key"}'), "status 401, no key"),
        (answers("429 Too Many", b"{}"), "status 429"),
        (streams(b""), "it broke off"),
        (streams(*words()), EMPTY),
    ],
)
def test_a_failure_has_the_local_model_answer_at_once(script: Script, cause: str) -> None:
    """However long the patience is."""
    with racing(script) as (chat, _, _):
        text, causes = outcome(list(chat.stream(asked())))
        assert text == "Local words."
        assert len(causes) == 1
        assert cause in causes[0]


def test_a_reply_that_began_elsewhere_ends_there() -> None:
    """Two models never speak in one reply; that it broke off is told by a notice without a deed."""
    with racing(streams(*words("From", " there.")[:2])) as (chat, local, _):
        deltas = list(chat.stream(asked()))
        assert outcome(deltas) == ("From", [])
        assert any(isinstance(delta, Notice) and "broke off" in delta.cause for delta in deltas)
        assert local.requests == []


def test_where_both_fail_the_error_says_why() -> None:
    """Nothing is made up."""
    with racing(answers("500 Oh", b"{}")) as (chat, local, _):

        def fails(messages: tuple[Message, ...]) -> str:
            raise EndpointError("no memory")

        local.replies = fails
        with pytest.raises(EndpointError, match="no memory"):
            list(chat.stream(asked()))


def test_a_grammar_is_held_by_the_local_model() -> None:
    """The endpoint is not asked."""
    with racing(waits) as (chat, _, server):
        assert outcome(list(chat.stream(asked(grammar="root ::= [a-z]")))) == ("Local words.", [])
        assert server.paths == []


@pytest.mark.parametrize("patience_s", [LONG_S, 0.02])
def test_cancelling_ends_both(patience_s: float) -> None:
    """While nobody has a token."""
    stuck = threading.Event()
    with racing(waits, patience_s) as (chat, local, server):
        request = asked()
        local.spend, local.first_token_s = (lambda _: stuck.wait(LONG_S)), 1.0  # type: ignore[assignment,return-value]
        threading.Timer(0.2, request.cancelled.set).start()
        *_, done = chat.stream(request)
        assert isinstance(done, Done)
        assert done.reason == "cancelled"
        assert server.gone.wait(10)
        stuck.set()


def test_a_local_model_that_cannot_be_loaded_leaves_nothing_open() -> None:
    """The error is the loading's; the endpoint's thread has ended."""
    remote = OpenAiModel(Endpoint("http://127.0.0.1:9/v1", "m"))

    def load() -> ScriptedLanguageModel:
        raise EndpointError("no file")

    with pytest.raises(EndpointError, match="no file"):
        FirstToken(remote, load, 1.0)
    assert not any(thread.name.startswith(("local-llm", "endpoint")) for thread in threading.enumerate())
