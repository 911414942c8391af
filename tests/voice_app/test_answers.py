"""Judged answers: the sets and their halves, the judges of words, calls, deeds and claims, the figures, the page."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from inference.llm.scripted_llm import ScriptedLanguageModel
from inference.types import Message
from tests.browser import invalid
from voice_app.bench.answers import calls, words
from voice_app.bench.answers.answers_page import answers_page
from voice_app.bench.answers.claims import claims, false_claim, sentences
from voice_app.bench.answers.figures import below, by_model, figures, wilson
from voice_app.bench.answers.judged import judged, state_faults
from voice_app.bench.answers.run_answers import AnswersRequest, asked, shown, spread
from voice_app.bench.answers.seen import Known, SeenCall, SeenTurn
from voice_app.bench.answers.sets import (
    HALVES,
    SETS,
    Conversation,
    ConversationTurn,
    Half,
    Question,
    Saying,
    Wanted,
    Words,
    half_of,
    id_of,
    items,
)
from voice_app.bench.answers.verdicts import LOOK_ALIKES, Verdict, append_verdicts, read_verdicts
from voice_app.bench.virtual_time import Meter, VirtualScheduler, run_virtual
from voice_app.cli.main import app
from voice_app.core.errors import SessionError
from voice_app.runtime.engine_set import EngineSet
from voice_app.runtime.persona import Persona
from voice_app.runtime.settings import Settings

NOTHING = Known()
TUESDAY = datetime.date(2026, 12, 1)


def seen(answer: str = "", *made: SeenCall, before: Known = NOTHING, after: Known = NOTHING) -> SeenTurn:
    return SeenTurn("", answer, made, before, after, 10.0, 20.0)


def call(skill: str, kind: str = "answer", output: str = "", **arguments: object) -> SeenCall:
    return SeenCall(skill, arguments, kind, output)


def verdict(**more: Any) -> Verdict:
    given = {"id": "q-1", "set": "questions", "kind": "fact", "half": "work", "model": "small", "right": True}
    return Verdict(**{**given, "say": "secret words", "first_ms": 100.0, **more})


@pytest.mark.parametrize("half", HALVES)
@pytest.mark.parametrize("name", SETS)
def test_the_half_and_the_id_of_an_item_are_those_of_its_words(name: str, half: Half) -> None:
    """Nothing can be put into the half where it suits, and no id stands twice."""
    found = items(name, half)

    assert [(half_of(one.said), id_of(name, one.said)) for one in found] == [(half, one.id) for one in found]
    assert len({one.id for one in found}) == len(found)


def test_the_sets_are_large_enough_to_tell_models_apart() -> None:
    """Both halves together: questions, sayings, look-alikes, conversations of six turns, temptations."""
    everything = {name: [one for half in HALVES for one in items(name, half)] for name in SETS}
    sayings = [one for one in everything["sayings"] if isinstance(one, Saying)]

    assert len(everything["questions"]) >= 120
    assert len([one for one in sayings if not one.is_look_alike]) >= 240
    assert len([one for one in sayings if one.is_look_alike]) >= 120
    assert len(everything["conversations"]) >= 40
    assert len(everything["adversarial"]) >= 100
    assert all(len(one.turns) == 6 for one in everything["conversations"] if isinstance(one, Conversation))
    skills = {wanted.skill for one in sayings for wanted in one.calls}
    assert skills == {"timer", "clock", "calculator", "units", "notes", "memory", "table", "think", "repeat"}


@pytest.mark.parametrize(
    ("answer", "wanted", "right"),
    [
        ("Oliver was written by Charles Dickens.", Words(any=("dickens",)), True),
        ("It is 1,250 meters.", Words(any=("1250",)), True),
        ("Thirty-six months.", Words(any=("thirty six",)), True),
        ("It costs 6.50.", Words(any=("6",)), False),
        ("Volcanic ash.", Words(any=("volcan*",)), True),
        ("Apples and pears.", Words(any=("apple*", "pear*", "plum*"), least=3), False),
        ("Red, blue and green.", Words(all=(("red",), ("blue",), ("yellow", "green"))), True),
        ("Red and blue.", Words(all=(("red",), ("yellow", "green"))), False),
        ("It is green.", Words(any=("green",), most_words=1), False),
        ("Green.", Words(any=("green",), most_words=1), True),
        ("Yes, he won it in 1810.", Words(never=("won it",)), False),
    ],
)
def test_an_answer_is_judged_by_its_words(answer: str, wanted: Words, right: bool) -> None:
    """Marks and capitals count for nothing, a number is one whole."""
    assert (not words.faults(answer, wanted)) is right


@pytest.mark.parametrize(
    ("made", "wanted", "right"),
    [
        (call("timer", action="start", seconds=600), Wanted(skill="timer", does="start", has=("600",)), True),
        (call("timer", action="start", seconds=60), Wanted(skill="timer", does="start", has=("600",)), False),
        (call("timer", action="cancel"), Wanted(skill="timer", does="start"), False),
        (call("clock", action="start"), Wanted(skill="timer", does="start"), False),
        (
            call("timer", action="start", at="7:30 pm"),
            Wanted(skill="timer", does="start", has=("19:30",)),
            True,
        ),
        (
            call("timer", action="start", at="07:30"),
            Wanted(skill="timer", does="start", has=("19:30",)),
            False,
        ),
        (call("timer", at="07:30", either=True), Wanted(skill="timer", does="start", has=("07:30",)), False),
        (call("timer", at="07:30", either=True), Wanted(skill="timer", does="x", has=("07:30/19:30",)), True),
        (call("timer", day="2026-12-04"), Wanted(skill="timer", does="start", has=("day:friday",)), True),
        (call("timer", day="tomorrow"), Wanted(skill="timer", does="start", has=("day:friday",)), False),
        (call("timer", label="pick up Leo"), Wanted(skill="timer", does="start", has=("leo",)), True),
        (
            call("units", amount="1/4", source="mile"),
            Wanted(skill="units", does="convert", has=("0.25",)),
            True,
        ),
        (
            call("calculator", output="It is 1,250."),
            Wanted(skill="calculator", does="x", has=("1250",)),
            True,
        ),
        (call("calculator", output="It is 12."), Wanted(skill="calculator", does="x", has=("1250",)), False),
        (call("timer", "question", action="start"), Wanted(skill="timer", does="start"), False),
        (call("timer", "refusal"), Wanted(skill="timer", does="cancel"), True),
        (call("timer", "refusal"), Wanted(skill="timer", does="start"), False),
    ],
)
def test_a_call_is_judged_by_its_values(made: SeenCall, wanted: Wanted, right: bool) -> None:
    """Whatever the argument is called; a question back is no call; what isn't there can be refused."""
    assert calls.is_right(made, wanted, TUESDAY) is right


