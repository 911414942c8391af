"""A responder, such as a skill, answers a turn: who takes it, when effects happen, when words are heard."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

import pytest

from inference.types import Text
from tests.voice_app.scripted_session import ScriptedSession, pause
from voice_app.core import events
from voice_app.core.errors import VoiceAppError
from voice_app.core.session import Session
from voice_app.core.turn import Answer, TurnContext, text_delta
from voice_app.io.recordings import RecordedTurn


@dataclass
class Rememberer:
    """Takes turns that say "remember"; what it remembers is an effect."""

    fails: bool = False
    kept: list[str] = field(default_factory=list)

    def __call__(self, asked: TurnContext) -> Answer | None:
        return self._answer(asked) if "remember" in asked.text else None

    async def _answer(self, asked: TurnContext) -> AsyncGenerator[Text, None]:
        asked.reply.when_released(lambda: self._keep(asked.text))
        yield text_delta("I will remember that.")

    def _keep(self, text: str) -> None:
        if self.fails:
            raise VoiceAppError("the memory can't be written")
        self.kept.append(text)

    def join(self, conversation: Session) -> None:
        conversation.assistant.skills = (self,)


def test_a_skill_takes_the_turns_that_are_its_own() -> None:
    """The language model is not asked for those, and answers all others."""
    skill = Rememberer()
    stage = ScriptedSession(
        heard=("remember the milk", "hello"), turns=(RecordedTurn(pause(1.0)),) * 2, during=skill.join
    ).run()
    texts = [event.text for event in stage.of(events.TextDone)]

    assert texts == ["I will remember that.", "One two. Three four five."]
    assert [event.tokens for event in stage.of(events.TextDone)][0] == 0
    assert skill.kept == ["remember the milk"]
    assert stage.history.messages("next")[2].content == "I will remember that."


def test_a_draft_that_is_dropped_leaves_no_trace() -> None:
    """The user goes on after the pause: only what the whole turn says is remembered, once."""
    skill = Rememberer()
    stage = ScriptedSession(
        heard=("remember the", "remember the milk"),
        turns=(RecordedTurn(pause(1.0, 0.2, 1.0)),),
        during=skill.join,
    ).run()

    assert len(stage.of(events.DraftDiscarded)) == 1
    assert skill.kept == ["remember the milk"]


def test_a_reply_whose_effect_fails_is_not_heard() -> None:
    """The user is told why instead, and the conversation goes on."""
    stage = ScriptedSession(heard=("remember the milk",), during=Rememberer(fails=True).join).run()

    assert [event.message for event in stage.of(events.Noticed)] == ["the memory can't be written"]
    assert [event.status for event in stage.of(events.ResponseDone)] == ["failed"]
    assert stage.of(events.PlaybackStarted) == []


def test_every_word_has_its_end_in_the_sound_of_the_reply() -> None:
    """In order, and the last one at the end of what was played."""
    stage = ScriptedSession().run()
    timed = stage.of(events.WordsTimed)
    ends_s = [end_s for event in timed for _, end_s in event.ends]
    (stopped,) = stage.of(events.PlaybackStopped)

    assert "".join(event.raw for event in timed) == "One two. Three four five."
    assert ends_s == sorted(ends_s)
    assert ends_s[-1] == pytest.approx(stopped.audio_s, abs=0.01)
