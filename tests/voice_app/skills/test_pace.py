"""How fast the voice speaks: sayings, the limits, and that a persona's change keeps it."""

from __future__ import annotations

from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.types import Voice
from voice_app.core.errors import ToolError
from voice_app.core.history import History
from voice_app.core.turn import Assistant, Engines, ReplyStyle
from voice_app.skills.speech.pace import FASTEST, SLOWEST, Pace, Speaking, paced, speech_skill
from voice_app.skills.utterance import Utterance

SKILL = speech_skill(Pace())


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("Could you speak a little slower?", "slower"),
        ("Please talk more slowly from now on.", "slower"),
        ("You're talking too fast for me.", "slower"),
        ("Slow down a bit.", "slower"),
        ("Speak faster.", "faster"),
        ("That's too slow.", "faster"),
        ("Can you speed up your voice?", "faster"),
        ("Speak at your normal speed again.", "normal"),
        ("Talk normally, please.", "normal"),
        ("Speak up.", "volume"),
        ("A little louder, please.", "volume"),
        ("How can I speak English faster?", None),
        ("Why do old people talk slowly?", None),
        ("My car is too slow.", None),
        ("Which is faster, a horse or a dog?", None),
        ("Say that again slower.", None),
        ("How do I slow down aging?", None),
    ],
)
def test_who_wants_it_slower_is_told_from_who_talks_of_speed(text: str, action: str | None) -> None:
    """ "Say that again slower" is for the last answer."""
    found = next(SKILL.phrases.match(Utterance.of(text)), None)
    assert (found["action"] if found else None) == action


@given(st.lists(st.sampled_from(["slower", "faster", "normal"]), max_size=30))
def test_the_pace_stays_within_what_a_voice_can_take(actions: list[str]) -> None:
    """However often it is asked for more; "normal" is normal."""
    factor = 1.0
    for action in actions:
        factor = paced(factor, action)
        assert SLOWEST <= factor <= FASTEST
        assert action != "normal" or factor == 1


def test_a_call_changes_nothing_before_the_turn_is_over() -> None:
    """The effect does, and tells the voice; at the limit there is none, and it says so."""
    told = list[float]()
    pace = Pace(told.append)
    run = speech_skill(pace).run
    assert run is not None
    outcome = run(Speaking(action="slower"))
    assert told == []
    assert outcome.effect is not None
    outcome.effect()
    assert told == [pytest.approx(1 / 1.2)]
    pace.factor = SLOWEST
    with pytest.raises(ToolError, match="any slower"):
        run(Speaking(action="slower"))
    with pytest.raises(ToolError, match="volume"):
        run(Speaking(action="volume"))


def test_the_pace_stays_when_the_persona_changes() -> None:
    """It is a multiple of each persona's own speed."""
    one, other = (
        Assistant(cast(Engines, None), History(()), ReplyStyle(voice=Voice(speed))) for speed in (1.0, 1.5)
    )
    one.speak_at(0.8)
    one.speak_at(0.5)
    assert one.style.voice.speed == pytest.approx(0.5)
    one.adopt(other)
    assert one.style.voice.speed == pytest.approx(0.75)