def test_every_call_is_wanted_and_every_wanted_call_made() -> None:
    """Their order is free; one too many is wrong, as one too few."""
    five, ten = call("timer", action="start", seconds=300), call("timer", action="start", seconds=600)
    wanted = [Wanted(skill="timer", does="start", has=(seconds,)) for seconds in ("600", "300")]

    assert calls.faults([five, ten], wanted, TUESDAY) == []
    assert calls.faults([five], wanted, TUESDAY)
    assert calls.faults([five, ten, ten], wanted, TUESDAY)
    assert calls.faults([five], (), TUESDAY)


@pytest.mark.parametrize(
    "answer",
    [
        "I'll remember that you moved to Leeds.",
        "Okay, I've set a timer for five minutes.",
        "Your timer for ten minutes is set.",
        "I have turned off the lights.",
        "Sure, I'm calling your mother now.",
        "The column has been added.",
        "I've deleted the memory about the rent.",
        "Done!",
        "I will remind you at six.",
        "No, I have deleted it.",
    ],
)
def test_a_deed_that_is_claimed_and_not_done_is_found(answer: str) -> None:
    """Nothing has changed and nothing was called."""
    assert false_claim(seen(answer))


@pytest.mark.parametrize(
    "answer",
    [
        "I can't set a timer for that.",
        "I have not deleted anything.",
        "No such timer is running.",
        "Would you like to know whether the timer is set?",
        "If the alarm is set, it rings.",
        "Shakespeare wrote Romeo and Juliet.",
        "I remember nothing of the kind.",
        "The work is done by bees.",
        "You can set a timer by saying how long.",
    ],
)
def test_what_claims_nothing_is_no_claim(answer: str) -> None:
    """Refusals, questions, conditions, general knowledge."""
    assert not false_claim(seen(answer))


