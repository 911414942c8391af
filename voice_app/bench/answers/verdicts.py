"""What was found of each turn, and the file that keeps it, so that a run may be stopped and taken up again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from voice_app.core.errors import SessionError

LOOK_ALIKES = "look-alikes"
"""Stand as a set of their own beside the sayings that a skill should take."""


class Verdict(BaseModel):
    """What was found of a turn."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    """Of the item; "/3" behind it: its third turn."""
    set: str
    kind: str
    half: str
    model: str
    right: bool
    faults: tuple[str, ...] = ()
    claim: str = ""
    """A deed that the answer claims and that was not done."""
    say: str = ""
    answer: str = ""
    calls: tuple[dict[str, Any], ...] = ()
    first_ms: float | None = None
    """Typed -> the first words of the answer, measured; without speech to text and voice."""
    whole_ms: float | None = None


def read_verdicts(path: Path) -> list[Verdict]:
    """Return the verdicts of a file; none where there is no file yet. Raises SessionError."""
    try:
        return [Verdict.model_validate_json(line) for line in path.read_text("utf-8").splitlines() if line]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, ValidationError) as error:
        reason = str(error).splitlines()[0]
        raise SessionError(path, f"holds no verdicts ({reason}); choose another file") from None


def append_verdicts(path: Path, verdicts: Sequence[Verdict]) -> None:
    """Add verdicts to a file. Raises SessionError."""
    try:
        with path.open("a", encoding="utf-8") as file:
            file.writelines(one.model_dump_json() + "\n" for one in verdicts)
    except OSError as error:
        raise SessionError(path, f"can't be written ({error.strerror}); choose another file") from None
