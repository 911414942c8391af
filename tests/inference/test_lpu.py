"""The emulated LPU in the language model's seat: a chat, its cache, cancellation, samplers, and emulated time."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from inference.errors import GrammarError, ModelCorrupt, ModelError, NoFreeChat, PromptTooLong
from inference.llm.llama_chat import LlamaChat
from inference.llm.llamacpp import LlamaCpp
from inference.llm.lpu import Lpu, bucket
from inference.llm.pace import Pace, Paced, PacedChat
from inference.llm.scripted_llm import ScriptedChat, ScriptedLanguageModel
from inference.llm.selftest import EMBEDDED
from inference.models.store import ModelStore
from inference.protocols import Chat
from inference.turn.next_token import NextTokenTurnDetector
from inference.types import Cancel, ChatRequest, Message, Sampling, Usage
from tests.inference.replies import Reply, collected, reply
from tests.lpu_backend.test_graph import LLAMA_1B, SMOLLM2
from tests.lpu_backend.tiny_model import Tiny, write_model

SYSTEM = Message("system", "You are a helpful assistant.")
PARIS = (SYSTEM, Message("user", "What is the capital of France?"))
GREEDY = Sampling(repeat_penalty=1.0)


@dataclass
class Fixed:
    """A timing with declared cycles."""

    clock_hz: int = 1000
    program_digest: str = "declared"
    link_s: float = 0.25

    def prefill_cycles(self, tokens: int, position: int) -> int:
        return 100 * tokens + position

    def decode_cycles(self, position: int) -> int:
        return position


@pytest.fixture(scope="module")
def gguf() -> Path:
    return ModelStore().find(EMBEDDED, "llm").path


@pytest.fixture(scope="module")
def lpu(gguf: Path) -> Iterator[Lpu]:
    """One chip for the module."""
    model = Lpu(gguf, context_tokens=512)
    yield model
    model.close()


@pytest.fixture(scope="module")
def chat(lpu: Lpu) -> LlamaChat:
    """Its chat; each test leaves any cache behind."""
    return lpu.chat()


def answer(chat: Chat, *messages: Message, **options: object) -> str:
    return reply(chat, *messages, **options).text


@pytest.mark.model
def test_the_capital_of_france(chat: LlamaChat) -> None:
    """The emulated chip answers, and without a compiled program no token has an emulated time."""
    found = collected(PacedChat(chat, Pace(None)).stream(ChatRequest(PARIS, 24)))
    assert "Paris" in found.text
    assert {token.emulated_s for token in found.tokens} == {None}
    assert found.done.usage.cycles_per_token == 0


@pytest.mark.model
def test_a_cached_prefix_changes_no_token(chat: LlamaChat) -> None:
    """A reply has the same tokens whether its prompt was cached, prefilled in parts, or new; most of it was cached."""
    chat.prefill((SYSTEM,))
    chat.prefill((SYSTEM, Message("user", "What is the cap")))
    warm = reply(chat, *PARIS, max_tokens=16)
    assert warm.done.usage.cached_tokens >= warm.done.usage.prompt_tokens // 2
    answer(chat, Message("user", "Say something else entirely."), max_tokens=3)
    assert reply(chat, *PARIS, max_tokens=16).tokens == warm.tokens
    again = reply(chat, *PARIS, max_tokens=16)
    assert again.tokens == warm.tokens
    assert again.done.usage.cached_tokens == again.done.usage.prompt_tokens - 1


@pytest.mark.model
def test_samplers_are_those_of_llama_cpp(chat: LlamaChat) -> None:
    """The same seed gives the same words, another one others; a grammar holds; a bad one is a GrammarError."""
    story = Message("user", "Tell me a story.")
    draws = [
        answer(chat, story, max_tokens=12, sampling=Sampling(1.0, seed=seed, repeat_penalty=1.0))
        for seed in (1, 1, 2)
    ]
    assert draws[0] == draws[1] != draws[2]
    assert answer(chat, *PARIS, max_tokens=8, grammar='root ::= "Lyon" | "Nice"') in ("Lyon", "Nice")
    with pytest.raises(GrammarError):
        answer(chat, *PARIS, grammar="root ::= (")


@pytest.mark.model
def test_cancelling_ends_a_reply_inside_prefill_and_between_tokens(chat: LlamaChat) -> None:
    """A request cancelled while it is prefilled yields nothing, one cancelled after a token nothing more; the next
    reply is as if neither had been."""
    whole = answer(chat, *PARIS, max_tokens=8)
    long = ChatRequest((Message("user", "word " * 300), *PARIS[1:]))
    timer = threading.Timer(0.1, long.cancelled.set)
    timer.start()
    cut = collected(chat.stream(long))
    assert (cut.tokens, cut.done.reason) == ([], "cancelled")
    timer.join()
    request = ChatRequest(PARIS, 8)
    deltas = chat.stream(request)
    next(deltas)
    request.cancelled.set()
    rest = collected(deltas)
    assert (rest.tokens, rest.done.reason) == ([], "cancelled")
    assert answer(chat, *PARIS, max_tokens=8) == whole


@pytest.mark.model
def test_a_full_context_ends_a_reply_and_a_long_prompt_is_refused(lpu: Lpu, chat: LlamaChat) -> None:
    """A reply stops where the cache is full; a prompt that leaves no room for one is PromptTooLong."""
    most = chat.remaining_tokens((Message("user", ""),))
    filled = (Message("user", " a" * (most - 4)),)
    left = chat.remaining_tokens(filled)
    ending = reply(chat, *filled, max_tokens=50, grammar='root ::= "b"{90}')
    assert 0 < len(ending.tokens) == left
    assert ending.done.reason == "length"
    lpu.keep_warm()
    with pytest.raises(PromptTooLong):
        answer(chat, Message("user", " a" * 600))


@pytest.mark.model
def test_the_turn_detector_reads_the_same_probabilities(chat: LlamaChat, gguf: Path) -> None:
    """How probable the end of a sentence is differs from llama.cpp's by less than 0.1."""
    reference = LlamaCpp(gguf, context_tokens=512)
    other = reference.chat()
    for words in ("What is the capital of France", "What is the", "Turn off the lights in the"):
        messages = (SYSTEM, Message("user", words))
        found, expected = (NextTokenTurnDetector().finished(of, messages) for of in (chat, other))
        assert found is not None
        assert expected is not None
        assert abs(found - expected) < 0.1
    reference.close()


