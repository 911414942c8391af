"""Several chats on one model: each writes what it writes alone, whatever is decoded between its tokens."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.errors import NoFreeChat
from inference.llm.llama_chat import LlamaChat
from inference.llm.llamacpp import LlamaCpp, SequenceModel
from inference.llm.native import Logits, NativeModel
from inference.llm.saved import SavedPrefixes
from inference.llm.selftest import EMBEDDED
from inference.models.store import ModelStore
from inference.turn.next_token import NextTokenTurnDetector
from inference.types import Cancel, ChatRequest, LlmCapabilities, Message, Text
from tests.inference.replies import collected, reply

SYSTEM = Message("system", "You are a helpful assistant.")
QUESTIONS = (
    "What is the capital of France?",
    "How do bees make honey in the winter?",
    "Name three fruits that are red.",
    "Is a dog or a cat the better swimmer?",
    "Write a line about the sea.",
    "What does a blacksmith make?",
    "How many days are there in a week?",
    "Who wrote Romeo and Juliet?",
)
CHATS = len(QUESTIONS)
WARM = CHATS
"""In a schedule: the weights are read."""
DETECTOR = NextTokenTurnDetector()


def asked(number: int) -> tuple[Message, ...]:
    return SYSTEM, Message("user", QUESTIONS[number])


def conversation(chat: LlamaChat, number: int, seen: list[object]) -> Iterator[None]:
    """Hold a conversation of two turns; every step of it is one call into the model, whose result goes to `seen`."""
    messages = asked(number)
    if number % 2:
        seen.append(chat.prefill((SYSTEM, Message("user", QUESTIONS[number][:12]))))
        yield
    for most in (5, 3):
        if number % 3:
            seen.append(DETECTOR.finished(chat, messages))
            yield
        text = ""
        for delta in chat.stream(ChatRequest(messages, most)):
            seen.append(delta)
            text += delta.text if isinstance(delta, Text) else ""
            yield
        messages = (*messages, Message("assistant", text), Message("user", "And what else?"))


def interleaved(llm: SequenceModel, schedule: Sequence[int]) -> list[list[object]]:
    """Return what every chat saw when they took turns as the schedule says, and then one after another."""
    chats = [llm.chat() for _ in QUESTIONS]
    seen: list[list[object]] = [[] for _ in QUESTIONS]
    running = [conversation(chats[number], number, seen[number]) for number in range(CHATS)]
    for number in (*schedule, *(number for number in range(CHATS) for _ in range(20))):
        if number == WARM:
            llm.keep_warm()
        else:
            next(running[number], None)
    for chat in chats:
        chat.close()
    return seen


def alone(llm: SequenceModel, number: int) -> list[object]:
    """Return what a chat sees that has a model for itself."""
    chat, seen = llm.chat(), list[object]()
    for _ in conversation(chat, number, seen):
        pass
    chat.close()
    return seen


schedules = st.lists(st.integers(0, WARM), max_size=80)


@pytest.fixture(scope="module")
def gguf() -> Path:
    return ModelStore().find(EMBEDDED, "llm").path


@pytest.fixture(scope="module")
def llm(gguf: Path) -> Iterator[LlamaCpp]:
    """A model that holds as many chats as there are questions."""
    model = LlamaCpp(gguf, context_tokens=256, chats=CHATS)
    yield model
    model.close()


@pytest.fixture(scope="module")
def expected(gguf: Path) -> list[list[object]]:
    """What every chat sees alone, on a model that holds one."""
    model = LlamaCpp(gguf, context_tokens=256)
    seen = [alone(model, number) for number in range(CHATS)]
    model.close()
    return seen


@pytest.mark.model
@settings(max_examples=3, deadline=None)
@given(schedule=schedules)
def test_chats_that_take_turns_see_what_they_see_alone(
    llm: LlamaCpp, expected: list[list[object]], schedule: list[int]
) -> None:
    """Every token, probability and count of cached tokens of eight chats, which say different things, is the same."""
    assert interleaved(llm, schedule) == expected
    assert len({str(seen) for seen in expected}) == CHATS


@pytest.mark.model
def test_a_second_turn_computes_what_is_new_though_others_spoke(llm: LlamaCpp) -> None:
    """The prefix of each chat stays in its cache."""
    chats = [llm.chat() for _ in QUESTIONS]
    first = [reply(chat, *asked(number), max_tokens=4) for number, chat in enumerate(chats)]
    for number, (chat, said) in enumerate(zip(chats, first, strict=True)):
        turns = (*asked(number), Message("assistant", said.text), Message("user", "And what else?"))
        usage = reply(chat, *turns, max_tokens=1).done.usage
        assert usage.cached_tokens >= said.done.usage.prompt_tokens
    for chat in chats:
        chat.close()


@pytest.mark.model
def test_a_reply_after_a_turn_detector_decodes_no_prompt_whatever_came_between(llm: LlamaCpp) -> None:
    """The logits of the prompt's end are kept by the chat: the same token comes, with the whole prompt cached."""
    chat, other = llm.chat(), llm.chat()
    DETECTOR.finished(chat, asked(0))
    at_once = reply(chat, *asked(0), max_tokens=4)
    chat.forget()
    DETECTOR.finished(chat, asked(0))
    llm.keep_warm()
    reply(other, *asked(1), max_tokens=2)
    later = reply(chat, *asked(0), max_tokens=4)
    assert later == at_once
    assert later.done.usage.cached_tokens == later.done.usage.prompt_tokens
    chat.close()
    other.close()


