"""Does thinking harder help? The first choice, a vote and a verifier on questions with expected words.

    python -m tests.bench.think [--set choose|report] [--samples N] [--part I/N] [--verbose]

Every question of `tests.bench.persona` is answered greedily and `--samples` minus one times at the temperature of
`voice_app.skills.think.think`. The vote is that of "think harder", all its samples drawn; the verifier asks the model
of each answer how probable "right" is rather than "wrong", and takes the most probable one. `best possible` counts
questions with a right answer among the samples. `--part 2/4` takes the second quarter of the questions.
"""

from __future__ import annotations

import argparse
import collections
import re
import statistics
import time

from inference.protocols import Chat
from inference.types import ChatRequest, Message, text_of
from tests.bench.persona import Question, is_right, questions
from voice_app.runtime.engines import build_llm
from voice_app.runtime.persona import Persona, load_persona
from voice_app.runtime.settings import load_settings
from voice_app.skills.think.think import LONGEST_ANSWER_TOKENS, Considering, Effort

CHECKED = (
    ("What is the capital of France?", "The capital of France is Paris.", "right"),
    ("How many legs does a dog have?", "A dog has six legs.", "wrong"),
    ("What color is snow?", "Snow is white.", "right"),
    ("Who wrote Romeo and Juliet?", "Charles Dickens wrote Romeo and Juliet.", "wrong"),
)
"""Answers that show the verifier what to say."""


def answers(
    chat: Chat, persona: Persona, question: Question, samples: int
) -> tuple[Considering, list[float]]:
    """Return the answers to a question, and the seconds each took."""
    thought, spans_s = Considering(question.text, Effort(samples, float("inf"))), []
    messages = (*persona.messages(), Message("user", question.text))
    for _ in range(samples):
        request = ChatRequest(messages, LONGEST_ANSWER_TOKENS, thought.sampling(persona.draw()))
        start_s = time.perf_counter()
        thought.add(text_of(chat.stream(request)))
        spans_s.append(time.perf_counter() - start_s)
    return thought, spans_s


def word(text: str) -> re.Pattern[str]:
    """Return what matches a token that is this word, whatever its case."""
    return re.compile(rf"\s*{text}\s*", re.IGNORECASE)


RIGHT, WRONG = word("right"), word("wrong")


def trust(chat: Chat, question: str, answer: str) -> float:
    """Return how probable the model finds "right" rather than "wrong" after an answer."""
    shown = "".join(f"Question: {q}\nAnswer: {a}\nThis answer is {verdict}.\n\n" for q, a, verdict in CHECKED)
    messages = (Message("user", f"{shown}Question: {question}\nAnswer: {answer}\nThis answer is"),)
    for_it, against = (chat.end_probability(messages, verdict) or 0.0 for verdict in (RIGHT, WRONG))
    return for_it / (for_it + against) if for_it + against else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--set", choices=("choose", "report"), default="report")
    parser.add_argument("--samples", type=int, default=Effort().samples)
    parser.add_argument("--part", default="1/1")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    part, parts = (int(number) for number in options.part.split("/"))
    chat, persona = build_llm(load_settings()).chat(), load_persona("plain")
    scores: collections.Counter[str] = collections.Counter()
    asked = questions(options.set)[part - 1 :: parts]
    spans_s: list[float] = []
    for question in asked:
        chat.restore(persona.messages())
        thought, took_s = answers(chat, persona, question, options.samples)
        spans_s.append(sum(took_s))
        trust_in = {text: trust(chat, question.text, text) for text in set(thought.answers)}
        trusted = [trust_in[answer] for answer in thought.answers]
        chosen = {
            "first choice": thought.answers[0],
            "vote": thought.chosen()[0],
            "verifier": thought.answers[trusted.index(max(trusted))],
        }
        for name, answer in chosen.items():
            scores[name] += is_right(answer, question.expected)
        scores["best possible"] += any(is_right(answer, question.expected) for answer in thought.answers)
        if options.verbose:
            print(question.text, chosen)
    samples = f"{options.samples} samples in {statistics.median(spans_s):.2f} s (median, measured)"
    print(
        f"{len(asked)} questions, {samples}: "
        + ", ".join(f"{name} {score}" for name, score in scores.items())
    )


if __name__ == "__main__":
    main()
