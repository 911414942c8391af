"""How many requests to the local tools are called rightly, and how many other questions are taken for such?

    python -m tests.bench.tools [--spoken] [--verbose] [--free-grammar]

The requests of `data/tool_requests.tsv` that rules are to read (`rule`), those in other words, which the language model
writes as calls (`free`), and questions that are none (`none`), together with those of `tests.bench.persona` and of
`voice-app bench`. A call is right if it has the arguments of the table; a sum if it has the value. `--spoken` asks
aloud: the request is synthesised, and heard by speech to text. `--free-grammar` does not hold the arguments to the
numbers and units of the request.
"""

from __future__ import annotations

import argparse
import collections
import json
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inference.assets import asset
from inference.protocols import Chat
from inference.types import ChatRequest, text_of
from tests.bench.persona import by_ear, questions
from voice_app.core.errors import ToolError
from voice_app.runtime.engines import build_llm
from voice_app.runtime.settings import load_settings
from voice_app.skills.calculator.arithmetic import evaluate
from voice_app.skills.calling import GREEDY, LONGEST_CALL_TOKENS, call_prompt, parsed
from voice_app.skills.json_grammar import grammar_of
from voice_app.skills.registry import SkillValues, session_skills
from voice_app.skills.router import Route, route
from voice_app.skills.skill import Arguments, Open
from voice_app.skills.utterance import Utterance

REQUESTS = Path(__file__).parent / "data" / "tool_requests.tsv"


@dataclass(frozen=True)
class Request:
    kind: str
    text: str
    tool: str
    expected: dict[str, Any]


def requests() -> list[Request]:
    """Return the requests of the table, and the questions of the other benchmarks as requests to no tool."""
    rows = [line.split("\t") for line in REQUESTS.read_text().splitlines() if not line.startswith("#")]
    found = [Request(kind, text, tool, json.loads(expected or "{}")) for kind, text, tool, expected in rows]
    others = [question.text for which in ("choose", "report") for question in questions(which)]
    lines = asset("bench/questions.txt").read_text().splitlines()
    others += [line.lstrip("! ") for line in lines if line and line[0] != "#" and "{" not in line]
    return found + [Request("chat", text, "-", {}) for text in dict.fromkeys(others)]


def is_right(request: Request, tool: str, arguments: Arguments) -> bool:
    """Return whether a call is that of the table."""
    if tool != request.tool:
        return False
    given = arguments.model_dump()
    if "expression" in given:
        try:
            return float(evaluate(given["expression"]).value) == request.expected["value"]
        except ToolError:
            return False
    return all(given[name] == value for name, value in request.expected.items())


def written(chat: Chat, found: Route, text: str, free: bool) -> tuple[Arguments | None, float]:
    """Return the call that the language model writes, and the seconds it takes."""
    assert found.skill.arguments
    grammar = grammar_of(found.skill.arguments, {} if free else found.call.choices)
    start_s = time.perf_counter()
    request = ChatRequest(call_prompt(found.skill, text), LONGEST_CALL_TOKENS, GREEDY, grammar)
    answer = text_of(chat.stream(request))
    return parsed(found.skill, answer), time.perf_counter() - start_s


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--spoken", action="store_true")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--free-grammar", action="store_true")
    options = parser.parse_args()
    tools = [skill for skill in session_skills(SkillValues()) if skill.run]
    hear = by_ear() if options.spoken else lambda text: text
    chat = build_llm(load_settings()).chat()
    counts: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    spans_s: list[float] = []
    for request in requests():
        heard = hear(request.text)
        count, outcome = counts[request.kind], "to chat"
        arguments = None
        if found := route(Utterance.of(heard), tools):
            arguments, by = found.call, f"by {found.by}"
            if isinstance(arguments, Open):
                arguments, span_s = written(chat, found, heard, options.free_grammar)
                spans_s.append(span_s)
            right = arguments is not None and is_right(request, found.skill.name, arguments)
            outcome = f"{by} {'right' if right else 'wrong'}"
            if request.kind in ("none", "chat"):
                outcome = f"{by} taken"
        count[outcome] += 1
        if options.verbose:
            call = (
                f"{found.skill.name} {arguments and arguments.model_dump_json(exclude_defaults=True)}"
                if found
                else ""
            )
            if request.kind != "chat" or found:
                print(f"{request.kind:5} {outcome:14} {heard} -> {call}")
    for kind, count in counts.items():
        print(
            f"{kind:5} {count.total():4}: "
            + ", ".join(f"{name} {number}" for name, number in sorted(count.items()))
        )
    if spans_s:
        print(f"a call by the model: {statistics.median(spans_s):.2f} s (median, measured)")


if __name__ == "__main__":
    main()
