"""The grammar (GBNF) of a tool's arguments: whatever a language model writes under it is JSON that the schema accepts.

Made from the pydantic schema: a flat object with all its fields in order, without white space. Fields are texts
(free, of a pattern, or one of several), whole numbers between two limits, and truth values.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from voice_app.skills.skill import Arguments

LONGEST_TEXT = 60
"""Characters that the grammar allows in a text, also where the schema allows more."""
_CHARACTER = r"[\x20-\x21\x23-\x5B\x5D-\x7E\u0080-\uD7FF\uE000-\U0010FFFF]"
"""What needs no escape. Were it a complement, llama.cpp would let bytes through that encode no character."""
_REGEX = re.compile(r"\[[^\]]+\]|\{\d+(?:,\d+)?\}|\(\?:|[()|?*+^$]|\\.|[^\\]")


def grammar_of(arguments: type[Arguments], choices: Mapping[str, Sequence[str]] = {}) -> str:  # noqa: B006
    """Return the grammar of a schema, with fields that have `choices` held to those.

    Raises TypeError for a schema of other fields than this module knows.
    """
    fields: Mapping[str, dict[str, Any]] = arguments.model_json_schema()["properties"]
    rules, parts = [], []
    for number, (name, schema) in enumerate(fields.items()):
        options = [text for text in choices.get(name, ()) if accepts(schema, text)]
        held = [int(text) if schema.get("type") == "integer" else text for text in options]
        rules.append(f"f{number} ::= {_one_of(held) if held else _value(schema)}")
        parts.append(f"{_quoted(json.dumps(name) + ':')} f{number}")
    body = f" {_quoted(',')} ".join(parts)
    return "\n".join([f"root ::= {_quoted('{')} {body} {_quoted('}')}", *rules])


def accepts(schema: Mapping[str, Any], text: str) -> bool:
    """Return whether a text is one that the schema of a field allows."""
    if schema.get("type") == "integer":
        return text.isdecimal() and schema["minimum"] <= int(text) <= schema["maximum"]
    if "enum" in schema or "const" in schema:
        return text in schema.get("enum", [schema.get("const")])
    plain = text.isprintable() and '"' not in text and "\\" not in text
    most = schema.get("maxLength", LONGEST_TEXT)
    return (
        schema.get("type") == "string"
        and plain
        and schema.get("minLength", 0) <= len(text) <= most
        and re.search(schema.get("pattern", ""), text) is not None
    )


def _value(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return _one_of(schema["enum"])
    if "const" in schema:
        return _one_of([schema["const"]])
    match schema.get("type"):
        case "string":
            return _text(schema)
        case "integer":
            return _whole(schema["minimum"], schema["maximum"])
        case "boolean":
            return '"true" | "false"'
        case kind:
            raise TypeError(f"no grammar for a field of type {kind}")


def _text(schema: Mapping[str, Any]) -> str:
    most = min(schema.get("maxLength", LONGEST_TEXT), LONGEST_TEXT)
    if "pattern" in schema:
        body = _of_pattern(schema["pattern"], most)
    else:
        body = f"{_CHARACTER}{{{schema.get('minLength', 0)},{most}}}"
    return rf'"\"" {body} "\""'


def _of_pattern(pattern: str, most: int) -> str:
    """Translate a regular expression of classes, groups and repetitions."""
    parts: list[str] = []
    for token in _REGEX.findall(pattern):
        if token in ("^", "$"):
            continue
        if token in ("*", "+"):
            token = f"{{{int(token == '+')},{most}}}"
        if token.startswith("{"):
            low, _, high = token[1:-1].partition(",")
            token = f"{{{low},{min(int(high or low), max(most, int(low)))}}}"
            parts[-1] += token
        elif token == "?":
            parts[-1] += token
        elif token == "(?:":
            parts.append("(")
        elif token in ("(", ")", "|") or token.startswith("["):
            parts.append(token)
        else:
            parts.append(_quoted(token.removeprefix("\\")))
    return "(" + " ".join(parts) + ")"


def _whole(least: int, most: int) -> str:
    """Return the whole numbers between two limits, as far as their number of digits tells."""
    options = []
    for sign, low, high in (("", max(least, 0), most), ('"-" ', max(-most, 1), -least)):
        digits = len(str(high + 1)) - 1 if high >= 0 else 0
        if digits and low <= 1:
            options.append(f"{sign}[1-9] [0-9]{{0,{digits - 1}}}")
        if not sign and low == 0 <= high:
            options.append('"0"')
    if not options:
        raise TypeError(f"no grammar for whole numbers from {least} to {most}")
    return " | ".join(options)


def _one_of(values: Sequence[object]) -> str:
    return " | ".join(_quoted(json.dumps(value)) for value in values)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
