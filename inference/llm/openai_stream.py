"""What an OpenAI-compatible endpoint streams, as deltas; and a request as it wants it. Pure.

Servers differ in what they leave out, add or send as nothing: vLLM, llama.cpp, Ollama, Groq and others. Whatever a
chunk is, it becomes deltas or an EndpointError.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from inference.errors import EndpointError
from inference.types import ChatRequest, Delta, Done, Message, Notice, Reason, Text, Thought, ToolCall, Usage

MOST_CALLS = 32
LONGEST_REASON = 200
"""Characters of what an endpoint says about an error."""
REASONS: Mapping[str, Reason] = {
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
}
"""Why a reply ends, by the words of the endpoint; any other word is "stop"."""


def body_of(request: ChatRequest, model: str) -> dict[str, Any]:
    """Return a request as JSON. Fields that some servers refuse are left out, as that for the usage.

    What a model thinks counts as written there.
    """
    sampling = request.sampling
    body: dict[str, Any] = {
        "model": model,
        "messages": [_message(message) for message in request.messages],
        "stream": True,
        "max_tokens": request.max_tokens + request.max_thoughts,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "seed": sampling.seed,
    }
    if request.tools:
        schemas = [
            {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}
            for tool in request.tools
        ]
        body["tools"] = [{"type": "function", "function": schema} for schema in schemas]
    return body


def _message(message: Message) -> dict[str, Any]:
    row: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        row["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.tool_calls
        ]
    if message.call_id:
        row["tool_call_id"] = message.call_id
    return row


@dataclass(slots=True)
class _Call:
    """A call whose arguments come piece by piece."""

    id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass(slots=True)
class StreamReader:
    """Reads the chunks of one reply."""

    ids: Iterator[str]
    """Of calls that have none."""
    usage: Usage = Usage()
    """What is known by now; where the endpoint counts nothing, a chunk with text counts as a token."""
    reason: Reason | None = None
    """Set once the endpoint has said why the reply ends."""
    thoughts: int = 0
    progress: int = 0
    """Grows with all that belongs to a reply, and with nothing else."""
    written: int = 0
    """Tokens, thoughts among them."""
    _calls: dict[object, _Call] = field(default_factory=dict)

    def push(self, data: str) -> list[Delta]:
        """Return what a chunk brings. Raises EndpointError for an error, and for what is no chunk."""
        try:
            chunk = json.loads(data)
        except (ValueError, RecursionError):
            raise EndpointError("what came is no JSON") from None
        if not isinstance(chunk, dict):
            raise EndpointError("what came is no chunk of a chat")
        if (error := chunk.get("error")) or chunk.get("object") == "error":
            raise EndpointError(reason_of(error or chunk))
        self._count(chunk)
        choices = chunk.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else None
        if not isinstance(choice, dict):
            return []
        deltas = self._read(choice.get("delta") or choice.get("message"))
        if isinstance(end := choice.get("finish_reason"), str) and end:
            self.reason = REASONS.get(end, "stop")
        return deltas

    def end(self, reason: Reason | None = None) -> list[Delta]:
        """Return the calls of the reply, and its Done."""
        calls = [delta for call in self._calls.values() for delta in self._called(call)]
        found = reason or self.reason or "stop"
        if any(isinstance(call, ToolCall) for call in calls) and found == "stop":
            found = "tool_calls"
        return [*calls, Done(self.usage, found)] if found != "cancelled" else [Done(self.usage, found)]

    def _read(self, delta: object) -> list[Delta]:
        if not isinstance(delta, dict):
            return []
        found: list[Delta] = []
        thought = _text(delta.get("reasoning_content")) or _text(delta.get("reasoning"))
        text = _text(delta.get("content"))
        if thought:
            found.append(Thought(thought, self._next()))
            self.thoughts += 1
        if text:
            found.append(Text(text, self._next()))
        calls = delta.get("tool_calls")
        for call in calls if isinstance(calls, list) else []:
            self._add(call)
        return found

    def _next(self) -> int:
        """Return the number of the next token, and count it."""
        self.written, self.progress = self.written + 1, self.progress + 1
        self.usage = replace(self.usage, completion_tokens=max(self.usage.completion_tokens, self.written))
        return self.written - 1

    def _add(self, piece: object) -> None:
        """Take in a piece of a call: it belongs to its index, or without one to its id, or to the last call."""
        if not isinstance(piece, dict):
            return
        function, index, id_ = piece.get("function"), piece.get("index"), piece.get("id")
        key: object = index if isinstance(index, int) else id_ if isinstance(id_, str) and id_ else None
        if key is None:
            key = next(reversed(self._calls), 0)
        if key not in self._calls and len(self._calls) == MOST_CALLS:
            raise EndpointError(f"more than {MOST_CALLS} calls in a reply")
        call = self._calls.setdefault(key, _Call())
        call.id = call.id or (id_ if isinstance(id_, str) else "")
        if isinstance(function, dict):
            name, arguments = function.get("name"), function.get("arguments")
            call.name = call.name or (name if isinstance(name, str) else "")
            more = arguments if isinstance(arguments, str) else json.dumps(arguments) if arguments else ""
            call.arguments += more
            self.progress += bool(name) + len(more)

    def _called(self, call: _Call) -> Iterator[Delta]:
        try:
            arguments = json.loads(call.arguments or "{}")
        except (ValueError, RecursionError):
            arguments = None
        if call.name and isinstance(arguments, dict):
            yield ToolCall(call.id or next(self.ids), call.name, json.dumps(arguments, ensure_ascii=False))
        else:
            yield Notice("the language model wrote a call that can't be read")

    def _count(self, chunk: Mapping[str, Any]) -> None:
        """Take in the usage, which Groq puts elsewhere."""
        elsewhere = chunk.get("x_groq")
        usage = chunk.get("usage") or (elsewhere.get("usage") if isinstance(elsewhere, dict) else None)
        if not isinstance(usage, dict):
            return
        details = usage.get("prompt_tokens_details")
        cached = details.get("cached_tokens") if isinstance(details, dict) else 0
        self.usage = Usage(
            _number(usage.get("prompt_tokens")),
            _number(cached),
            _number(usage.get("completion_tokens")) or self.usage.completion_tokens,
        )


def _number(value: object) -> int:
    return value if type(value) is int and 0 <= value < 1 << 31 else 0  # true is an int


def _text(content: object) -> str:
    """Return the text of a content, which may be nothing, or a list of parts."""
    if isinstance(content, list):
        return "".join(_text(part.get("text")) for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


def reason_of(error: object) -> str:
    """Return one line of what an endpoint says about an error, whatever shape that has."""
    while isinstance(error, dict):
        error = next(
            (error[key] for key in ("error", "message", "detail", "type", "code") if error.get(key)), ""
        )
    text = error if isinstance(error, str) else json.dumps(error)
    printable = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(printable.split())[:LONGEST_REASON] or "an error without a reason"
