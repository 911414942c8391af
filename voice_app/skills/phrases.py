"""Sayings as data: templates with optional parts, alternatives and slots, each of them one regular expression.

    [part]   may be missing         (one|other)   one of them
    {slot}   a value; {name:slot}   gives it another name         <rule>   a part that has a name

The notation is that of Home Assistant's intents (hassil). That library takes 4 ms a turn for a dozen templates
(measured), can't hold a free text to a pattern and reads no "2.5"; these are all read in a fraction of a millisecond.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from voice_app.skills.durations import LONGEST_S, SPAN, span_s
from voice_app.skills.utterance import Utterance

Arguments = dict[str, Any]
_TOKEN = re.compile(r"(\s+|\{[a-z_:]+\}|<[a-z_]+>|[\[\]()|])")
_MARKS = {"[": "(?:", "]": ")?", "(": "(?:", ")": ")", "|": "|"}
UNCLEAR = "I didn't get that."
_SPACE = r"(?:^| |(?<= )|(?=\W*$))"
"""Between words; where an optional part is missing, the space before it is enough."""


@dataclass(frozen=True, slots=True)
class Slot:
    """What may stand in a slot."""

    pattern: str
    examples: tuple[str, ...]
    """For the tests, which sample every template."""
    read: Callable[[str], object] = str.strip
    """Returns the value of its words, None where they have none: then the template does not match."""


SLOTS = {
    "text": Slot(r"\S.*", ("what is a tomato?",)),
    "count": Slot(r"\d+", ("3", "12")),
    "duration": Slot(
        SPAN, ("5 minutes", "1 hour and 20 minutes"), lambda words: min(span_s(words), LONGEST_S)
    ),
}


@dataclass(frozen=True, slots=True)
class Saying:
    """A template and the arguments of the call that it stands for."""

    template: str
    pattern: re.Pattern[str]
    slots: tuple[tuple[str, Slot], ...]
    """The names of the pattern's groups, and what stands in them."""
    arguments: Arguments
    sampled: str
    """A regular expression of everything that it matches, with the examples of its slots."""

    def match(self, text: str) -> Arguments | None:
        """Return the arguments that a text says, None where it is another saying."""
        found = self.pattern.fullmatch(text)
        if found is None:
            return None
        values = {
            name: slot.read(words)
            for (name, slot), words in zip(self.slots, found.groups(), strict=True)
            if words is not None
        }
        return None if None in values.values() else self.arguments | values


@dataclass(frozen=True, slots=True)
class Phrases:
    """The sayings of a skill."""

    sayings: tuple[Saying, ...] = ()
    cased: bool = False
    """Whether texts keep their letters and number words: `Utterance.plain` is matched, not `Utterance.request`."""
    examples: tuple[tuple[str, str], ...] = ()
    """Requests and their arguments as JSON, which show the language model how to fill them in."""
    unclear: str = UNCLEAR
    """What is said where the skill is meant, but its arguments can't be told."""
    like: tuple[str, ...] = ()
    """Free sayings that are meant for the skill, for whoever chooses one."""
    unlike: tuple[str, ...] = ()
    """Words that look like sayings of the skill, and are none."""
    claims: tuple[str, ...] = ()
    """How the skill, and a language model that pretends, says what was done: nobody may say so of what was not."""

    def match(self, utterance: Utterance) -> Iterator[Arguments]:
        """Yield the arguments that an utterance may say, the first saying's first."""
        text = utterance.plain if self.cased else utterance.request
        for saying in self.sayings:
            if text and (found := saying.match(text)) is not None:
                yield found


def language_data(folder: Path, name: str, language: str = "en") -> Any:
    """Return what a skill's folder says of a language in `phrases/{name}{language}.yaml`, None where there is none."""
    path = folder / "phrases" / f"{name}{language}.yaml"
    return yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else None


def load_phrases(folder: Path, slots: Mapping[str, Slot], language: str = "en") -> Phrases:
    """Return the phrases of a skill's folder, none where it has no file of this language.

    `slots` are those of the skill, beside SLOTS. Raises KeyError for a slot or a rule that there is none of.
    """
    document = language_data(folder, "", language)
    return Phrases() if document is None else phrases_of(document, slots)


def phrases_of(document: Mapping[str, Any], slots: Mapping[str, Slot] = {}) -> Phrases:  # noqa: B006
    """Return the phrases of a skill's file. Raises KeyError for a slot or a rule that there is none of."""
    lists = {
        name: Slot("|".join(map(re.escape, values)), tuple(values), values.get)
        for name, values in document.get("lists", {}).items()
    }
    known, rules = {**SLOTS, **lists, **slots}, document.get("rules", {})
    sayings = [
        _saying(template, call["arguments"], rules, known)
        for call in document.get("calls", ())
        for template in call["sayings"]
    ]
    examples = tuple(
        (text, json.dumps(call, separators=(",", ":"))) for text, call in document.get("examples", {}).items()
    )
    more = {name: tuple(map(str, document.get(name, ()))) for name in ("like", "unlike", "claims")}
    unclear, cased = document.get("unclear", UNCLEAR), document.get("cased", False)
    return Phrases(tuple(sayings), cased, examples, unclear, **more)


def sayings_of(
    templates: Sequence[str], rules: Mapping[str, str], slots: Mapping[str, Slot]
) -> tuple[Saying, ...]:
    """Return templates that stand for no call."""
    return tuple(_saying(template, {}, rules, slots) for template in templates)


def _saying(
    template: str, arguments: Arguments, rules: Mapping[str, str], known: Mapping[str, Slot]
) -> Saying:
    slots: list[tuple[str, Slot]] = []

    def regex(text: str, space: str, slot_of: Callable[[Slot], str]) -> str:
        parts = []
        for token in _TOKEN.split(text):
            if token.startswith("{"):
                name, _, kind = token[1:-1].partition(":")
                slots.append((name, known[kind or name]))
                parts.append(slot_of(slots[-1][1]))
            elif token.startswith("<"):
                parts.append(f"(?:{regex(rules[token[1:-1]], space, slot_of)})")
            else:
                parts.append(space if token.isspace() else _MARKS.get(token, re.escape(token)))
        return "".join(parts)

    sampled = regex(template, " ", lambda slot: f"(?:{'|'.join(map(re.escape, slot.examples))})")
    slots.clear()
    pattern = regex(template, _SPACE, lambda slot: f"({slot.pattern})")
    return Saying(
        template, re.compile(pattern + r"[\s.!?,;:]*", re.IGNORECASE), tuple(slots), arguments, sampled
    )