@pytest.mark.model
def test_llama_cpps_tokens_are_stamped_with_the_times_of_the_chip(gguf: Path) -> None:
    """Pacing changes no token; each has the cycles of its steps and the link's time, from the request on."""
    plain = LlamaCpp(gguf, context_tokens=512)
    expected = reply(plain.chat(), *PARIS, max_tokens=5)
    plain.close()
    model = Paced(LlamaCpp(gguf, context_tokens=512), Pace(Fixed()))
    found = reply(model.chat(), *PARIS, max_tokens=5)
    model.close()
    n = found.done.usage.prompt_tokens
    steps = [0.1 * n, *(position / 1000 for position in range(n, n + len(found.tokens) - 1))]
    assert [replace(token, emulated_s=None) for token in found.tokens] == expected.tokens
    times = list(itertools.accumulate(step + 0.25 for step in steps))
    assert [token.emulated_s for token in found.tokens] == pytest.approx(times)
    last = n + len(found.tokens) - 2
    assert found.done.usage == replace(expected.done.usage, cycles_per_token=last)


class Host:
    """A clock that tokens and waiting advance, and a paced chat of four tokens; a token that is not waited for costs
    its time on this host."""

    def __init__(self, *spent_s: float, cached_tokens: int = 1, paced: bool = True) -> None:
        self.now_s = 0.0
        llm = ScriptedLanguageModel(["a b c d"], spend=self.spend)
        self._spent_s = iter(spent_s)
        pace = Pace(Fixed(), paced=paced, clock_s=lambda: self.now_s)
        self.chat = PacedChat(Counting(llm.chat(), Usage(3, cached_tokens)), pace)

    def spend(self, _declared_s: float) -> None:
        self.now_s += next(self._spent_s)

    def cancel(self) -> Cancel:
        cancelled = Cancel()

        def wait(timeout: float | None = None) -> bool:
            self.now_s += timeout or 0.0
            return cancelled.is_set()

        cancelled.wait = wait  # type: ignore[method-assign]
        return cancelled

    def reply(self, most: int, cancelled: Cancel | None = None) -> Reply:
        request = ChatRequest((Message("user", "x y z"),), most, cancelled=cancelled or self.cancel())
        return collected(self.chat.stream(request))


class Counting(ScriptedChat):
    """A scripted chat that says what was in its cache."""

    def __init__(self, chat: ScriptedChat, usage: Usage) -> None:
        self._found = usage
        """Its counts of the prompt stay."""
        super().__init__(chat._llm, chat._closed)

    @property
    def usage(self) -> Usage:
        return self._found

    @usage.setter
    def usage(self, usage: Usage) -> None:
        self._found = replace(self._found, completion_tokens=usage.completion_tokens)


def test_paced_tokens_come_when_the_chip_has_them_or_are_counted_as_late() -> None:
    """Early tokens wait for their time; late ones come at once, and are counted."""
    host = Host(0.1, 0.1, 2.0, 0.0)
    released = []
    for delta in host.chat.stream(ChatRequest((Message("user", "x y z"),), 4, cancelled=host.cancel())):
        released.append((delta, host.now_s))
    (done, _) = released.pop()
    due = list(itertools.accumulate([0.201 + 0.25, 0.003 + 0.25, 0.004 + 0.25, 0.005 + 0.25]))
    assert [token.emulated_s for token, _ in released] == pytest.approx(due)
    assert [at for _, at in released] == pytest.approx([due[0], due[1], due[1] + 2.0, due[1] + 2.0])
    assert (done.usage.late_tokens, done.usage.completion_tokens) == (2, 4)


