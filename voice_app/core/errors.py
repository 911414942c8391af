"""Errors of the program. They carry data; only the command line prints and exits.

VoiceAppError           1
├── ConfigError         3  a setting that can't be used: file, variable or flag
├── PersonaError        3  a persona that can't be used
├── ScenarioError       5  a corpus for the benchmark that can't be used
├── ResultError         7  a saved result of the benchmark that can't be used
├── ToolError           1  a local tool that has no answer, as to a sum that has no value
├── TableError          1  a table can't be changed as asked
├── Overloaded          1  more work than the machine can take on
├── TerminalError       2  no terminal for a screen
├── AudioDeviceError    4  no sound card, or not the one asked for
├── BookError           1  a book that can't be written as asked
├── OutputError         7  a file or folder that was asked for can't be written
├── SessionError        7  a file of the session (log, recording) can't be written
├── MemoryFileError     7  a memory that can't be read or written
└── EntryError          1  something that can't be remembered, or is not

The number is the exit status of the program. The models' errors have theirs here too: 5 for a sound that
can't be used (AudioError), 6 for a model (ModelError); 2 is wrong usage, mostly from the command line's own parser;
everything else is 1.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from inference.errors import AudioError, ModelError


class VoiceAppError(Exception):
    """Base of all errors of this room. `str()` is one line for the user: what is wrong, what to do."""

    exit_code: ClassVar[int] = 1


class TerminalError(VoiceAppError):
    """No terminal for a screen."""

    exit_code = 2


class ConfigError(VoiceAppError):
    """A setting that can't be used."""

    exit_code = 3


class PersonaError(VoiceAppError):
    """A persona that can't be used."""

    exit_code = 3


class ScenarioError(VoiceAppError):
    """A corpus for the benchmark that can't be used."""

    exit_code = 5


class ResultError(VoiceAppError):
    """A saved result of the benchmark that can't be used."""

    exit_code = 7

    def __init__(self, path: Path | None, what: str) -> None:
        super().__init__(f"{path}: {what}" if path else what)
        self.path = path


class ToolError(VoiceAppError):
    """A local tool that has no answer. `str()` is a sentence to be spoken."""


class TableError(VoiceAppError):
    """A table that can't be made, or changed as asked."""


class Overloaded(VoiceAppError):
    """More work than the machine can take on."""


class AudioDeviceError(VoiceAppError):
    """No sound card, or not the one asked for."""

    exit_code = 4


class BookError(VoiceAppError):
    """A book that can't be written as asked."""


class OutputError(VoiceAppError):
    """A file or folder that was asked for can't be written."""

    exit_code = 7

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(f"{path}: {what}")
        self.path = path


class SessionError(VoiceAppError):
    """A file of the session that can't be written."""

    exit_code = 7

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(f"{path}: {what}")
        self.path = path


class MemoryFileError(VoiceAppError):
    """A memory that can't be read or written."""

    exit_code = 7

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(f"{path}: {what}")
        self.path = path


class EntryError(VoiceAppError):
    """Something that can't be remembered, or is not remembered."""


def exit_code(error: Exception) -> int:
    """Return the exit status for `error`, by the table at the top of this file."""
    match error:
        case VoiceAppError():
            return error.exit_code
        case AudioError():
            return 5
        case ModelError():
            return 6
        case _:
            return 1
