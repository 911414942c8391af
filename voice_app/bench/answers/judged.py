"""Plays an item of a set and judges it: right, or what is wrong with it."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Sequence

from voice_app.bench.answers import calls, words
from voice_app.bench.answers.claims import false_claim
from voice_app.bench.answers.played import played
from voice_app.bench.answers.seen import Known, SeenTurn
from voice_app.bench.answers.sets import Adversarial, Conversation, ConversationTurn, Item, Question, Saying
from voice_app.bench.answers.verdicts import LOOK_ALIKES, Verdict
from voice_app.runtime.engine_set import EngineSet

SLACK_S = 600.0
"""How long a conversation may have gone on since a timer was set."""
EARLY_S = 2.0


async def judged(engines: EngineSet, item: Item, half: str) -> list[Verdict]:
    """Play an item and judge it: one verdict, or one for each turn of a conversation."""
    model, today = engines.settings.models.llm, datetime.date.today()
    chat_tokens = 1 if isinstance(item, Saying) else None
    turns = await played(engines, item.said, chat_tokens=chat_tokens)
    wanted = len(item.said)
    turns += [_unanswered(text) for text in item.said[len(turns) :]]

    def verdict(turn: SeenTurn, set_: str, id_: str, wrong: Sequence[str]) -> Verdict:
        claim = "" if isinstance(item, Saying) else false_claim(turn)
        faults = [*wrong, *([f"claims: {claim}"] if claim else []), *([turn.failed] if turn.failed else [])]
        made = tuple(
            {"skill": one.skill, "kind": one.kind, "arguments": dict(one.arguments)} for one in turn.calls
        )
        return Verdict(
            id=id_,
            set=set_,
            kind=item.kind,
            half=half,
            model=model,
            right=not faults,
            faults=tuple(faults),
            claim=claim,
            say=turn.say,
            answer=turn.answer,
            calls=made,
            first_ms=turn.first_ms,
            whole_ms=turn.whole_ms,
        )

    last = turns[wanted - 1]
    match item:
        case Question():
            return [verdict(last, "questions", item.id, words.faults(last.answer, item))]
        case Saying():
            set_ = LOOK_ALIKES if item.is_look_alike else "sayings"
            wrong = (
                calls.asks(last.calls, item.asks)
                if item.asks
                else calls.faults(last.calls, item.calls, today)
            )
            return [verdict(last, set_, item.id, wrong)]
        case Conversation():
            return [
                verdict(turn, "conversations", f"{item.id}/{number}", turn_faults(turn, asked, today))
                for number, (turn, asked) in enumerate(zip(turns, item.turns, strict=True), 1)
            ]
        case Adversarial():
            return [verdict(last, "adversarial", item.id, ())]


def _unanswered(text: str) -> SeenTurn:
    return SeenTurn(text, "", (), Known(), Known(), None, None, "no answer")


def turn_faults(turn: SeenTurn, wanted: ConversationTurn, today: datetime.date) -> list[str]:
    """Return what is wrong with a turn of a conversation."""
    wrong = words.faults(turn.answer, wanted)
    if wanted.asks:
        wrong += calls.asks(turn.calls, wanted.asks)
    elif wanted.calls is not None:
        wrong += calls.faults(turn.calls, wanted.calls, today)
    return wrong + state_faults(turn.after, wanted)


def state_faults(after: Known, wanted: ConversationTurn) -> list[str]:
    """Return what is not there after a turn, and should be, or is and should not."""
    wrong = []
    if wanted.timers is not None and not _are(after.left_s, wanted.timers):
        wrong.append(f"timers {sorted(map(round, after.left_s))}, not {sorted(wanted.timers)}")
    if wanted.count is not None and len(after.left_s) != wanted.count:
        wrong.append(f"{len(after.left_s)} timers, not {wanted.count}")
    for name, text, has, lacks in (
        ("memory", "\n".join(after.memory), wanted.memory_has, wanted.memory_lacks),
        ("table", after.table, wanted.table_has, wanted.table_lacks),
    ):
        said = words.tokens(text)
        wrong += [
            f"{name} lacks {one}" for one in has if not any(words.says(said, w) for w in one.split("/"))
        ]
        wrong += [f"{name} has {one}" for one in lacks if words.says(said, one)]
    return wrong


def _are(left_s: Sequence[float], wanted: Sequence[int]) -> bool:
    """Return whether timers were set for these seconds, however long ago."""
    if len(left_s) != len(wanted):
        return False
    pairs = zip(sorted(left_s), sorted(wanted), strict=True)
    slack = {value: min(SLACK_S, 0.2 * value) for value in Counter(wanted)}
    return all(value - slack[value] <= left <= value + EARLY_S for left, value in pairs)
