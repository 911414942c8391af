"""The emulated LPU in the language model's seat: a chat, its cache, cancellation, samplers, and emulated time."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from inference.errors import GrammarError, ModelCorrupt, ModelError, PromptTooLong
from inference.llm.llamacpp import LlamaCpp
from inference.llm.lpu import DelegatedLpu, Lpu, bucket
from inference.llm.pace import Overrun, Pace
from inference.llm.selftest import EMBEDDED
from inference.models.store import ModelStore
from inference.turn.next_token import NextTokenTurnDetector
from inference.types import Cancel, ChatRequest, Message, Sampling, Token
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
    """One chip for the module; each test leaves any cache behind."""
    model = Lpu(gguf, context_tokens=512)
    yield model
    model.close()


def answer(llm: LlamaCpp, *messages: Message, **options: object) -> str:
    return "".join(token.text for token in llm.stream(ChatRequest(messages, **options)))


@pytest.mark.model
def test_the_capital_of_france(lpu: Lpu) -> None:
    """The emulated chip answers, and without a compiled program no token has an emulated time."""
    tokens = list(lpu.stream(ChatRequest(PARIS, 24)))
    assert "Paris" in "".join(token.text for token in tokens)
    assert {token.emulated_s for token in tokens} == {None}


@pytest.mark.model
def test_a_cached_prefix_changes_no_token(lpu: Lpu, gguf: Path) -> None:
    """A reply has the same tokens whether its prompt was cached, prefilled in parts, or new; most of it was cached."""
    lpu.prefill((SYSTEM,))
    lpu.prefill((SYSTEM, Message("user", "What is the cap")))
    warm = list(lpu.stream(ChatRequest(PARIS, 16)))
    assert lpu.cached_tokens >= lpu.prompt_tokens // 2
    answer(lpu, Message("user", "Say something else entirely."), max_tokens=3)
    assert list(lpu.stream(ChatRequest(PARIS, 16))) == warm
    assert list(lpu.stream(ChatRequest(PARIS, 16))) == warm
    assert lpu.cached_tokens == lpu.prompt_tokens - 1


@pytest.mark.model
def test_samplers_are_those_of_llama_cpp(lpu: Lpu) -> None:
    """The same seed gives the same words, another one others; a grammar holds; a bad one is a GrammarError."""
    story = Message("user", "Tell me a story.")
    draws = [
        answer(lpu, story, max_tokens=12, sampling=Sampling(1.0, seed=seed, repeat_penalty=1.0))
        for seed in (1, 1, 2)
    ]
    assert draws[0] == draws[1] != draws[2]
    assert answer(lpu, *PARIS, max_tokens=8, grammar='root ::= "Lyon" | "Nice"') in ("Lyon", "Nice")
    with pytest.raises(GrammarError):
        answer(lpu, *PARIS, grammar="root ::= (")


@pytest.mark.model
def test_cancelling_ends_a_reply_inside_prefill_and_between_tokens(lpu: Lpu) -> None:
    """A request cancelled while it is prefilled yields nothing, one cancelled after a token nothing more; the next
    reply is as if neither had been."""
    whole = answer(lpu, *PARIS, max_tokens=8)
    long = ChatRequest((Message("user", "word " * 300), *PARIS[1:]))
    timer = threading.Timer(0.1, long.cancelled.set)
    timer.start()
    assert list(lpu.stream(long)) == []
    timer.join()
    request = ChatRequest(PARIS, 8)
    tokens = lpu.stream(request)
    next(tokens)
    request.cancelled.set()
    assert list(tokens) == []
    assert answer(lpu, *PARIS, max_tokens=8) == whole


@pytest.mark.model
def test_a_full_context_ends_a_reply_and_a_long_prompt_is_refused(lpu: Lpu) -> None:
    """A reply stops where the cache is full; a prompt that leaves no room for one is PromptTooLong."""
    base = lpu.count_tokens((Message("user", ""),))
    filled = (Message("user", " a" * (lpu.context.size - base - 4)),)
    left = lpu.context.size - lpu.count_tokens(filled)
    ending = [token.id for token in lpu.stream(ChatRequest(filled, 50, grammar='root ::= "b"{90}'))]
    assert 0 < len(ending) == left
    with pytest.raises(PromptTooLong):
        answer(lpu, Message("user", " a" * 600))


@pytest.mark.model
def test_the_turn_detector_reads_the_same_probabilities(lpu: Lpu, gguf: Path) -> None:
    """How probable the end of a sentence is differs from llama.cpp's by less than 0.1."""
    reference = LlamaCpp(gguf, context_tokens=512)
    for words in ("What is the capital of France", "What is the", "Turn off the lights in the"):
        messages = (SYSTEM, Message("user", words))
        found, expected = (NextTokenTurnDetector(model).finished(messages) for model in (lpu, reference))
        assert abs(found - expected) < 0.1
    reference.close()