@pytest.mark.model
def test_nothing_decoded_between_two_tokens_changes_a_guessed_one(
    llm: LlamaCpp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tokens that prompt lookup has decoded ahead are drawn from their own logits, though the context has others."""
    chat, other = llm.chat(), llm.chat()
    undisturbed = reply(chat, *asked(0), max_tokens=12).tokens
    chat.forget()
    decoded: list[int] = []
    decode = llm.context.decode

    def counting(sequence: int, *rest: object) -> object:
        decoded.append(sequence)
        return decode(sequence, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(llm.context, "decode", counting)
    found = []
    for delta in chat.stream(ChatRequest(asked(0), 12)):
        found.append(delta)
        llm.keep_warm()
        DETECTOR.finished(other, asked(1 + len(found) % 2))
    assert found[:-1] == undisturbed
    assert decoded.count(chat._sequence) < len(undisturbed), "a guess was accepted"
    chat.close()
    other.close()


@pytest.mark.model
def test_the_number_of_threads_changes_no_token(llm: LlamaCpp) -> None:
    """With one thread, with two, and with both in turns: the same reply."""
    found = []
    for schedule in ((1,), (2,), (1, 2)):
        chat, deltas = llm.chat(), list[object]()
        for number, delta in enumerate(chat.stream(ChatRequest(asked(1), 16))):
            deltas.append(delta)
            llm.use_threads(schedule[number % len(schedule)])
        found.append(deltas)
        chat.close()

    assert llm.capabilities.threads == 2
    assert found[0] == found[1] == found[2]


@pytest.mark.model
def test_the_number_of_threads_changes_no_bit(llm: LlamaCpp) -> None:
    """The logits after a prompt, which is decoded in a batch, and after one token more."""
    prompt, found = llm.model.tokenize("You are a voice assistant. " * 20), []
    for threads in (1, 2):
        llm.use_threads(threads)
        rows = [
            llm.context.decode(0, tokens, at, [len(tokens) - 1], Cancel())
            for tokens, at in ((prompt, 0), (prompt[:1], len(prompt)))
        ]
        llm.context.keep(0, 0)
        found.append(np.array(rows))

    assert np.array_equal(found[0], found[1])


@pytest.mark.model
def test_cancelling_one_chat_ends_it_and_no_other(llm: LlamaCpp, expected: list[list[object]]) -> None:
    """Also where the cancel comes while the other decodes, or between two tokens."""
    for wait_s in (0.0, 0.001, 0.01, 0.05):
        chat, other = llm.chat(), llm.chat()
        request = ChatRequest(asked(1), 100)
        cut = chat.stream(request)
        begun = next(cut)
        timer = threading.Timer(wait_s, request.cancelled.set)
        timer.start()
        assert reply(other, *asked(0), max_tokens=5).tokens == expected[0][:5]
        timer.join()
        ended = collected(cut)
        assert isinstance(begun, Text)
        assert (ended.tokens, ended.done.reason) == ([], "cancelled")
        chat.close()
        other.close()


@pytest.mark.model
def test_one_chat_too_many_is_refused_and_a_closed_one_leaves_an_empty_place(llm: LlamaCpp) -> None:
    """The next chat finds nothing of the one that was closed, which can't be used any more."""
    assert llm.capabilities.parameters > 10**8
    assert replace(llm.capabilities, parameters=0) == LlmCapabilities(
        256, CHATS, grammar=True, token_probabilities=True, threads=2
    )
    chats = [llm.chat() for _ in range(CHATS)]
    with pytest.raises(NoFreeChat, match=f"{CHATS} of {CHATS}"):
        llm.chat()
    first = reply(chats[3], *asked(3), max_tokens=3)
    chats[3].close()
    chats[3].close()
    again = llm.chat()
    assert reply(again, *asked(3), max_tokens=3) == first
    assert first.done.usage.cached_tokens == 0
    with pytest.raises(RuntimeError, match="closed"):
        reply(chats[3], *asked(3))
    for chat in (*chats, again):
        chat.close()


@pytest.mark.model
def test_a_persona_is_computed_once_for_all_chats(llm: LlamaCpp) -> None:
    """The second chat begins with the first one's prefix, which went on meanwhile, and answers as it does."""
    persona = (SYSTEM, Message("user", "Hi!"), Message("assistant", "Ahoy, how can I help?"))
    chat, other = llm.chat(), llm.chat()
    assert not chat.restore(persona)
    first = reply(chat, *persona, asked(0)[1], max_tokens=6)
    assert other.restore(persona)
    assert reply(other, *persona, asked(0)[1], max_tokens=6) == first
    assert first.done.usage.cached_tokens > len(persona)
    chat.close()
    other.close()


class ToyContext:
    """Logits that follow from a sequence's tokens, at once.

    Refuses a decode that does not begin where its sequence ends, and sequences that are too long.
    """

    size = 256

    def __init__(self, vocab_size: int, sequences: int = CHATS) -> None:
        self.sequences = sequences
        self.tokens: list[list[int]] = [[] for _ in range(sequences)]
        self._vocab_size = vocab_size

    def decode(
        self, sequence: int, tokens: Sequence[int], at: int, asked: Sequence[int], cancelled: Cancel
    ) -> list[Logits] | None:
        if cancelled.is_set():
            return None
        held = self.tokens[sequence]
        assert at == len(held)
        held += tokens
        assert len(held) <= self.size
        return [self._row(held[: at + place + 1]) for place in asked]

    def _row(self, held: list[int]) -> Logits:
        row = np.zeros(self._vocab_size, np.float32)
        row[1000 + sum(held) * 31 % 97] = 20.0
        return row

    def keep(self, sequence: int, tokens: int) -> bool:
        del self.tokens[sequence][tokens:]
        return True

    def keep_warm(self) -> None: ...

    def use_threads(self, threads: int) -> None: ...

    def state(self, sequence: int) -> bytes:
        return bytes(str(self.tokens[sequence]), "ascii")

    def set_state(self, sequence: int, state: bytes) -> bool:
        self.tokens[sequence] = [int(token) for token in state.decode().strip("[]").split(",")]
        return True

    def close(self) -> None: ...


@cache
def toy() -> Callable[[], SequenceModel]:
    """Return what makes a model of toy logits in the packaged model's vocabulary."""
    model = NativeModel(ModelStore().find(EMBEDDED, "llm").path, vocab_only=True)
    return lambda: SequenceModel(model, ToyContext(model.vocab_size), SavedPrefixes(None, ""), guesses=True)


@cache
def toys_alone() -> list[list[object]]:
    """What every chat sees alone."""
    return [alone(toy()(), number) for number in range(CHATS)]


@pytest.mark.model
@settings(max_examples=20, deadline=None)
@given(schedule=schedules)
def test_toy_chats_that_take_turns_see_what_they_see_alone(schedule: list[int]) -> None:
    """The law of the real model, of many more schedules; and no place holds anything in the end."""
    llm = toy()()
    assert interleaved(llm, schedule) == toys_alone()
    assert isinstance(llm.context, ToyContext)
    assert llm.context.tokens == [[] for _ in range(CHATS)]


def test_a_cancel_calls_nobody_after_the_block_that_asked_for_it() -> None:
    """Leaving the block waits for a call that is under way: it can't hit what another begins then."""
    cancelled, entered, order = Cancel(), threading.Event(), list[str]()

    def call() -> None:
        entered.set()
        time.sleep(0.05)
        order.append("called")

    setter = threading.Thread(target=cancelled.set)
    with cancelled.calling(call):
        setter.start()
        assert entered.wait(10)
    order.append("left")
    setter.join()
    assert order == ["called", "left"]
