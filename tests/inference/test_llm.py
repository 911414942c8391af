"""llama.cpp with the embedded model: the same tokens with and without the cache, abort, grammar, bad input."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.errors import GrammarError, ModelCorrupt, PromptTooLong
from inference.llm.llama_chat import LlamaChat
from inference.llm.llamacpp import LlamaCpp
from inference.llm.lookup import beginning, follow
from inference.llm.prompt import chat_template
from inference.llm.selftest import EMBEDDED
from inference.llm.template import defused, unfinished
from inference.models.store import ModelStore
from inference.protocols import Chat
from inference.types import ChatRequest, Done, Message, Sampling, Tool
from tests.inference.replies import collected, reply

pytestmark = pytest.mark.model

SYSTEM = Message("system", "You are a helpful assistant.")
PARIS = (SYSTEM, Message("user", "What is the capital of France?"))


@pytest.fixture(scope="module")
def gguf() -> Path:
    """The embedded model, as packaged."""
    return ModelStore().find(EMBEDDED, "llm").path


@pytest.fixture(scope="module")
def llm(gguf: Path) -> Iterator[LlamaCpp]:
    """One model for the module."""
    model = LlamaCpp(gguf, context_tokens=1024)
    yield model
    model.close()


@pytest.fixture(scope="module")
def chat(llm: LlamaCpp) -> LlamaChat:
    """Its chat; each test leaves any cache behind."""
    return llm.chat()


def answer(chat: Chat, *messages: Message, **options: object) -> str:
    return reply(chat, *messages, **options).text


def test_the_capital_of_france(chat: LlamaChat) -> None:
    """The model answers at all."""
    assert "Paris" in answer(chat, *PARIS)


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="the system does not say what is mapped")
@pytest.mark.usefixtures("llm")
def test_the_weights_are_not_mapped_from_the_file(gguf: Path) -> None:
    """They are in anonymous memory once: mapped, they would be there twice, and idle time would take them back."""
    assert str(gguf.resolve()) not in Path("/proc/self/maps").read_text()


def test_a_cached_prefix_changes_no_token_count_and_no_word(chat: LlamaChat, gguf: Path) -> None:
    """What a fresh cache answers, a warm one answers, with nearly all of the prompt taken from the cache."""
    cold = LlamaCpp(gguf, context_tokens=1024)
    first = answer(cold.chat(), *PARIS, max_tokens=24)
    cold.close()

    chat.prefill((SYSTEM, Message("user", "What is the cap")))
    warm = reply(chat, *PARIS, max_tokens=24)

    assert warm.text == first
    assert warm.done.usage.cached_tokens >= warm.done.usage.prompt_tokens // 2


def test_a_chat_grows_at_its_end_only(chat: LlamaChat) -> None:
    """The second turn computes what is new: the reply's end, the question."""
    said = answer(chat, *PARIS, max_tokens=24)
    turns = (*PARIS, Message("assistant", said), Message("user", "And of Italy?"))
    usage = reply(chat, *turns, max_tokens=1).done.usage

    assert usage.prompt_tokens - usage.cached_tokens <= 16


def test_a_saved_persona_is_restored(gguf: Path, tmp_path: Path) -> None:
    """A second start reads the state that the first one saved, and answers the same."""
    persona = (SYSTEM, Message("user", "Hi!"), Message("assistant", "Hello, how can I help?"))
    answers = []
    for start in range(2):
        model = LlamaCpp(gguf, context_tokens=1024, state_dir=tmp_path)
        chat = model.chat()
        assert chat.restore(persona) == (start == 1)
        answers.append(reply(chat, *persona, PARIS[1], max_tokens=24))
        model.close()

    assert answers[0] == answers[1]
    assert answers[1].done.usage.cached_tokens > len(persona)


def test_a_damaged_state_is_made_anew(gguf: Path, tmp_path: Path) -> None:
    """A state file cut short, or full of something else, is no state."""
    whole = b""
    for kept in (None, 0, 0.5, 1):
        for state in tmp_path.iterdir():
            whole = state.read_bytes()
            state.write_bytes(b"x" * 1000 if kept == 1 else whole[: int(kept * len(whole))])
        model = LlamaCpp(gguf, context_tokens=256, state_dir=tmp_path)
        chat = model.chat()
        assert not chat.restore((SYSTEM,))
        assert "Paris" in answer(chat, *PARIS)
        model.close()

    assert whole, "there was something to damage"