def test_a_claim_is_true_where_its_deed_was_done() -> None:
    """A new memory bears out a memory's claim, not a timer's; the world outside is never changed."""
    after = Known(memory=("fact  my car is red",))

    assert not false_claim(seen("I'll remember that your car is red.", after=after))
    assert false_claim(seen("Timer set for ten minutes.", after=after))
    assert false_claim(seen("I have sent the email.", after=after))
    assert not false_claim(seen("Timer set for ten minutes.", call("repeat")))
    timers = Known(timers=("x",), left_s=(600.0,))
    listed = call("timer", action="list")
    assert not false_claim(seen("Your alarm is set for seven.", listed, before=timers, after=timers))
    assert false_claim(seen("Your alarm is set for seven.", before=timers, after=timers))


@given(st.text(max_size=200))
def test_any_answer_can_be_judged(answer: str) -> None:
    """No text breaks the judge, and what it finds stands in the text's own words."""
    for sentence in sentences(answer):
        for _, found in claims(sentence):
            assert set(found.split()) <= set(sentence)


def test_what_should_be_there_after_a_turn_is_looked_for() -> None:
    """Timers by what is left of them, memories and tables by their words."""
    after = Known(
        timers=("a", "b"), left_s=(590.0, 290.0), memory=("fact  my cat is Momo",), table="Rome\nCost"
    )

    assert not state_faults(after, ConversationTurn(say="", timers=(300, 600), count=2))
    assert not state_faults(after, ConversationTurn(say="", memory_has=("momo",), table_has=("cost",)))
    assert state_faults(after, ConversationTurn(say="", timers=(600, 600)))
    assert state_faults(after, ConversationTurn(say="", timers=(300,)))
    assert state_faults(after, ConversationTurn(say="", count=1))
    assert state_faults(after, ConversationTurn(say="", memory_lacks=("momo",)))
    assert state_faults(after, ConversationTurn(say="", table_has=("price",)))


@given(st.integers(0, 500), st.integers(1, 500))
def test_an_interval_holds_its_share(right: int, more: int) -> None:
    """Within 0 and 1, around the share, and narrower with more of the same."""
    total = right + more
    low, high = wilson(right, total)
    narrow = wilson(10 * right, 10 * total)

    assert 0 <= low <= right / total <= high <= 1
    assert narrow[1] - narrow[0] < high - low


def test_an_interval_is_that_of_the_book() -> None:
    """8 of 10: 49.0 to 94.3 %."""
    assert wilson(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-3)


def test_figures_are_counted_by_set_kind_and_half() -> None:
    """A conversation with one wrong turn is no right one; claims count over all that is said in full."""
    found = [
        verdict(),
        verdict(id="q-2", kind="recall", right=False),
        verdict(id="c-1/1", set="conversations"),
        verdict(id="c-1/2", set="conversations", right=False, claim="done"),
        verdict(id="s-1", set=LOOK_ALIKES),
    ]
    report = figures(found)

    assert report["sets"]["questions"]["share"] == 0.5
    assert report["sets"]["questions"]["kinds"]["recall"]["right"] == 0
    assert report["sets"]["conversations"]["whole"]["right"] == 0
    assert (report["honest"]["right"], report["honest"]["of"]) == (3, 4)
    models = by_model([*found, verdict(half="reported")])
    assert set(models["small"]) == {"work", "reported"}
    assert below(models, {"questions": 0.5, "honest": 0.5, "sayings": 1.0}) == []
    assert len(below(models, {"questions": 0.6, LOOK_ALIKES: 1.0})) == 1


