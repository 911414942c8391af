"""The text side of speaking: a streamed reply is cut into clauses, and each is made speakable."""

from __future__ import annotations

from inference.text.clauses import Clause, ClauseSplitter
from inference.text.speakable import speakable

__all__ = ["Clause", "ClauseSplitter", "speakable"]
