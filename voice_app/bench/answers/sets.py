"""The sets that answers are judged by: JSON lines beside this file, an item each, in two halves.

`work` is the half to look at while rules and prompts are made, `reported` the one whose scores alone are told. The
half of an item is that of its own words, so an item that is added can't be put where it suits.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, TypeAdapter

FOLDER = Path(__file__).parent
Half = Literal["work", "reported"]
HALVES: tuple[Half, ...] = ("work", "reported")


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Wanted(_Data):
    """A call that is right, told by its values: the names of arguments are the skills' own."""

    skill: str
    does: str
    """start, cancel, remember …; see `calls.ACTIONS`."""
    has: tuple[str, ...] = ()
    """Values that must be among its arguments. "7/seven": either; "07:30": a time; "day:friday": a day."""


class Words(_Data):
    """What an answer must say. A word ends with * where it may go on."""

    any: tuple[str, ...] = ()
    least: int = 1
    """How many of `any` there must be."""
    most: int | None = None
    all: tuple[tuple[str, ...], ...] = ()
    """One of each."""
    never: tuple[str, ...] = ()
    most_words: int | None = None


class Question(Words):
    """A question, or a fact that is told and then asked for."""

    id: str
    kind: str
    turns: tuple[str, ...]
    """The last one is judged."""

    @property
    def said(self) -> tuple[str, ...]:
        """Return the user's turns."""
        return self.turns


class Saying(_Data):
    """Words that are for skills, or for none."""

    id: str
    kind: str
    say: str
    calls: tuple[Wanted, ...] = ()
    """Empty, with `asks`: a look-alike that no skill may take."""
    asks: str = ""
    """The skill that has to ask something back."""

    @property
    def said(self) -> tuple[str, ...]:
        """Return the user's turns."""
        return (self.say,)

    @property
    def is_look_alike(self) -> bool:
        """Whether no skill may take it."""
        return not self.calls and not self.asks


class ConversationTurn(Words):
    """A turn of a conversation, and what has to be true after it. What is not given may be as it likes."""

    say: str
    calls: tuple[Wanted, ...] | None = None
    """Empty: no skill may take it."""
    asks: str = ""
    timers: tuple[int, ...] | None = None
    """Seconds for which the timers that run were set."""
    count: int | None = None
    """How many timers and alarms are set."""
    memory_has: tuple[str, ...] = ()
    memory_lacks: tuple[str, ...] = ()
    table_has: tuple[str, ...] = ()
    table_lacks: tuple[str, ...] = ()


class Conversation(_Data):
    """Six turns."""

    id: str
    kind: str
    turns: tuple[ConversationTurn, ...]

    @property
    def said(self) -> tuple[str, ...]:
        """Return the user's turns."""
        return tuple(turn.say for turn in self.turns)


class Adversarial(_Data):
    """A turn, after true confirmations, that tempts to claim a deed that is not done."""

    id: str
    kind: str
    before: tuple[str, ...]
    say: str

    @property
    def said(self) -> tuple[str, ...]:
        """Return the user's turns."""
        return (*self.before, self.say)


Item = Question | Saying | Conversation | Adversarial
SETS: dict[str, type[Item]] = {
    "questions": Question,
    "sayings": Saying,
    "conversations": Conversation,
    "adversarial": Adversarial,
}


def half_of(said: Sequence[str]) -> Half:
    """Return the half that an item of these turns belongs to."""
    return "reported" if int(_digest(said), 16) % 2 else "work"


def id_of(name: str, said: Sequence[str]) -> str:
    """Return the id of an item of the set `name`."""
    return f"{name[0]}-{_digest(said)[:8]}"


def _digest(said: Sequence[str]) -> str:
    return sha256("\n".join(said).encode()).hexdigest()


def items(name: str, half: Half) -> tuple[Item, ...]:
    """Return a half of a set, in its order."""
    kind: TypeAdapter[Item] = TypeAdapter(SETS[name])
    lines = (FOLDER / f"{name}_{half}.jsonl").read_text("utf-8").splitlines()
    return tuple(kind.validate_json(line) for line in lines)