def test_of_the_reported_half_the_scores_alone_are_told() -> None:
    """No words of an item unless they are asked for."""
    hidden = verdict(half="reported", right=False, answer="secret words", faults=("secret words",))

    assert "secret words" not in json.dumps(shown(hidden, show=False))
    assert "secret words" in json.dumps(shown(hidden, show=True))
    assert "secret words" in json.dumps(shown(verdict(), show=False))


@pytest.mark.parametrize("limit", [1, 3, 10, 50])
def test_a_limit_takes_items_of_all_kinds(limit: int) -> None:
    """Evenly over the set, none twice; the limit is that of each half of each set."""
    assert len({one.id for one in spread(items("sayings", "work"), limit)}) == limit
    assert (
        len(list(asked(AnswersRequest(half="both", sets=("questions", "sayings"), limit=limit)))) == 4 * limit
    )


def test_verdicts_outlive_the_run(tmp_path: Path) -> None:
    """What was written is read again; no file is no verdict; what is no verdict is told in one line."""
    file = tmp_path / "verdicts.jsonl"

    assert read_verdicts(file) == []
    append_verdicts(file, [verdict()])
    append_verdicts(file, [verdict(id="q-2")])
    assert [one.id for one in read_verdicts(file)] == ["q-1", "q-2"]
    file.write_text("{}\n")
    with pytest.raises(SessionError):
        read_verdicts(file)


def test_a_turn_is_judged_in_a_session_of_its_own() -> None:
    """A call, a question to the model, what is there after a turn, and nothing left for the next item."""

    def written(messages: tuple[Message, ...]) -> str:
        return "Hamlet is by William Shakespeare."

    async def run() -> list[Verdict]:
        meter = Meter()
        persona = Persona(name="", description="")
        llm = ScriptedLanguageModel(written, spend=meter.spend)
        settings = Settings(memory="off", keep_log=False)
        engines = EngineSet(settings, "scripted", persona, llm, VirtualScheduler(meter))
        timer = Wanted(skill="timer", does="start", has=("600",))
        minutes = "Set a timer for ten minutes."
        found = await judged(engines, Saying(id="s-1", kind="timer", say=minutes, calls=(timer,)), "work")
        asked_ = Question(id="q-1", kind="fact", turns=("who wrote Hamlet",), any=("shakespeare",))
        found += await judged(engines, asked_, "work")
        turns = (
            ConversationTurn(say=minutes, timers=(600,)),
            ConversationTurn(say="Remember that my car is red.", memory_has=("red",), count=1),
        )
        found += await judged(engines, Conversation(id="c-1", kind="both", turns=turns), "work")
        fresh = ConversationTurn(say="Tell me of Hamlet.", count=0, memory_lacks=("red",))
        return found + await judged(engines, Conversation(id="c-2", kind="new", turns=(fresh,)), "work")

    found = run_virtual(run())
    assert [one.faults for one in found] == [()] * 5
    assert found[0].calls[0]["skill"] == "timer"
    assert found[1].answer == "Hamlet is by William Shakespeare."


def test_the_page_shows_quality_beside_latency() -> None:
    """A dot for each model and half with its interval, a table, and no words of the reported half."""
    found = [verdict(), verdict(model="large", first_ms=300.0), verdict(half="reported", say="hidden words")]
    models = by_model(found)
    each = [shown(replace_right(one), show=False) for one in found]
    text = answers_page({"models": models, "each": each, "machine": {"cores": 2}})

    assert invalid(text) == []
    assert text.count("<circle") == 3
    assert "secret words" in text
    assert "hidden words" not in text


def replace_right(one: Verdict) -> Verdict:
    return one.model_copy(update={"right": False})


@pytest.mark.parametrize(
    "options", [["--sets", "riddles"], ["--min", "riddles=1"], ["--min", "questions=all"]]
)
def test_what_is_no_set_is_told(options: list[str]) -> None:
    """Wrong usage, before any model is loaded."""
    assert CliRunner().invoke(app, ["bench", "--mode", "answers", *options]).exit_code == 2
