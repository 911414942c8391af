"""What a skill is: a function with typed arguments, and the sayings that it is called with.

@skill("dice", about="Rolls dice.")  # the sayings stand in phrases/en.yaml beside this file
def roll(call: Roll) -> Outcome: ...
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_type_hints

from pydantic import BaseModel, ConfigDict

from inference.types import Message
from voice_app.core.turn import Answer, TurnContext
from voice_app.skills.fillers import WORKING
from voice_app.skills.phrases import Phrases, Slot, load_phrases
from voice_app.skills.utterance import Utterance


class Arguments(BaseModel):
    """Arguments of a call: a JSON object. Their schema makes the grammar that holds the language model."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Result of a call."""

    text: str
    """A sentence or two to be spoken."""
    sources: tuple[str, ...] = ()
    """Names of the user's own notes it comes from."""
    effect: Callable[[], None] | None = None
    """What it does beside answering, once the turn is over."""


@dataclass(frozen=True, slots=True)
class Open:
    """A skill is meant, its arguments are open: the language model writes them, held to the choices that there are."""

    choices: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Values that an argument can have; an argument without any may have all that its schema allows."""


@dataclass(frozen=True, slots=True)
class Fallback:
    """A call that is made where no other skill is meant."""

    call: Any


@dataclass(frozen=True, slots=True)
class Clarify:
    """A skill is meant and an argument is missing: the user is asked, and the next turn may answer."""

    question: str
    """One short sentence."""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    """What is known of the call by now."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """A skill is meant and can't do what is asked."""

    text: str
    """One plain sentence: "I can't snooze an alarm yet."."""


@dataclass(frozen=True, slots=True)
class Called:
    """A call of an earlier turn."""

    name: str
    """Of the skill."""
    arguments: Mapping[str, Any]
    output: str
    """What was said of it."""
    clarifies: bool = False
    """Whether `output` is a question back, so that `arguments` are incomplete."""
    ago: int = 0
    """Turns between this call and the words that may go on from it; 0: it was made in the turn right before them."""


Fill = Callable[[Utterance, Sequence[Message]], "Arguments | Open | Clarify | Refuse | None"]
"""Reads the arguments of a call from words that are meant for the skill; None: they are none of its business.

Asked where a language model or a classifier says that the skill is meant, in words that no template reads. Numbers,
spans and times are read here, by code; `Open` leaves to the language model what can't be.
"""
Follow = Callable[[Utterance, Called], "Arguments | Open | Clarify | Refuse | None"]
"""Reads words as going on from the skill's latest call ("make it ten minutes", "and in Celsius?", "undo that"), or as
the answer to its question; None: they are not. Precise: it is asked before anything else.
"""
Read = Callable[[Utterance, Sequence[Message]], Any]
"""Returns the call that an utterance is, Open, Fallback, or None where it is none to the skill.

The messages are the turns before it. It looks at words alone and is quick.
"""


def _nothing(utterance: Utterance, earlier: Sequence[Message]) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Skill:
    """Something that the assistant does beside chatting. Made by `skill`."""

    name: str
    about: str
    """What it is for, for a person who lists the skills."""
    arguments: type[Arguments] | None
    """What a call says; None where calls are no JSON."""
    run: Callable[[Any], Outcome] | None = None
    """Makes a call. Raises ToolError, whose text is spoken. None where `answer` does all of it."""
    answer: Callable[[Any, TurnContext], Answer] | None = None
    """Makes a call that needs the turn, and says what comes of it."""
    phrases: Phrases = Phrases()
    fill: Fill | None = None
    follow: Follow | None = None
    asks: Callable[[Any], Clarify | None] = lambda call: None
    """Returns a question back for a call of the phrases that lacks something, None for one that can be made."""
    read: Read = _nothing
    """For what the phrases do not read."""
    takes_s: Callable[[], float] = lambda: 0.0
    """Returns what a call may take; 0: less than a frame of sound, so that it need not wait for its turn."""
    filler: str = WORKING
    """What is said while the language model fills in the arguments, or a slow call is made."""

    def __call__(self, *arguments: Any) -> Any:
        """Call the function that was made a skill."""
        function = self.run or self.answer
        assert function
        return function(*arguments)


def skill(
    name: str,
    *,
    about: str,
    slots: Mapping[str, Slot] = {},
    **more: Any,  # noqa: B006
) -> Callable[[Callable[..., Any]], Skill]:
    """Return a decorator that makes a function a skill.

    A function of the call alone returns an Outcome; one of the call and the turn's context an Answer. The type of its
    first parameter is that of its arguments. `slots` are those of its phrases, `more` other fields of Skill.
    """

    def made(function: Callable[..., Any]) -> Skill:
        parameters = list(inspect.signature(function).parameters)
        kind = get_type_hints(function).get(parameters[0])
        arguments = kind if isinstance(kind, type) and issubclass(kind, Arguments) else None
        more["run" if len(parameters) == 1 else "answer"] = function
        phrases = load_phrases(Path(inspect.getfile(function)).parent, slots)
        return Skill(name, about, arguments, phrases=phrases, **more)

    return made
