"""A language model behind an OpenAI-compatible endpoint: streamed chat completions, each wait of them limited.

Requests run in an event loop of their own, in one thread: cancelling one closes its connection at once, wherever it
waits. Nothing is tried twice. What an endpoint sends is bounded in time and in memory.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import threading
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from concurrent.futures import Future
from contextlib import aclosing, closing
from dataclasses import dataclass, field
from ipaddress import ip_address
from queue import SimpleQueue

import httpx2

from inference.errors import EndpointError, GrammarError, NoFreeChat
from inference.llm.openai_stream import StreamReader, body_of, reason_of
from inference.llm.thoughts import with_thoughts
from inference.llm.tool_calls import with_calls
from inference.types import ChatRequest, Delta, Done, LlmCapabilities, Message, Notice, Tool, Usage

CHATS = 64
"""That may be open at once."""
LONGEST_EVENT_BYTES = 1 << 16
LONGEST_REPLY_BYTES = 1 << 22
LONGEST_REPLY_S = 120.0
AFTER_END_S = 0.25
"""How long the count of the tokens may come after the end of a reply."""
CHARACTERS_A_TOKEN = 4
"""In English, roughly: endpoints do not say how long a prompt is before it is sent."""
DONE = "[DONE]"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a language model is, and how long it may take."""

    base_url: str
    """Up to and with the version, as http://127.0.0.1:8080/v1."""
    model: str
    key: str = field(default="", repr=False)
    connect_s: float = 2.0
    first_token_s: float = 30.0
    """From the request on."""
    token_s: float = 10.0
    """Between two tokens."""
    context_tokens: int = 8192

    def __post_init__(self) -> None:
        """Raise ValueError for what can't be used; the key is not told."""
        try:
            url = httpx2.URL(self.base_url)
            usable = bool(url.host) and (url.port or 1) < 1 << 16
        except httpx2.InvalidURL:
            usable = False
        if not usable:
            raise ValueError("the base URL is no address")
        if not (self.key.isascii() and self.key.isprintable()):
            raise ValueError("the key has characters that no key has")

    @property
    def place(self) -> str:
        """Return the machine, for those who read an error."""
        url = httpx2.URL(self.base_url)
        return f"{url.host}:{url.port}" if url.port else url.host

    @property
    def is_here(self) -> bool:
        """Whether it is on this machine: then no proxy is asked."""
        host = httpx2.URL(self.base_url).host
        try:
            return ip_address(host).is_loopback
        except ValueError:
            return host == "localhost"


