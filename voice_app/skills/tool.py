"""What a local tool is: a schema for its arguments, words that may mean it, and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict

from voice_app.skills.fillers import WORKING


class Arguments(BaseModel):
    """Arguments of a tool's call: a JSON object. Its schema makes the grammar that holds the language model."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a call came to."""

    text: str
    """A sentence or two to be spoken."""
    sources: tuple[str, ...] = ()
    """Names of the user's own notes it comes from."""
    effect: Callable[[], None] | None = None
    """What it does beside answering, once the turn is over."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A local tool. `by_rule` and `is_meant` look at words alone and are quick; `run` may take a moment."""

    name: str
    about: str
    """What it is for, for a person who lists the tools."""
    arguments: type[Arguments]
    by_rule: Callable[[str], Any | None]
    """Returns the arguments that a request says in a way that rules can read, else None."""
    is_meant: Callable[[str], bool]
    """Tells whether a request that no rule can read is still one to this tool."""
    run: Callable[[Any], Outcome]
    """Answers a call. Raises ToolError, whose text is spoken."""
    examples: tuple[tuple[str, str], ...] = ()
    """Requests and their arguments as JSON, which show the language model how to fill them in."""
    unclear: str = "I didn't get that."
    """What is said where a request is to this tool, but its arguments can't be told."""
    choices: Callable[[str], Mapping[str, Sequence[str]]] = lambda _: {}
    """Returns by a request's words the values that some of the arguments can have."""
    takes_s: Callable[[], float] = lambda: 0.0
    """Returns what a call may take; 0: less than a frame of sound, so that it need not wait for its turn."""
    bridge: str = WORKING
    """What is said while the language model fills in the arguments, or a slow call is made."""
