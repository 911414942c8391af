"""Runs the itinerary and table requests typed, with other seeds: is any table invalid, is anything lost, what is said.

    python -m tests.bench.tables [--runs 20] [--llm llama.cpp] [--json] [--show]

Every run is four turns: an itinerary, the same as a table, a column more, another city. Times are this machine's.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import time
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table as Drawn

from voice_app import events
from voice_app.answers import Asked, answer
from voice_app.config import load_settings
from voice_app.demos.scripts import ITINERARY, TABLE
from voice_app.lane import ThreadLane
from voice_app.reply import Engines, Reply, ReplyStyle
from voice_app.tables.table import Table
from voice_app.tables.way import table_way
from voice_app.wiring import build_llm

REQUESTS = (*ITINERARY, *TABLE)
KEPT = ("City", "Day", "Time", "Activity")


@dataclass
class Turn:
    """What one turn came to."""

    answer: str = ""
    tables: list[events.TableShown] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def table(self) -> Table:
        return Table(self.tables[-1].columns, self.tables[-1].rows)


async def turn(text: str, engines: Engines, way: Any) -> Turn:
    """Ask one request of a way; its effects happen at once."""
    held, reply = Turn(), Reply()
    reply.release()

    def tell(kind: Any, **facts: Any) -> None:
        if kind is events.TableShown:
            held.tables.append(kind(at_s=0.0, **facts))

    asked = Asked(text, (), (), engines, ReplyStyle(), reply, tell)
    start_s = time.perf_counter()
    async for token in answer(asked, (way,)):
        held.answer += token.text
        reply.first_clause_out = True
    held.seconds = time.perf_counter() - start_s
    return held


def faults(turns: list[Turn]) -> list[str]:
    """Return what is wrong with the four turns of a run."""
    if not all(each.tables and each.tables[-1].complete for each in turns):
        return ["a turn without a complete table"]
    first, again, cost, other = (each.table for each in turns)
    found = []
    if again != first or first.columns != KEPT:
        found.append("the table is not the itinerary")
    if cost.columns[:-1] != first.columns or tuple(row[:-1] for row in cost.rows) != first.rows:
        found.append("the new column changed other cells")
    if other.columns != cost.columns or other.rows[: len(cost.rows)] != cost.rows:
        found.append("the other city's rows changed the first one's")
    if len(other.rows) != 2 * len(cost.rows) or {row[0] for row in other.rows} != {
        "New York City",
        "Atlanta, Georgia",
    }:
        found.append("not as many rows for the other city")
    if len({row[3] for row in other.rows}) != len(other.rows):
        found.append("an activity twice")
    if not all(
        cell == "free" or cell.startswith("$") for cell in other.columns and other.column(cost.columns[-1])
    ):
        found.append("a cost that is no amount")
    if not all(cell for row in other.rows for cell in row):
        found.append("an empty cell")
    if not all(each.answer.count(". ") <= 1 and "|" not in each.answer for each in turns):
        found.append("more than two sentences, or a table's marks, aloud")
    return found


async def run(llm: Any, lane: ThreadLane, seed: int) -> list[Turn]:
    """Hold one run of four turns."""
    engines, way = Engines(None, llm, None, lane), table_way(seed)  # type: ignore[arg-type]
    return [await turn(text, engines, way) for text in REQUESTS]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--llm", default="llama.cpp")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--show", action="store_true")
    options = parser.parse_args()
    lane = ThreadLane()
    llm = lane.prepare(lambda: build_llm(load_settings(models={"llm_backend": options.llm}))).result()
    runs = [asyncio.run(run(llm, lane, seed)) for seed in range(options.runs)]
    lane.close()
    wrong = {seed: found for seed, turns in enumerate(runs) if (found := faults(turns))}
    costs = [cell for turns in runs for cell in turns[-1].table.column(turns[-1].table.columns[-1])]
    phrases = {row[3] for turns in runs for row in turns[-1].table.rows}
    row = {
        "runs": len(runs),
        "valid": len(runs) - len(wrong),
        "faults": wrong,
        "different_activities": len(phrases),
        "different_costs": len(set(costs)),
        "free": round(costs.count("free") / len(costs), 2),
        "seconds_median": [
            round(statistics.median(turns[place].seconds for turns in runs), 2) for place in range(4)
        ],
        "basis": "measured",
        "llm": options.llm,
    }
    if options.show:
        for turns in runs:
            drawn = Drawn(*turns[-1].table.columns)
            for cells in turns[-1].table.rows:
                drawn.add_row(*cells)
            Console(width=140).print(drawn, *(each.answer for each in turns), sep="\n")
    print(json.dumps(row) if options.json else "\n".join(f"{key}: {value}" for key, value in row.items()))


if __name__ == "__main__":
    main()
