"""Errors of the models. They carry data; only the command line prints and exits.

InferenceError
├── AudioError          a sound that can't be used: the file, or its content
├── ModelError
│   ├── UnknownModel    a name that is not in the manifest
│   ├── ModelMissing    known, but not on this machine; says how to get it
│   ├── ModelCorrupt    a file whose size, hash or content is wrong
│   ├── TemplateError   a chat template that can't be read, or that refuses a chat
│   ├── EndpointError   another machine's language model that doesn't answer as it should
│   └── DownloadFailed  the network, the disk or the hub said no
├── NoFreeChat          as many chats as a language model holds are open
├── UnknownLanguage     a language that text can't be spoken in
├── PromptTooLong       the chat does not fit the model's context
└── GrammarError        a grammar llama.cpp can't read
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


class InferenceError(Exception):
    """Base of all errors of this room. `str()` is one line for the user: what is wrong, what to do."""


class AudioError(InferenceError):
    """A sound that can't be used."""

    def __init__(self, what: str, path: Path | None = None) -> None:
        super().__init__(f"{path}: {what}" if path else what)
        self.path = path


class ModelError(InferenceError):
    """Something about a model or its files."""


class UnknownModel(ModelError):
    """A name that is not in the manifest."""

    def __init__(self, name: str, nearest: str | None = None) -> None:
        hint = f"; did you mean {nearest!r}?" if nearest else ""
        super().__init__(f"unknown model {name!r}{hint} (`voice-app models list` shows all)")
        self.name = name


class ModelMissing(ModelError):
    """A known model that is not on this machine."""

    def __init__(self, name: str, how: str) -> None:
        super().__init__(f"model {name!r} is not installed: {how}")
        self.name = name


class ModelCorrupt(ModelError):
    """A model file whose size, hash or content is wrong."""

    def __init__(self, path: Path, what: str, how: str) -> None:
        super().__init__(f"{path}: {what}; {how}")
        self.path = path


class TemplateError(ModelError):
    """A chat template that can't be read, or that refuses a chat."""

    def __init__(self, what: str) -> None:
        super().__init__(f"the model's chat template can't be used ({what}); use another GGUF file")


class EndpointError(ModelError):
    """Another machine's language model that doesn't answer as it should."""


class DownloadFailed(ModelError):
    """A download that did not end with the right file."""


class NoFreeChat(InferenceError):
    """As many chats as a language model holds are open."""

    def __init__(self, chats: int) -> None:
        super().__init__(f"the language model is busy with {chats} of {chats} chats; close one first")
        self.chats = chats


class UnknownLanguage(InferenceError):
    """A language that text can't be made speakable in."""

    def __init__(self, code: str, known: Sequence[str]) -> None:
        super().__init__(f"text can't be spoken in {code!r}; known languages: {', '.join(known)}")
        self.code = code


class PromptTooLong(InferenceError):
    """The chat does not fit the model's context."""

    def __init__(self, tokens: int, context: int) -> None:
        super().__init__(f"the text is too long: {tokens} tokens, and the model's context holds {context}")
        self.tokens = tokens
        self.context = context


class GrammarError(InferenceError):
    """A grammar that llama.cpp can't read."""