def test_measured_tokens_come_at_once() -> None:
    """Without pacing no token waits, and nothing counts as late; without a timing pacing is off."""
    host = Host(0.1, 0.1, paced=False)
    found = host.reply(2)
    assert len(found.tokens) == 2
    assert (host.now_s, found.done.usage.late_tokens) == (pytest.approx(0.2), 0)
    untimed = Host(0.1, 0.1)
    untimed.chat = PacedChat(untimed.chat._chat, Pace(None, paced=True))
    assert {token.emulated_s for token in untimed.reply(2).tokens} == {None}
    assert untimed.now_s == pytest.approx(0.2)


def test_a_paced_reply_can_be_cancelled_while_it_waits() -> None:
    """A token that is waited for when the reply is cancelled does not come."""

    class Interrupted(Cancel):
        def wait(self, timeout: float | None = None) -> bool:
            self.set()
            return True

    found = Host(0.0, 0.0).reply(2, Interrupted())
    assert (found.tokens, found.done.reason) == ([], "cancelled")


def test_a_prompt_that_was_cached_whole_takes_no_step() -> None:
    """Its first token is there when the request starts."""
    found = Host(0.1, 0.1, cached_tokens=3, paced=False).reply(2)
    assert [token.emulated_s for token in found.tokens] == pytest.approx([0.0, 0.253])


def test_the_context_is_the_largest_bucket_the_chip_holds() -> None:
    """SmolLM2 gets 1024 of 2048 wanted positions; a larger model is a ModelError."""
    assert [bucket(SMOLLM2, most) for most in (4096, 2048, 1024, 700, 100)] == [1024, 1024, 1024, 512, 100]
    with pytest.raises(ModelError, match="it takes 8 chips"):
        bucket(LLAMA_1B, 2048)


def test_more_chips_hold_more_context_and_impossible_numbers_are_refused() -> None:
    """Two chips hold all 2048 positions; 0 and 7 chips are no system, 32 are more than there are layers."""
    assert [bucket(SMOLLM2, 2048, chips) for chips in (1, 2, 4, 8)] == [1024, 2048, 2048, 2048]
    for chips, said in (
        (0, "0 chips"),
        (7, "take 1, 2, 4 or whole nodes of 8"),
        (32, "of 1 to 30 chips, not of 32"),
    ):
        with pytest.raises(ModelError, match=said):
            bucket(SMOLLM2, 2048, chips)


@pytest.mark.model
def test_a_reply_does_not_depend_on_the_number_of_chips(chat: LlamaChat, gguf: Path) -> None:
    """Four chips say what one says."""
    four = Lpu(gguf, context_tokens=512, chips=4)

    assert answer(four.chat(), *PARIS, max_tokens=12) == answer(chat, *PARIS, max_tokens=12)
    four.close()


def test_models_that_can_not_be_built_are_one_clear_error(tmp_path: Path) -> None:
    """A file that is no GGUF is ModelCorrupt, an unsupported architecture a ModelError with the list."""
    (tmp_path / "no.gguf").write_bytes(b"GGUF")
    with pytest.raises(ModelCorrupt):
        Lpu(tmp_path / "no.gguf")
    with pytest.raises(ModelError, match="these are: llama, qwen2"):
        Lpu(write_model(tmp_path / "tiny.gguf", Tiny("mamba")))


@pytest.mark.model
def test_greedy_words_are_the_likeliest_tokens(lpu: Lpu, chat: LlamaChat) -> None:
    """Without penalties the sampler takes the largest logit of every step."""
    tokens = reply(chat, *PARIS, max_tokens=6, sampling=GREEDY).tokens
    prompt, _ = chat._prompt(PARIS)
    for number, token in enumerate(tokens):
        before = [*prompt, *(earlier.id for earlier in tokens[:number])]
        logits = lpu.context.decode(0, before, 0, [len(before) - 1], Cancel())
        assert logits is not None
        assert int(np.argmax(logits[0])) == token.id
    chat.forget()


@pytest.mark.model
def test_a_chip_holds_one_chat_which_keep_warm_does_not_disturb(lpu: Lpu, chat: LlamaChat) -> None:
    """A second chat is refused; between any two tokens the weights may be read."""
    with pytest.raises(NoFreeChat, match="1 of 1"):
        lpu.chat()
    expected = reply(chat, *PARIS, max_tokens=6).tokens
    chat.forget()
    found = []
    for delta in chat.stream(ChatRequest(PARIS, 6)):
        found.append(delta)
        lpu.keep_warm()
    assert found[:-1] == expected


def test_every_step_is_timed_before_a_conversation() -> None:
    """Preparing asks for a prefill of the whole context and a decode in every bucket; without a timing for nothing."""
    asked: list[tuple[str, int]] = []

    class Recording(Fixed):
        def prefill_cycles(self, tokens: int, position: int) -> int:
            asked.append(("prefill", tokens + position))
            return 1

        def decode_cycles(self, position: int) -> int:
            asked.append(("decode", position))
            return 1

    Pace(Recording()).prepare(256)
    Pace(None).prepare(256)
    assert asked == [("prefill", 256), ("decode", 0), ("decode", 128)]
