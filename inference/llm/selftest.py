"""Proof that llama.cpp runs on this processor: decodes a token with the embedded model.

A wrong instruction set ends this process by a signal, which is why it is one of its own.
"""

from __future__ import annotations

import sys

from inference.llm.llamacpp import LlamaCpp
from inference.models.store import ModelStore
from inference.types import ChatRequest, Message, Text

EMBEDDED = "smollm2-135m-instruct"


def main() -> int:
    """Return 0 when a token came out."""
    model = LlamaCpp(ModelStore().find(EMBEDDED, "llm").path, context_tokens=256)
    request = ChatRequest((Message("user", "Say yes."),), max_tokens=1)
    return 0 if any(isinstance(delta, Text) for delta in model.chat().stream(request)) else 1


if __name__ == "__main__":
    sys.exit(main())
