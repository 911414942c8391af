"""No claim without a deed: what a language model may pretend, and what it may say."""

from __future__ import annotations

import asyncio
import itertools
import random
import re
import zlib
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.types import Text
from tests.voice_app.scripted_session import ScriptedSession
from voice_app.core import events
from voice_app.core.history import SkillCall
from voice_app.core.session import Session
from voice_app.core.turn import Reply, text_delta
from voice_app.skills.claims import Watch, guarded, known_claims

STARTS = (
    "",
    "Okay, ",
    "Sure! ",
    "Of course. ",
    "Got it, ",
    "Alright then, ",
    "Yes, ",
    "Paris is lovely. ",
    "Well, ",
)
FIRST = (
    "I've {}",
    "I have {}",
    "I have just {}",
    "I've already {}",
    "I've gone ahead and {}",
    "I have successfully {}",
)
DONE = (
    "set a timer for five minutes", "started the egg timer", "cancelled the alarm", "paused your timer",
    "added five minutes to the timer", "deleted both alarms", "created a reminder for six pm", "stopped it",
    "saved that", "noted that your sister is Anna", "deleted the memory about the rent", "remembered that",
    "updated your name", "added it to your notes", "stored your birthday", "forgotten everything about it",
    "added a column with the costs", "renamed the column", "removed the second row", "sorted the table by day",
    "changed the table", "turned on the lights", "sent the email to Anna", "booked the table for two",
    "added milk to your list", "cancelled it for you", "converted five miles to eight kilometers",
)  # fmt: skip
WILL = (
    "I'll set a timer for five minutes", "I will remind you in ten minutes", "I'll wake you at seven",
    "I'll remember that your dog is Rex", "I will keep that in mind", "I won't forget that",
    "I'll make a note of it", "I'm setting an alarm for six", "Setting a timer for ten minutes",
    "Turning off the lights", "I'll add a column for the price", "I'll let you know when it's over",
    "Let me set that timer for you", "I'll call you Sam from now on", "I'll delete that",
)  # fmt: skip
STATE = (
    "Your timer is set for five minutes", "The egg timer has been cancelled", "Timer set for ten minutes",
    "The alarm for seven is now on", "Your reminder is set", "It's done", "Done", "All set", "Noted", "Saved",
    "The column Cost has been added", "Your name has been saved", "It has been deleted", "Consider it done",
    "The timer will go off in five minutes", "Your alarm will ring at seven", "The lights are on",
    "Your changes have been saved", "You will be reminded at noon", "Here is the updated table",
)  # fmt: skip
AFTER = (".", "!", ", as you asked.", ". It will be ready soon.", ". Anything else?")
CLAIMED = [first.format(done) for first in FIRST for done in DONE] + [*WILL, *STATE]
CLAIMS = [
    f"{start}{claim}{after}"
    for claim, (start, after) in zip(
        CLAIMED * 3, itertools.cycle(itertools.product(STARTS, AFTER)), strict=False
    )
]
ORDINARY = (
    "The capital of France is Paris.",
    "Edison remembered the words of his mother.",
    "The alarm was set by the thief at midnight.",
    "I will remember you in the poem.",
    "Would you like me to set a timer for five minutes?",
    "I can't set a timer for that.",
    "I haven't saved anything.",
    "If you want, I'll set a timer for five minutes.",
    "A timer is a device that counts down.",
    "I'm happy to help. What would you like to know?",
    "He said that the table was made of oak.",
    "To convert miles to kilometers, multiply by one point six.",
    "The meeting was cancelled in 1945 because of the war.",
    "Set the oven to 180 degrees, add the eggs, and stir.",
    "Adding salt to the water raises its boiling point.",
    'She whispered: "I\'ll remember that."',
    "Remember to add the butter.",
    "I am a language model, and I was created by a team of engineers.",
    "The order of the planets is fixed.",
    "Let me know if you need anything else.",
    "It is done by adding the numbers.",
    "You have five senses.",
    "There are four columns in front of the temple.",
    "The song was played by the Beatles.",
    "I think the answer is four, and I would double check that.",
    "Notes are written on five lines.",
)


async def tokens(text: str, size: int = 4) -> AsyncGenerator[Text, None]:
    for at in range(0, len(text), size):
        yield Text(text[at : at + size], 7)


def passed(text: str, reply: Reply | None = None, size: int = 4) -> str:
    """Return what of a model's reply is said."""

    async def said() -> str:
        return "".join([token.text async for token in guarded(tokens(text, size), reply or Reply())])

    return asyncio.run(said())


