"""A writer for tests: sentences made of words by the request's seed, as quick as can be."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator

from inference.types import ChatRequest, Delta, Text, Usage
from voice_app.demos.books.book_plan import BookPlan

TOPIC = "keeping bees in a city"
_TEXT = (
    "hive roof garden flower neighbour honey wax smoke summer winter child street tree keeper swarm box frame "
    "sugar water morning letter market window basket ladder glove balcony river park season friend lesson storm tower"
)
WORDS = _TEXT.split()


def plan(pages: int = 4, seed: int = 1, topic: str = TOPIC) -> BookPlan:
    """Return a plan for the scripted model."""
    return BookPlan(topic, pages, seed, "scripted")


def sentence(draw: random.Random) -> str:
    """Return a sentence about bees."""
    middle = " ".join(draw.sample(WORDS, draw.randint(4, 14)))
    return f"{draw.choice(WORDS).capitalize()} bees {middle}."


def reply(request: ChatRequest) -> str:
    """Return a heading where a grammar asks for one, else a paragraph."""
    draw = random.Random(request.sampling.seed)
    if request.grammar:
        return f"What do bees in a city {' '.join(draw.sample(WORDS, 3))}?"
    return " ".join(sentence(draw) for _ in range(5))


class ScriptedBookChat:
    """Fulfils `BookChat`. `before` is called with the number of each request, and may raise."""

    usage = Usage(100, 40)

    def __init__(
        self,
        reply: Callable[[ChatRequest], str] = reply,
        before: Callable[[int], None] = lambda _: None,
        token_s: float | None = None,
    ) -> None:
        self._reply, self._before, self._token_s = reply, before, token_s
        self.requests: list[ChatRequest] = []
        self.forgot = 0

    def stream(self, request: ChatRequest) -> Iterator[Delta]:
        """Yield the reply in words."""
        self._before(len(self.requests))
        self.requests.append(request)
        for number, piece in enumerate(re.findall(r"\s*\S+", self._reply(request))[: request.max_tokens], 1):
            yield Text(piece, number, self._token_s and self._token_s * number)

    def forget(self) -> None:
        """Count."""
        self.forgot += 1
