"""What a reply takes on this machine, measured once; remembered until the machine, the models or the program change."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from inference.files import write_whole
from voice_app import __version__
from voice_app.runtime import machine

METHOD = 3
"""Number of the way to measure; another one makes what was measured before void."""


@dataclass(frozen=True, slots=True)
class Speed:
    """What a language model takes on this machine, measured, in seconds."""

    first_token_s: float
    """From the last words of a question, those before being read while they are spoken, to the first token."""
    clause_s: float
    """From there to the end of a short first clause, as a conversation has it: with whatever guesses tokens."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Measured times of the language models, and of the stages around them."""

    speeds: Mapping[str, Speed] = field(default_factory=dict)
    """By the model's name."""
    around: Mapping[str, float] = field(default_factory=dict)
    """Other stages by their names, in seconds; those that are not measured have their declared values."""
    busy: bool = False
    """Whether other programs kept the machine busy: then it is measured again once they do not."""


def digest(*facts: object) -> str:
    """Return a digest of facts, of this machine, and of this version of the program."""
    here = [platform.node(), machine.processor(), machine.cores(), __version__, METHOD]
    return hashlib.sha256(json.dumps([facts, here]).encode()).hexdigest()


def recall(path: Path, key: str) -> Calibration | None:
    """Return the remembered calibration; None where there is none for `key` that holds now, or it can't be read."""
    with suppress(OSError, ValueError, TypeError, KeyError, AttributeError):
        kept = json.loads(path.read_text())
        if kept["key"] == key:
            speeds = {str(name): Speed(**speed) for name, speed in kept["speeds"].items()}
            around = {str(stage): float(span) for stage, span in kept["around"].items()}
            found = Calibration(speeds, around, bool(kept["busy"]))
            return found if machine.is_busy() or not found.busy else None
    return None


def remember(path: Path, key: str, found: Calibration) -> None:
    """Keep a calibration; where that fails, it is measured again the next time."""
    speeds = {name: asdict(speed) for name, speed in found.speeds.items()}
    kept = {"key": key, "speeds": speeds, "around": dict(found.around), "busy": found.busy}
    with suppress(OSError):
        write_whole(path, json.dumps(kept).encode())
