"""Scores personas on easy questions with expected words: how many are answered rightly, how long answers are.

    python -m tests.bench.persona [--persona NAME ...] [--set choose|report|wide|wide-kept] [--spoken] [--json]

The sets `choose` and `wide` are for choosing and changing personas, `report` and `wide-kept` for quoting. `--spoken`
asks aloud: the question is synthesised, and heard by speech to text.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Event

import numpy as np

from inference.protocols import Chat
from inference.stt import transcribe
from inference.types import Audio, ChatRequest, Message, Voice, text_of
from voice_app.runtime.engines import build_llm, build_stt, build_tts, chosen_llm
from voice_app.runtime.persona import Persona, load_persona, persona_names
from voice_app.runtime.settings import load_settings

QUESTIONS = Path(__file__).parent / "data" / "questions.tsv"


@dataclass(frozen=True)
class Question:
    text: str
    expected: str


def questions(which: str) -> list[Question]:
    rows = [line.split("\t") for line in QUESTIONS.read_text().splitlines() if not line.startswith("#")]
    return [Question(text, expected) for name, text, expected in rows if name == which]


def is_right(answer: str, expected: str) -> bool:
    """Whether one of the expected words is in the answer, as a word."""
    return re.search(rf"(?<!\w)(?:{expected})(?!\w)", answer.lower()) is not None


def score(
    chat: Chat, persona: Persona, asked: list[tuple[str, Question]], verbose: bool
) -> dict[str, object]:
    chat.restore(persona.messages())
    right, lengths, first_clauses = 0, [], []
    for heard, question in asked:
        request = ChatRequest(
            (*persona.messages(), Message("user", heard)), persona.max_tokens, persona.draw()
        )
        answer = text_of(chat.stream(request)).strip()
        good = is_right(answer, question.expected)
        right += good
        lengths.append(len(answer.split()))
        first_clauses.append(len(re.split(r"(?<=[,.!?;:])\s", answer)[0].split()))
        if verbose:
            print(f"{'+' if good else '-'} {heard} -> {answer[:140]!r}")
    return {
        "persona": persona.name,
        "right": right,
        "asked": len(asked),
        "rate": round(right / len(asked), 3),
        "words_median": statistics.median(lengths),
        "words_max": max(lengths),
        "first_clause_words_median": statistics.median(first_clauses),
    }


def by_ear() -> Callable[[str], str]:
    """Return what speech to text hears of a question spoken by the default voice."""
    settings = load_settings()
    tts, stt = build_tts(settings), build_stt(settings)

    def hear(text: str) -> str:
        sound = np.concatenate([chunk.samples for chunk in tts.stream(text, Voice(), Event())])
        return transcribe(stt, Audio(sound, tts.rate_hz)).text

    return hear


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--persona", nargs="*", default=None)
    parser.add_argument("--set", choices=("choose", "report", "wide", "wide-kept"), default="report")
    parser.add_argument("--spoken", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    hear = by_ear() if options.spoken else lambda text: text
    asked = [(hear(question.text), question) for question in questions(options.set)]
    settings = load_settings(models={"threads": options.threads})
    model, chat = chosen_llm(settings).name, build_llm(settings).chat()
    for name in options.persona or persona_names():
        row = score(chat, load_persona(name).for_model(model), asked, options.verbose)
        print(json.dumps(row) if options.json else "  ".join(f"{key} {value}" for key, value in row.items()))


if __name__ == "__main__":
    main()