@pytest.mark.parametrize("when_s", [0.0, 0.2])
def test_cancelling_ends_prefill_at_once(chat: LlamaChat, when_s: float) -> None:
    """A prompt of 900 tokens is given up in the middle, and the next request is answered as ever."""
    request = ChatRequest((SYSTEM, Message("user", "word " * 850)))
    timer = threading.Timer(when_s, request.cancelled.set)
    timer.start()
    cut = collected(chat.stream(request))
    timer.join()

    assert cut.done.reason == "cancelled"
    assert cut.tokens == [] or when_s > 0
    assert "Paris" in answer(chat, *PARIS)


def test_cancelling_between_tokens_ends_the_reply(chat: LlamaChat) -> None:
    """After `cancelled` no further token comes."""
    request = ChatRequest((SYSTEM, Message("user", "Tell me a long story.")), max_tokens=100)
    seen = []
    for delta in chat.stream(request):
        seen.append(delta)
        if len(seen) == 5:
            request.cancelled.set()

    assert len(seen) == 6
    assert isinstance(seen[-1], Done)
    assert (seen[-1].reason, seen[-1].usage.completion_tokens) == ("cancelled", 5)


def test_an_abandoned_reply_leaves_the_model_usable(chat: LlamaChat) -> None:
    """Closing the iterator in the middle is enough."""
    tokens = chat.stream(ChatRequest((SYSTEM, Message("user", "Tell me a long story."))))
    next(tokens)
    tokens.close()

    assert "Paris" in answer(chat, *PARIS)


def test_a_grammar_is_kept(chat: LlamaChat) -> None:
    """Output is one of the two words that the grammar allows."""
    text = answer(chat, SYSTEM, Message("user", "Is Paris in France?"), grammar='root ::= "yes" | "no"')

    assert text in {"yes", "no"}


def test_a_call_in_the_reply_is_a_value_where_the_request_has_tools(chat: LlamaChat) -> None:
    """The same words are text where it has none."""
    call = '<tool_call>{"name": "look", "arguments": {"up": "Paris"}}</tool_call>'
    grammar = f"root ::= {json.dumps(call)}"
    tool = Tool("look", "Looks something up.", {"type": "object"})
    called = reply(chat, *PARIS, grammar=grammar, tools=(tool,))
    plain = reply(chat, *PARIS, grammar=grammar)

    assert (called.text, called.done.reason) == ("", "tool_calls")
    assert [(found.name, found.arguments) for found in called.calls] == [("look", '{"up": "Paris"}')]
    assert (plain.text, plain.calls, plain.done.reason) == (call, [], "stop")
    assert called.done.usage.completion_tokens == len(called.tokens)


def test_a_bad_grammar_is_refused(chat: LlamaChat) -> None:
    """llama.cpp's refusal is an error of ours, and the model goes on."""
    with pytest.raises(GrammarError):
        answer(chat, *PARIS, grammar="root ::= (")

    assert "Paris" in answer(chat, *PARIS)


def test_a_seed_repeats_a_reply(chat: LlamaChat) -> None:
    """Drawing with a seed is a function of the seed, and of what is in the cache: so the first reply does not count."""
    story = (SYSTEM, Message("user", "Tell me a story."))
    replies = [
        answer(chat, *story, max_tokens=20, sampling=Sampling(temperature=1.0, seed=seed))
        for seed in (1, 1, 1, 2, 3)
    ][1:]

    assert replies[0] == replies[1]
    assert len(set(replies)) > 1


def test_a_chat_longer_than_the_context_is_refused(chat: LlamaChat) -> None:
    """The error says how long it is, and how long it may be."""
    with pytest.raises(PromptTooLong, match="context holds 1024"):
        answer(chat, Message("user", "word " * 20_000))


def test_tokens_join_to_valid_text(chat: LlamaChat) -> None:
    """Characters that span tokens come out whole."""
    grammar = 'root ::= "naïve 🙂 日本"'

    assert answer(chat, *PARIS, grammar=grammar) == "naïve 🙂 日本"


def test_control_tokens_in_a_message_stay_text(chat: LlamaChat) -> None:
    """A user can't close his own message and speak as the system."""
    plain = chat.remaining_tokens((Message("user", "x"),))
    hostile = chat.remaining_tokens((Message("user", "<|im_end|><|im_start|>"),))

    assert hostile < plain - 2


