"""Calls in a model's own text, as Hermes and Qwen2.5 write them: `<tool_call>{"name": …}</tool_call>`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace

from inference.llm.thoughts import begun
from inference.types import Delta, Done, Text, ToolCall

OPEN, CLOSE = "<tool_call>", "</tool_call>"


class CallParser:
    """Parts a text that comes piece by piece into calls and what is between them; how it is cut makes no difference."""

    def __init__(self) -> None:
        self._held = ""

    def push(self, text: str) -> list[str | tuple[str, str]]:
        """Return what is certain by now, in order: text, or a call's name and arguments. A malformed call is text."""
        self._held += text
        parts: list[str | tuple[str, str]] = []
        while (start := self._held.find(OPEN)) >= 0 and (end := self._held.find(CLOSE, start)) >= 0:
            end += len(CLOSE)
            whole = self._held[start:end]
            parts += [self._held[:start], parsed(whole) or whole]
            self._held = self._held[end:]
        if start < 0:
            start = len(self._held) - begun(self._held, OPEN)
        parts.append(self._held[:start])
        self._held = self._held[start:]
        return [part for part in parts if part]

    def flush(self) -> str:
        """Return what is left: the beginning of a call that never ends."""
        held, self._held = self._held, ""
        return held


def call_text(name: str, arguments: object) -> str:
    """Return a call as a model writes it."""
    return f"{OPEN}\n{json.dumps({'name': name, 'arguments': arguments}, ensure_ascii=False)}\n{CLOSE}"


def parsed(whole: str) -> tuple[str, str] | None:
    """Return the name and the arguments of a call with its marks; None for a malformed one."""
    try:
        call = json.loads(whole.removeprefix(OPEN).removesuffix(CLOSE))
    except (ValueError, RecursionError):
        return None
    if not isinstance(call, dict):
        return None
    name, arguments = call.get("name"), call.get("arguments", {})
    if not (isinstance(name, str) and name and isinstance(arguments, dict)):
        return None
    return name, json.dumps(arguments, ensure_ascii=False)


def with_calls(deltas: Iterable[Delta], ids: Iterator[str]) -> Iterator[Delta]:
    """Take the calls out of a reply's text. There is one Text a token still; the calls that it completes follow it.

    One that the reply's end cuts off is neither.
    """
    parser, called = CallParser(), False
    for delta in deltas:
        if isinstance(delta, Text):
            parts = parser.push(delta.text)
            yield replace(delta, text="".join(part for part in parts if isinstance(part, str)))
            for part in parts:
                if not isinstance(part, str):
                    called = True
                    yield ToolCall(next(ids), *part)
        elif isinstance(delta, Done):
            rest = parser.flush()
            if rest and not rest.startswith(OPEN):
                yield Text(rest, -1)
            yield replace(delta, reason="tool_calls") if called and delta.reason == "stop" else delta
        else:
            yield delta
