"""Scores forms of telling the language model what is remembered: what it gains by them, and what they cost elsewhere.

    python -m tests.bench.memory [--set choose|report] [--persona NAME] [--verbose]

Two sets of questions a form: those about what is remembered, answered by the model alone and by the memory's skill
before the model; and the easy general ones of `tests.bench.persona`, which must not get worse.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from inference.protocols import Chat
from inference.types import ChatRequest, Message, text_of
from tests.bench.persona import is_right, questions
from voice_app.runtime.engines import build_llm
from voice_app.runtime.persona import Persona, load_persona
from voice_app.runtime.settings import load_settings
from voice_app.skills.memory.about import about
from voice_app.skills.memory.entries import Entry
from voice_app.skills.memory.memory_skill import SAYINGS
from voice_app.skills.memory.recall import FIRST_PERSON, answers
from voice_app.skills.memory.sayings import sentence, to_you, told
from voice_app.skills.utterance import Utterance

DATA = Path(__file__).parent / "data" / "memory.tsv"
Prefix = tuple[Message, ...]
Form = Callable[[Prefix, str, Sequence[str]], Prefix]


def rows(kind: str) -> list[list[str]]:
    lines = [line for line in DATA.read_text().splitlines() if not line.startswith("#")]
    return [line.split("\t")[1:] for line in lines if line.split("\t")[0] == kind]


def none(prefix: Prefix, name: str, facts: Sequence[str]) -> Prefix:
    """Nothing is told."""
    return prefix


def _with_system(prefix: Prefix, text: str) -> Prefix:
    system = Message("system", f"{prefix[0].content} {text}")
    return (system, *prefix[1:])


def name_in_system(prefix: Prefix, name: str, facts: Sequence[str]) -> Prefix:
    return _with_system(prefix, f"The user's name is {name}.")


def facts_in_system(prefix: Prefix, name: str, facts: Sequence[str]) -> Prefix:
    return _with_system(prefix, " ".join(sentence(to_you(fact)) for fact in [f"my name is {name}", *facts]))


def facts_of_user_in_system(prefix: Prefix, name: str, facts: Sequence[str]) -> Prefix:
    said = " ".join(sentence(fact) for fact in [f"my name is {name}", *facts])
    return _with_system(prefix, f'The user said: "{said}"')


def name_as_exchange(prefix: Prefix, name: str, facts: Sequence[str]) -> Prefix:
    return (
        *prefix,
        Message("user", f"My name is {name}."),
        Message("assistant", f"Nice to meet you, {name}."),
    )


def facts_as_exchange(prefix: Prefix, name: str, facts: Sequence[str]) -> Prefix:
    said = " ".join(sentence(fact) for fact in [f"my name is {name}", *facts])
    return (*prefix, Message("user", said), Message("assistant", "Thank you. I'll remember that."))


def facts_as_exchanges(prefix: Prefix, name: str, facts: Sequence[str]) -> Prefix:
    each = [
        message
        for fact in facts
        for message in (
            Message("user", sentence(f"Remember that {fact}")),
            Message("assistant", sentence(f"I'll remember that {to_you(fact)}")),
        )
    ]
    return (*name_as_exchange(prefix, name, facts), *each)


def facts_as_first_exchange(prefix: Prefix, name: str, facts: Sequence[str]) -> Prefix:
    return (prefix[0], *facts_as_exchange((), name, facts), *prefix[1:])


def related(text: str, facts: Sequence[str]) -> str:
    """Return the facts that share a word of weight with a question of one's own."""
    if not FIRST_PERSON.search(text):
        return ""
    asked = about(text).strong
    return " ".join(sentence(fact) for fact in facts if about(fact).strong & asked)


def beside_the_question(prefix: Prefix, name: str, facts: Sequence[str]) -> Prefix:
    """Nothing before the chat; what is related is told with the question."""
    return prefix


FORMS: tuple[Form, ...] = (
    none,
    name_in_system,
    name_as_exchange,
    facts_in_system,
    facts_of_user_in_system,
    facts_as_exchange,
    facts_as_exchanges,
    facts_as_first_exchange,
    beside_the_question,
)


def entries(name: str, facts: Sequence[str]) -> list[Entry]:
    return [Entry(number, "fact", fact, "", "", "", "") for number, fact in enumerate(facts, 1)]


def score(chat: Chat, persona: Persona, form: Form, which: str, verbose: bool) -> str:
    name, facts = rows("name")[0][0], [fact for (fact,) in rows("fact")]
    kept = entries(name, facts)
    prefix = form(persona.messages(), name, facts)
    chat.prefill(prefix)

    def written(text: str) -> str:
        if form is beside_the_question:
            text = f"{related(text, facts)} {text}".strip()
        request = ChatRequest((*prefix, Message("user", text)), persona.max_tokens, persona.draw())
        return text_of(chat.stream(request)).strip()

    def by_skill(text: str) -> str | None:
        said = Utterance.of(text)
        if any(call.get("about") == "my name" for call in SAYINGS.match(said)):
            return f"Your name is {name}."
        found = answers(said.plain, kept)
        return told(found[0]) if found else None

    alone = together = by_memory = 0
    for text, expected in rows(which):
        answer, own = written(text), by_skill(text)
        alone += is_right(answer, expected)
        together += is_right(own or answer, expected)
        by_memory += own is not None
        if verbose:
            print(f"{'+' if is_right(answer, expected) else '-'} {text} -> {answer[:120]!r} / {own!r}")
    general = [is_right(written(question.text), question.expected) for question in questions(which)]
    tokens = chat.remaining_tokens(persona.messages()) - chat.remaining_tokens(prefix)
    about = len(rows(which))
    return (
        f"{form.__name__:24} tokens {tokens:4}  model alone {alone}/{about}  with the memory {together}/{about} "
        f"({by_memory} by the skill)  general {sum(general)}/{len(general)}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--persona", default="plain")
    parser.add_argument("--set", choices=("choose", "report"), default="report")
    parser.add_argument("--form", nargs="*", default=[form.__name__ for form in FORMS])
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    chat = build_llm(load_settings()).chat()
    for form in FORMS:
        if form.__name__ in options.form:
            print(score(chat, load_persona(options.persona), form, options.set, options.verbose), flush=True)


if __name__ == "__main__":
    main()
