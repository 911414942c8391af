"""Runs the itinerary and table requests typed, with other seeds: is any table invalid, is anything lost, what is said.

    python -m tests.bench.tables [--runs 20] [--llm llama.cpp] [--model NAME] [--json] [--show]
    python -m tests.bench.tables --spoken 10

Every run is four turns: an itinerary, the same as a table, a column more, another city. Times are this machine's.
`--spoken` has the bundled voice say the requests so many times, and counts the words that speech to text gets wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
from typing import Any

import jiwer
from whisper_normalizer.english import EnglishTextNormalizer

from inference.stt import transcribe
from voice_app.demos.check import faults
from voice_app.demos.scripts import TABLE
from voice_app.demos.table_demo import asking_voice, requests
from voice_app.demos.turn_records import TurnRecord, TurnRecorder
from voice_app.runtime.engine_set import EngineSet, load_text_only
from voice_app.runtime.engines import build_stt
from voice_app.runtime.host import hold_typed
from voice_app.runtime.plan import SessionPlan
from voice_app.runtime.settings import load_settings
from voice_app.skills.router import Router
from voice_app.skills.table.author import knows_places
from voice_app.skills.table.filling import phrases
from voice_app.skills.table.ideas import kinds
from voice_app.skills.table.table_skill import Tables, table_skill

REQUESTS = tuple(line.said for line in TABLE)
RANGES = {
    "walk": (0, 12),
    "market": (4, 25),
    "cafe": (3, 18),
    "garden": (0, 12),
    "bicycle": (3, 40),
    "bookshop": (0, 20),
    "museum": (0, 25),
    "crafts": (0, 60),
    "street art": (0, 12),
    "music": (5, 40),
    "supper": (10, 60),
    "stage": (5, 60),
    "sunset": (0, 25),
}
"""Dollars that a person would find plausible, by kind of activity."""
MOST_OF_A_PLACE = 100
"""Dollars that a person would find plausible, of an activity that a model has named itself."""


def plausible(activity: str, cost: str) -> bool:
    """Whether a cost is in the range of its activity's kind."""
    kind = next((kind for kind in kinds() if activity in phrases(kind.parts)), None)
    low, high = RANGES[kind.name] if kind else (0, MOST_OF_A_PLACE)
    return low <= (0 if cost == "free" else float(cost.strip("$"))) <= high


def by_model(activity: str) -> bool:
    """Whether an activity is none of the phrases of the assets."""
    return not any(activity in phrases(kind.parts) for kind in kinds())


async def run(engines: EngineSet, seed: int, texts: tuple[str, ...] = REQUESTS) -> list[TurnRecord]:
    """Hold one run of the requests."""
    listener = TurnRecorder(texts, ())
    tables = Tables(seed, knows_places=knows_places(engines.llm.capabilities))
    plan = SessionPlan(load_settings(memory="off", keep_log=False), listeners=(listener,), skills=False)
    await hold_typed(plan, texts, engines, (Router((table_skill(tables),)),))
    return listener.turns


def figures(runs: list[list[TurnRecord]]) -> dict[str, Any]:
    """Return the figures of all runs."""
    wrong = {}
    for seed, turns in enumerate(runs):
        if found := faults([told.table for told in turns], [told.answer for told in turns]):
            wrong[seed] = found
    rows = [row for turns in runs if turns[-1].table for row in turns[-1].table.rows]
    costs = [row[-1] for row in rows]

    def medians(name: str) -> list[float]:
        times = zip(*([getattr(told, name) or 0.0 for told in turns] for turns in runs), strict=True)
        return [round(statistics.median(each), 2) for each in times]

    return {
        "runs": len(runs),
        "valid": len(runs) - len(wrong),
        "faults": wrong,
        "different_activities": len({row[3] for row in rows}),
        "different_costs": len(set(costs)),
        "free": round(costs.count("free") / len(costs), 2),
        "from_the_model": round(sum(by_model(row[3]) for row in rows) / len(rows), 3),
        "plausible_costs": round(sum(plausible(row[3], row[-1]) for row in rows) / len(rows), 3),
        "first_row_s_median": medians("to_table_s"),
        "table_s_median": medians("to_whole_table_s"),
        "basis": "measured",
    }


def spoken(takes: int) -> dict[str, Any]:
    """Return how many words of the requests are misheard; no two takes of the voice are the same."""
    settings = load_settings()
    stt, tts, normal = build_stt(settings), asking_voice(settings), EnglishTextNormalizer()
    pairs = [
        (normal(text), normal(transcribe(stt, sound).text))
        for _ in range(takes)
        for text, sound in zip(REQUESTS, requests(tts, TABLE, None), strict=True)
    ]
    said, heard = zip(*pairs, strict=True)
    return {
        "takes": takes,
        "word_error_rate": round(jiwer.wer(list(said), list(heard)), 4),
        "misheard": sorted({f"{text} -> {words}" for text, words in pairs if text != words}),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--llm", default="llama.cpp")
    parser.add_argument("--model", default="")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--show", action="store_true")
    parser.add_argument("--spoken", type=int, default=0)
    options = parser.parse_args()
    if options.spoken:
        print(json.dumps(spoken(options.spoken)))
        return
    models = {"llm_backend": options.llm, **({"llm": options.model} if options.model else {})}
    engines = load_text_only(load_settings(models=models))
    runs = [asyncio.run(run(engines, seed)) for seed in range(options.runs)]
    engines.close()
    if options.show:
        for told in (told for turns in runs for told in turns):
            print(told.answer, told.table.markdown() if told.table else "", sep="\n")
    row = {"llm": options.llm, "model": options.model, **figures(runs)}
    print(json.dumps(row) if options.json else "\n".join(f"{key}: {value}" for key, value in row.items()))


if __name__ == "__main__":
    main()
