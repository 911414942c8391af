"""Two language models, one of them elsewhere: the local one answers where the other's first token is late.

Whoever has a token first is used, and the other one is cancelled. What needs the model at hand, as a grammar or the
probability that a sentence ends, is the local one's at once. The local model works in one thread of its own, since a
thread that calls OpenMP gets a team of threads: those who wait for the other machine must not each have one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from queue import Empty, SimpleQueue
from typing import TypeVar

from inference.errors import InferenceError, NoFreeChat
from inference.protocols import Chat, ChoosingChat, LanguageModel
from inference.types import (
    Cancel,
    ChatRequest,
    Delta,
    Done,
    Message,
    Notice,
    Text,
    Thought,
    Tool,
    ToolCall,
    Usage,
)

T = TypeVar("T")
ACTION = "the local language model answers"
"""What a notice says was done."""
EMPTY = "the language model elsewhere has nothing to say"


class FirstToken:
    """A language model elsewhere, with a local one for when it is late or fails."""

    def __init__(self, remote: LanguageModel, load: Callable[[], LanguageModel], patience_s: float) -> None:
        """`load` returns the local model; `patience_s` is how long the other one's first token may take."""
        self.patience_s = patience_s
        self.threads_here = ThreadPoolExecutor(1, thread_name_prefix="local-llm")
        self.waiters = ThreadPoolExecutor(remote.capabilities.chats, thread_name_prefix="endpoint-reply")
        self._remote = remote
        try:
            self._local = self.here(load)
        except BaseException:
            remote.close()
            self._end_threads()
            raise
        here, there = self._local.capabilities, remote.capabilities
        self.capabilities = replace(
            here,
            context_tokens=min(here.context_tokens, there.context_tokens),
            chats=min(here.chats, there.chats),
            local=False,
            tools=there.tools,
            threads=0,
        )

    def here(self, work: Callable[[], T]) -> T:
        """Do the local model's work in its thread."""
        return self.threads_here.submit(work).result()

    def chat(self) -> FirstTokenChat:
        """Return a new chat with both. Raises NoFreeChat."""
        local = self.here(self._local.chat)
        try:
            return FirstTokenChat(self, self._remote.chat(), local)
        except NoFreeChat:
            self.here(local.close)
            raise

    def keep_warm(self) -> None:
        """Read the local model's weights."""
        self.here(self._local.keep_warm)

    def use_threads(self, threads: int) -> None:
        """Keep those that the local model has."""

    def close(self) -> None:
        """Close both."""
        self.here(self._local.close)
        self._remote.close()
        self._end_threads()

    def _end_threads(self) -> None:
        self.threads_here.shutdown(wait=True)
        self.waiters.shutdown(wait=True, cancel_futures=True)


@dataclass(slots=True, eq=False)
class _Contender:
    """A chat that may answer a request, in a thread of `threads`."""

    chat: Chat
    threads: Executor
    heard: SimpleQueue[tuple[_Contender, Delta | Exception]]
    cancelled: Cancel = field(default_factory=Cancel)
    begun: bool = False

    def begin(self, request: ChatRequest) -> None:
        """Answer into the queue, unless that was begun before."""
        if not self.begun:
            self.begun = True
            self.threads.submit(self._answer, replace(request, cancelled=self.cancelled))

    def _answer(self, request: ChatRequest) -> None:
        try:
            for delta in self.chat.stream(request):
                self.heard.put((self, delta))
        except Exception as error:  # told where the deltas are
            self.heard.put((self, error))


class FirstTokenChat:
    """A chat with both models; the local one's cache is kept as if it answered."""

    def __init__(self, model: FirstToken, remote: Chat, local: Chat) -> None:
        self._model, self._remote, self._local = model, remote, local
        self._answers = remote
        """Who wrote the last reply."""

    @property
    def usage(self) -> Usage:
        """See Chat.usage."""
        return self._answers.usage

    def stream(self, request: ChatRequest) -> Iterator[Delta]:
        """Yield the reply of the first that has a token; see Chat.stream. A Notice says that it is the local one."""
        heard: SimpleQueue[tuple[_Contender, Delta | Exception]] = SimpleQueue()
        remote = _Contender(self._remote, self._model.waiters, heard)
        local = _Contender(self._local, self._model.threads_here, heard)

        def stop() -> None:
            remote.cancelled.set()
            local.cancelled.set()

        try:
            with request.cancelled.calling(stop):
                if request.grammar is not None:
                    local.begin(request)
                    winner, delta, cause = (*heard.get(), "")
                else:
                    remote.begin(request)
                    winner, delta, cause = self._race(request, remote, local)
                self._answers = winner.chat
                (remote if winner is local else local).cancelled.set()
                if cause and winner is local and not isinstance(delta, Exception):
                    yield Notice(cause, ACTION)
                while True:
                    if isinstance(delta, Exception):
                        raise delta
                    yield delta
                    if isinstance(delta, Done):
                        return
                    who, delta = heard.get()
                    while who is not winner:
                        who, delta = heard.get()
        finally:
            stop()

    def _race(
        self, request: ChatRequest, remote: _Contender, local: _Contender
    ) -> tuple[_Contender, Delta | Exception, str]:
        """Return who is used, with the first thing to tell of it, and why the local model was asked, if it was."""
        cause, lost = "", set[_Contender]()
        patience_s: float | None = self._model.patience_s
        while True:
            try:
                who, delta = remote.heard.get(timeout=patience_s)
            except Empty:
                cause, patience_s = (
                    f"no token from elsewhere within {self._model.patience_s * 1000:.0f} ms",
                    None,
                )
                local.begin(request)
                continue
            if isinstance(delta, Text | Thought | ToolCall) or request.cancelled.is_set():
                return who, delta, cause
            if isinstance(delta, Done | Exception):
                lost.add(who)
                if lost >= {remote, local}:
                    return who, delta, cause
                if who is remote:
                    if isinstance(delta, Exception) and not isinstance(delta, InferenceError):
                        return who, delta, cause
                    cause, patience_s = str(delta) if isinstance(delta, InferenceError) else EMPTY, None
                    local.begin(request)

    def prefill(self, messages: tuple[Message, ...], tools: tuple[Tool, ...] = ()) -> int:
        """Have the local model read along; see Chat.prefill."""
        return self._model.here(lambda: self._local.prefill(messages, tools))

    def remaining_tokens(self, messages: tuple[Message, ...]) -> int:
        """Return what both have room for."""
        left = self._model.here(lambda: self._local.remaining_tokens(messages))
        return min(left, self._remote.remaining_tokens(messages))

    def restore(self, messages: tuple[Message, ...], tools: tuple[Tool, ...] = ()) -> bool:
        """Begin with the local model's prefix; see Chat.restore."""
        return self._model.here(lambda: self._local.restore(messages, tools))

    def end_probability(
        self, messages: tuple[Message, ...], ending: re.Pattern[str], marks: str = ""
    ) -> float | None:
        """Ask the local model; see Chat.end_probability."""
        return self._model.here(lambda: self._local.end_probability(messages, ending, marks))

    def odds(self, messages: tuple[Message, ...], words: Sequence[str]) -> tuple[float, ...]:
        """Ask the local model; see ChoosingChat.odds."""
        local = self._local
        assert isinstance(local, ChoosingChat), "a model with token probabilities"
        return self._model.here(lambda: local.odds(messages, words))

    def forget(self) -> None:
        """Empty the local model's cache."""
        self._model.here(self._local.forget)

    def close(self) -> None:
        """Leave both places to other chats."""
        self._remote.close()
        self._model.here(self._local.close)