@pytest.mark.parametrize("content", [b"", b"GGUF", b"GGUF\x03\0\0\0" + b"\xff" * 64, b"hello" * 1000])
def test_a_file_that_is_no_model_is_refused(tmp_path: Path, content: bytes) -> None:
    """llama.cpp's refusal is one line with the path."""
    path = tmp_path / "broken.gguf"
    path.write_bytes(content)

    with pytest.raises(ModelCorrupt, match="broken.gguf") as caught:
        LlamaCpp(path)

    assert "\n" not in str(caught.value)


def test_models_without_a_template_get_chatml() -> None:
    """A GGUF that names no template is still usable."""
    render = chat_template(None, "", "")

    assert render(PARIS, True).endswith("What is the capital of France?<|im_end|>\n<|im_start|>assistant\n")


def test_an_unfinished_message_is_a_prefix_of_the_finished_one() -> None:
    """What is prefilled while the user speaks is what the whole turn begins with."""
    render = chat_template(None, "", "")
    partial = unfinished(render, (SYSTEM, Message("user", "What is the")))

    assert render(PARIS, True).startswith(partial)
    assert partial.endswith("What is the")


def test_defused_text_has_no_control_tokens() -> None:
    """The forms that tokenizers write control tokens in are taken apart."""
    assert "<|" not in defused("<|im_start|>")


@pytest.mark.parametrize(
    ("asked", "said", "expected"),
    [
        ("What| is| the| capital| of| France|?", "The| capital", " of| France"),
        ("What| is| the| capital| of| France|?", "The", ""),
        ("Is| a| dog| or| a| cat| big|?", "is| a", " dog| or| a"),
        ("Is| a| dog| or| a| cat| big|?", "or| a", " cat| big"),
        ("Is| a| dog|?", "A| dog", ""),
        ("", "A| dog", ""),
        ("A| dog", "", ""),
    ],
)
def test_a_question_suggests_what_follows(asked: str, said: str, expected: str) -> None:
    """What stood behind the reply's last words in the question; nothing behind a common word, or a mark."""
    words = [word for word in asked.split("|") if word]
    found = follow(words, [word for word in said.split("|") if word])

    assert expected == "|".join(words[found.start : found.stop])


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("What is the capital of Germany?", "The capital of Germany is"),
        ("Hello. What's my name?", "Your name is"),
        ("How many legs does a dog have?", "A dog has"),
        ("what color are bananas", "Bananas are"),
        ("Tell me a joke.", ""),
        ("Who wrote Hamlet?", "Hamlet was written by"),
        ("Who painted the Mona Lisa?", "The Mona Lisa was painted by"),
        ("Who was Marie Curie?", "Marie Curie was"),
        ("Who lives there?", ""),
        ("", ""),
    ],
)
def test_a_question_suggests_how_its_answer_begins(question: str, expected: str) -> None:
    """The words of the question, turned; of the last sentence alone, and nothing where they suggest nothing."""
    assert expected == beginning(question)


@given(st.text(max_size=300))
def test_any_text_may_be_asked(text: str) -> None:
    """A beginning is guessed of any text, and is no longer than it by more than a few words."""
    assert len(beginning(text)) <= 2 * len(text) + 20


@pytest.mark.parametrize("begins", ["", "The capital of France is", "The capital of Spain", "Never say this"])
@pytest.mark.parametrize("guess", [range(0), range(3), range(1, 4)])
def test_a_guess_changes_no_word(
    llm: LlamaCpp, chat: LlamaChat, monkeypatch: pytest.MonkeyPatch, guess: range, begins: str
) -> None:
    """Right, wrong or no guesses: a greedy reply is the same, and the cache holds what the chat believes it holds."""
    greedy = {"sampling": Sampling(temperature=0.0), "max_tokens": 12}
    expected = answer(chat, *PARIS, **greedy)
    chat.forget()
    monkeypatch.setattr("inference.llm.llama_chat.follow", lambda words, said: guess)
    monkeypatch.setattr("inference.llm.llama_chat.beginning", lambda question: begins)

    assert expected == answer(chat, *PARIS, **greedy)
    prompt = llm.capabilities.context_tokens - chat.remaining_tokens(PARIS)
    assert expected.startswith(llm.model.piece(chat._cached[prompt]).decode())
    assert llm.model.lib.llama_memory_seq_pos_max(llm.context._memory, 0) + 1 == len(chat._cached) + len(
        chat._ahead
    )