def claims_of(text: str) -> list[str]:
    """Return the clauses of a text that claim a deed."""
    return [clause for clause in re.split(r"(?<=[.!?,;])\s", text) if known_claims().of(clause)]


def test_no_claim_of_a_model_is_said() -> None:
    """Three hundred and more: deeds, ways to claim them, what stands before and after; each gives way to the truth."""
    assert len(CLAIMS) >= 300
    said = {text: passed(text) for text in CLAIMS}

    assert [text for text, heard in said.items() if claims_of(heard)] == []
    assert [
        text for text, heard in said.items() if not any(d in heard for d in known_claims().denials.values())
    ] == []


def test_sentences_that_no_rule_was_made_for_are_told_apart() -> None:
    """In the half that rules are mended by, all; in the other one nearly all."""
    path = Path(__file__).with_name("said_by_models.tsv")
    lines = [line.split("\t") for line in path.read_text().splitlines() if not line.startswith("#")]
    said = [(zlib.crc32(text.encode()) % 2, kind, text, passed(text) == text) for kind, text in lines]
    wrong = [(half, kind, text) for half, kind, text, stands in said if stands == (kind == "claim")]

    assert [text for half, _, text in wrong if half == 0] == []
    assert sum(kind == "claim" for _, kind, _ in wrong) <= 4
    assert sum(kind == "true" for _, kind, _ in wrong) <= 4


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_sentences_are_said_as_they_are(text: str) -> None:
    """Narration, questions, offers, negations, quotations."""
    assert passed(text) == text


def test_what_stands_before_a_claim_is_said() -> None:
    """The reply ends with the honest sentence."""
    assert passed("Paris is in France. I've set a timer. It rings soon.") == (
        f"Paris is in France. {known_claims().denials['timer']}"
    )


@given(st.lists(st.sampled_from([*ORDINARY, "Okay. ", "I ", "timer ", "'"]), max_size=6), st.integers(1, 9))
def test_how_the_reply_is_cut_into_tokens_makes_no_difference(parts: list[str], size: int) -> None:
    """The same is said, whatever a token holds."""
    text = " ".join(parts)

    assert passed(text, size=size) == passed(text, size=1)


@given(st.text(max_size=200))
def test_any_text_passes_whole_or_ends_with_the_truth(text: str) -> None:
    """Nothing is lost but what is denied."""
    heard = passed(text)

    assert heard == text or any(heard.endswith(denial) for denial in known_claims().denials.values())


def test_text_that_can_be_no_claim_is_not_held_back() -> None:
    """Its first words may be said at once; those of a claim wait for the clause's end."""
    watch = Watch(known_claims(), frozenset())
    watch.push("The capital of Peru")
    assert watch.said == len("The capital of Peru")
    watch = Watch(known_claims(), frozenset())
    watch.push("Okay, I've set")
    assert watch.said == 0


def test_what_was_done_in_the_turn_may_be_told() -> None:
    """Of that skill alone, and only if something was done."""
    reply = Reply(calls=[SkillCall("memory", "{}", "", "deed")], acts=True)

    assert passed("I'll remember that.", reply) == "I'll remember that."
    assert passed("I've set a timer.", reply) == known_claims().denials["timer"]
    assert passed("I'll remember that.", Reply(calls=reply.calls)) == known_claims().denials["memory"]


def test_the_words_of_the_program_stand() -> None:
    """A skill knows what it has done."""

    async def both() -> str:
        async def answer() -> AsyncGenerator[Text, None]:
            yield text_delta("The timer is set. ")
            async for token in tokens("I've set another timer."):
                yield token

        return "".join([token.text async for token in guarded(answer(), Reply())])

    assert asyncio.run(both()) == f"The timer is set. {known_claims().denials['timer']}"


@pytest.mark.parametrize("seed", range(3))
def test_a_session_speaks_and_remembers_the_corrected_reply(seed: int) -> None:
    """The voice and the history have the honest sentence, and the language model sees that one later."""
    claim = random.Random(seed).choice(CLAIMED)

    def guard(session: Session) -> None:
        session.assistant.guard = guarded

    stage = ScriptedSession(replies=(f"Well, {claim}.",), during=guard).run()
    (done,) = stage.of(events.TextDone)

    assert claims_of(done.text) == []
    assert done.text.endswith(tuple(known_claims().denials.values()))
    assert stage.history.messages("next")[2].content == done.text
