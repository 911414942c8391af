"""Pages of a book with the guards against loops and drift, and as the same model writes them when just asked.

    python tests/bench/book.py [--pages 3] [--json]

Both write the same sections, by the same headings, of some topics. *plain*: "Write 300 words", then "Go on.", cut at
300 words; what a program without guards would print. distinct-n falls with length: both texts are about as long.
Faults are those of `guard.fault`: repeated runs of words, fragments, talk about itself. Exit status 1: a requirement
is missed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from inference.types import ChatRequest, Message, Sampling
from voice_app.demos.books.book_plan import (
    BookPlan,
    PageStep,
    chapter_step,
    chapters,
    outline_step,
    page_steps,
)
from voice_app.demos.books.guard import fault, sentences
from voice_app.demos.books.headings import write_headings
from voice_app.demos.books.measures import quality, speed, total
from voice_app.demos.books.prose import MOST_WORDS, write_page
from voice_app.demos.books.writer import Tally, Writer
from voice_app.runtime.engines import build_llm, chosen_llm
from voice_app.runtime.settings import Settings

TOPICS = (
    "keeping bees in a city",
    "sailing small boats",
    "learning the piano as an adult",
    "the history of bread",
)
MOST_REPEATED = 0.01
LEAST_ON_TOPIC = 0.95


def first_pages(topic: str, pages: int, writer: Writer, tally: Tally) -> list[PageStep]:
    """Return the steps of a short book's pages."""
    plan = BookPlan(topic, pages, 1, "bench")
    writer.begin()
    headings = write_headings(outline_step(plan), writer, tally)
    steps = []
    for chapter in chapters(plan, headings):
        writer.begin()
        steps += page_steps(plan, chapter, write_headings(chapter_step(plan, chapter), writer, tally))
    return steps


def plain_page(step: PageStep, writer: Writer, tally: Tally) -> list[str]:
    """Return a page as the model gives it, cut at 300 words."""
    asked = Message("user", f"Write 300 words for a book about {step.topic}. Section: {step.heading}")
    messages, found = [asked], list[str]()
    for attempt in range(12):
        request = ChatRequest(
            tuple(messages), 400, Sampling(0.7, 0.9, repeat_penalty=1.0, seed=step.seed + attempt)
        )
        text = writer.text(request, tally).strip()
        found += [paragraph for paragraph in text.split("\n") if paragraph.strip()]
        if sum(len(paragraph.split()) for paragraph in found) >= MOST_WORDS:
            break
        messages = [asked, Message("assistant", text or "Yes."), Message("user", "Go on.")]
    return cut(found, MOST_WORDS)


def cut(paragraphs: Sequence[str], most_words: int) -> list[str]:
    """Return the first words of a page."""
    kept, room = [], most_words
    for paragraph in paragraphs:
        if room > 0:
            kept.append(" ".join(paragraph.split()[:room]))
            room -= len(paragraph.split())
    return kept


def faulty(pages: Sequence[Sequence[str]]) -> dict[str, float]:
    """Return the shares of sentences with a fault, by kind."""
    kinds: list[str | None] = []
    for page in pages:
        before: list[str] = []
        for sentence in (one for paragraph in page for one in sentences(paragraph)):
            kinds.append(fault(sentence, before))
            before.append(sentence)
    return {
        kind: round(kinds.count(kind) / max(1, len(kinds)), 3)
        for kind in ("loop", "form", "itself", "length")
    }


def figures(texts: dict[str, list[list[str]]], tallies: Sequence[Tally]) -> dict[str, object]:
    """Return the means over the topics, and all faults."""
    rows = [quality(pages, topic) for topic, pages in texts.items()]
    means = {name: round(sum(row[name] for row in rows) / len(rows), 3) for name in rows[0]}
    pages = [page for of_topic in texts.values() for page in of_topic]
    took = total(tallies)
    return {**means, "faults": faulty(pages), "rejected": took.rejected, **speed(len(pages), took)}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pages", type=int, default=3, help="pages a topic")
    parser.add_argument("--topics", nargs="*", default=TOPICS)
    parser.add_argument("--json", action="store_true", help="print the texts, too")
    options = parser.parse_args(arguments)
    settings = Settings()
    writer = Writer(build_llm(settings).chat())
    texts: dict[str, dict[str, list[list[str]]]] = {"guarded": {}, "plain": {}}
    tallies: dict[str, list[Tally]] = {"guarded": [], "plain": []}
    headings = Tally()
    for topic in options.topics:
        for step in first_pages(topic, options.pages, writer, headings):
            for name, write in (("guarded", write_page), ("plain", plain_page)):
                writer.begin()
                tallies[name].append(Tally())
                texts[name].setdefault(topic, []).append(write(step, writer, tallies[name][-1]))
    table = {name: figures(texts[name], tallies[name]) for name in texts}
    ours = table["guarded"]
    missed = []
    if float(str(ours["repeated_sentences"])) > MOST_REPEATED:
        missed.append(f"repeated sentences: {ours['repeated_sentences']}, {MOST_REPEATED} are allowed")
    if float(str(ours["on_topic_paragraphs"])) < LEAST_ON_TOPIC:
        missed.append(f"paragraphs on the topic: {ours['on_topic_paragraphs']}, at least {LEAST_ON_TOPIC}")
    if options.json:
        found = {"model": chosen_llm(settings).name, "figures": table, "missed": missed, "texts": texts}
        print(json.dumps(found, indent=1, ensure_ascii=False))
        return 1 if missed else 0
    for name, row in table.items():
        print(f"{name}: {json.dumps(row)}")
    print(f"headings: {headings.rejected} tries rejected, {headings.plain_headings} plain")
    print("\n".join(missed) or "all requirements are met")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