@pytest.mark.model
def test_delegated_tokens_are_llama_cpps_at_the_times_of_the_chip(gguf: Path) -> None:
    """Delegation changes no token; each has the cycles of its steps and the link's time, from the request on."""
    plain = LlamaCpp(gguf, context_tokens=512)
    expected = list(plain.stream(ChatRequest(PARIS, 5)))
    plain.close()
    model = DelegatedLpu(gguf, Pace(Fixed()), context_tokens=512)
    found = list(model.stream(ChatRequest(PARIS, 5)))
    model.close()
    n = model.prompt_tokens
    steps = [0.1 * n, *(position / 1000 for position in range(n, n + len(found) - 1))]
    assert [replace(token, emulated_s=None) for token in found] == expected
    times = list(itertools.accumulate(step + 0.25 for step in steps))
    assert [token.emulated_s for token in found] == pytest.approx(times)


@dataclass
class Host:
    """A clock that tokens advance, and a cancel whose waiting takes its time."""

    now_s: float = 0.0
    prompt_tokens: int = 3
    cached_tokens: int = 1

    def tokens(self, *spent_s: float) -> Iterator[Token]:
        for number, span_s in enumerate(spent_s):
            self.now_s += span_s
            yield Token(str(number), number)

    def cancel(self) -> Cancel:
        cancelled = Cancel()

        def wait(timeout: float | None = None) -> bool:
            self.now_s += timeout or 0.0
            return cancelled.is_set()

        cancelled.wait = wait  # type: ignore[method-assign]
        return cancelled


def test_paced_tokens_come_when_the_chip_has_them_or_are_counted_as_late() -> None:
    """Early tokens wait for their time; late ones come at once, are counted, and the worst delay is known."""
    host = Host()
    pace = Pace(Fixed(), paced=True, clock_s=lambda: host.now_s)
    released = []
    for token in pace.stamped(host, host.tokens(0.1, 0.1, 2.0, 0.0), host.cancel()):
        released.append((token.emulated_s, host.now_s))
    due = list(itertools.accumulate([0.201 + 0.25, 0.003 + 0.25, 0.004 + 0.25, 0.005 + 0.25]))
    assert [at for at, _ in released] == pytest.approx(due)
    assert [at for _, at in released] == pytest.approx([due[0], due[1], due[1] + 2.0, due[1] + 2.0])
    assert pace.overrun == Overrun(2, 4, pytest.approx(due[1] + 2.0 - due[2]))


def test_measured_tokens_come_at_once() -> None:
    """Without pacing no token waits, and nothing counts as late; without a timing pacing is off."""
    host = Host()
    pace = Pace(Fixed(), clock_s=lambda: host.now_s)
    assert len(list(pace.stamped(host, host.tokens(0.1, 0.1), host.cancel()))) == 2
    assert (host.now_s, pace.overrun) == (pytest.approx(0.2), Overrun())
    assert not Pace(None, paced=True).paced


def test_a_paced_reply_can_be_cancelled_while_it_waits() -> None:
    """A token that is waited for when the reply is cancelled does not come."""
    host, cancelled = Host(), Cancel()
    cancelled.set()
    pace = Pace(Fixed(), paced=True, clock_s=lambda: host.now_s)
    assert list(pace.stamped(host, host.tokens(0.0, 0.0), cancelled)) == []


def test_a_prompt_that_was_cached_whole_takes_no_step() -> None:
    """Its first token is there when the request starts."""
    host = Host(cached_tokens=3)
    tokens = list(Pace(Fixed()).stamped(host, host.tokens(0.1, 0.1), host.cancel()))
    assert [token.emulated_s for token in tokens] == pytest.approx([0.0, 0.253])


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
def test_a_reply_does_not_depend_on_the_number_of_chips(lpu: Lpu, gguf: Path) -> None:
    """Four chips say what one says."""
    four = Lpu(gguf, context_tokens=512, chips=4)

    assert answer(four, *PARIS, max_tokens=12) == answer(lpu, *PARIS, max_tokens=12)
    four.close()


def test_models_that_can_not_be_built_are_one_clear_error(tmp_path: Path) -> None:
    """A file that is no GGUF is ModelCorrupt, an unsupported architecture a ModelError with the list."""
    (tmp_path / "no.gguf").write_bytes(b"GGUF")
    with pytest.raises(ModelCorrupt):
        Lpu(tmp_path / "no.gguf")
    with pytest.raises(ModelError, match="these are: llama, qwen2"):
        Lpu(write_model(tmp_path / "tiny.gguf", Tiny("mamba")))


@pytest.mark.model
def test_greedy_words_are_the_likeliest_tokens(lpu: Lpu) -> None:
    """Without penalties the sampler takes the largest logit of every step."""
    tokens = list(lpu.stream(ChatRequest(PARIS, 6, GREEDY)))
    prompt = lpu._prompt(PARIS)
    for number, token in enumerate(tokens):
        before = [*prompt, *(earlier.id for earlier in tokens[:number])]
        lpu.context.decode(before)
        assert int(np.argmax(lpu.context.probabilities(-1))) == token.id
    lpu._cached = []


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