class OpenAiModel:
    """Fulfils `LanguageModel`; its chats keep nothing, a request brings all of its messages."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.capabilities = LlmCapabilities(endpoint.context_tokens, CHATS, local=False, tools=True)
        self.ids = (f"call_{number}" for number in itertools.count(1))
        self._open: set[OpenAiChat] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="endpoint", daemon=True)
        self._thread.start()
        headers = {"accept": "text/event-stream", "accept-encoding": "identity"}
        if endpoint.key:
            headers["authorization"] = f"Bearer {endpoint.key}"
        limits = httpx2.Timeout(endpoint.connect_s, read=None)
        self._client = httpx2.AsyncClient(headers=headers, timeout=limits, trust_env=not endpoint.is_here)

    def chat(self) -> OpenAiChat:
        """Return a new chat. Raises NoFreeChat."""
        if len(self._open) == CHATS:
            raise NoFreeChat(CHATS)
        chat = OpenAiChat(self, self._open.discard)
        self._open.add(chat)
        return chat

    def keep_warm(self) -> None:
        """Nothing is here."""

    def use_threads(self, threads: int) -> None:
        """Have none."""

    def close(self) -> None:
        """Close the connections and end the thread."""
        if self._loop.is_closed():
            return
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end(self) -> None:
        running = asyncio.all_tasks() - {asyncio.current_task()}
        for task in running:
            task.cancel()
        await asyncio.wait([*running, asyncio.create_task(self._client.aclose())])
        await self._loop.shutdown_asyncgens()

    def ask(
        self, request: ChatRequest, reader: StreamReader, tell: Callable[[Delta | EndpointError], None]
    ) -> Future[None]:
        """Send a request; `tell` is given its deltas, the last of them `Done`, or an error. Cancelling ends it."""
        return asyncio.run_coroutine_threadsafe(self._answer(request, reader, tell), self._loop)

    async def _answer(
        self, request: ChatRequest, reader: StreamReader, tell: Callable[[Delta | EndpointError], None]
    ) -> None:
        try:
            await self._read(request, reader, tell)
            wrong = ""
        except Exception as error:  # whatever another machine sends: the conversation goes on
            wrong = self._wrong(error, reader)
        if wrong and not reader.progress and reader.reason is None:
            tell(EndpointError(self._told(wrong)))
            return
        if wrong and reader.reason is None:  # what comes after the end of a reply is not missed
            tell(Notice(self._told(wrong)))
            reader.reason = "length"
        for delta in reader.end():
            tell(delta)

    async def _read(self, request: ChatRequest, reader: StreamReader, tell: Callable[[Delta], None]) -> None:
        """Read a reply to its end, or until it is long enough."""
        now, most = asyncio.get_running_loop().time, request.max_tokens + request.max_thoughts
        until_s = now() + LONGEST_REPLY_S
        async with asyncio.timeout(self.endpoint.first_token_s) as limit:
            async with aclosing(self._sent(request)) as sent:
                async for data in sent:
                    before = reader.progress
                    for delta in reader.push(data):
                        tell(delta)
                    if reader.reason is not None:
                        limit.reschedule(now() + AFTER_END_S)
                    elif reader.written >= most or reader.thoughts > request.max_thoughts:
                        reader.reason = "length"
                        return
                    elif reader.progress > before:
                        limit.reschedule(min(now() + self.endpoint.token_s, until_s))

    def _wrong(self, error: Exception, reader: StreamReader) -> str:
        """Return what is wrong, in words."""
        match error:
            case TimeoutError():
                limit_s = self.endpoint.token_s if reader.progress else self.endpoint.first_token_s
                return f"no token within {limit_s:g} s"
            case EndpointError():
                return str(error)
            case httpx2.ConnectTimeout():
                return f"no connection within {self.endpoint.connect_s:g} s"
            case httpx2.ConnectError():
                return "it can't be reached"
            case _:
                return f"it broke off ({type(error).__name__})"

    def _told(self, wrong: str) -> str:
        """Return what is wrong with the endpoint, without the key."""
        told = f"the language model at {self.endpoint.place} doesn't answer: {wrong}"
        return told.replace(self.endpoint.key, "***") if self.endpoint.key else told

    async def _sent(self, request: ChatRequest) -> AsyncGenerator[str, None]:
        """Yield the chunks of a reply as text."""
        url = f"{self.endpoint.base_url.rstrip('/')}/chat/completions"
        body = body_of(request, self.endpoint.model)
        async with self._client.stream("POST", url, json=body) as response:
            kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
            if response.headers.get("content-encoding", "identity") != "identity":
                raise EndpointError("it compresses what it was asked to send as it is")
            if response.status_code != 200:
                raise EndpointError(f"status {response.status_code}, {await _complaint(response)}")
            if kind == "text/event-stream":
                async for event in httpx2.EventSource(response, LONGEST_EVENT_BYTES):
                    if event.data == DONE:
                        return
                    if response.num_bytes_downloaded > LONGEST_REPLY_BYTES:
                        raise EndpointError("the reply is too long")
                    if event.data:
                        yield event.data
                raise EndpointError("it broke off")  # of no weight where the reply has said why it ends
            else:  # as of a server that streams nothing
                yield (await _whole(response)).decode(errors="replace")


async def _whole(response: httpx2.Response) -> bytes:
    """Return the body of a response, up to a limit."""
    body = b""
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) > LONGEST_EVENT_BYTES:
            raise EndpointError("the reply is too long")
    return body


async def _complaint(response: httpx2.Response) -> str:
    body = await _whole(response)
    try:
        return reason_of(json.loads(body))
    except (ValueError, RecursionError):
        return reason_of(body.decode(errors="replace"))


class OpenAiChat:
    """A chat of an endpoint."""

    def __init__(self, model: OpenAiModel, closed: Callable[[OpenAiChat], None]) -> None:
        self._model, self._closed = model, closed
        self._reader = StreamReader(model.ids)

    @property
    def usage(self) -> Usage:
        """See Chat.usage."""
        return self._reader.usage

    def stream(self, request: ChatRequest) -> Iterator[Delta]:
        """Yield the reply; see Chat.stream. Raises EndpointError where none begins."""
        if request.grammar is not None:
            raise GrammarError("the language model's endpoint can't be held to a grammar")
        answer = with_thoughts(self._written(request), request, lambda: self.usage, begun=False)
        with closing(answer):
            yield from with_calls(answer, self._model.ids)

    def _written(self, request: ChatRequest) -> Generator[Delta, None, None]:
        self._reader = reader = StreamReader(self._model.ids)
        cancelled = Done(Usage(), "cancelled")
        if request.cancelled.is_set():
            yield cancelled
            return
        told: SimpleQueue[Delta | EndpointError] = SimpleQueue()
        asked = self._model.ask(request, reader, told.put)
        try:
            with request.cancelled.calling(lambda: told.put(cancelled)):
                while True:
                    delta = told.get()
                    if isinstance(delta, EndpointError):
                        raise delta
                    if request.cancelled.is_set():
                        delta = Done(reader.usage, "cancelled")
                    yield delta
                    if isinstance(delta, Done):
                        return
        finally:
            asked.cancel()

    def prefill(self, messages: tuple[Message, ...], tools: tuple[Tool, ...] = ()) -> int:
        """Send nothing: what the user has not ended is nobody's yet."""
        return 0

    def remaining_tokens(self, messages: tuple[Message, ...]) -> int:
        """Return an estimate, since the endpoint counts only what it answers."""
        characters = sum(len(message.content) for message in messages)
        return self._model.capabilities.context_tokens - characters // CHARACTERS_A_TOKEN

    def restore(self, messages: tuple[Message, ...], tools: tuple[Tool, ...] = ()) -> bool:
        """Have nothing saved."""
        return False

    def end_probability(
        self, messages: tuple[Message, ...], ending: re.Pattern[str], marks: str = ""
    ) -> float | None:
        """Tell none."""
        return None

    def forget(self) -> None:
        """Keep nothing."""

    def close(self) -> None:
        """Leave the place to another chat."""
        self._closed(self)
