"""How many threads an engine gets: the quicker number, soon, and without flapping; what that does to its jobs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.llm.scripted_llm import ScriptedLanguageModel
from inference.stt.scripted_stt import ScriptedSpeechToText
from inference.tts.scripted_tts import ScriptedTextToSpeech
from inference.types import ChatRequest, Delta, Message
from tests.voice_app.scripted_session import LoudnessVad, tone
from voice_app.bench.virtual_time import Meter, VirtualScheduler, run_virtual
from voice_app.core.ports import EngineName, Priority
from voice_app.io.recordings import RecordedTurn, RecordedUser
from voice_app.io.speaker import FileSpeaker
from voice_app.runtime.devices import Devices
from voice_app.runtime.engine_set import EngineSet
from voice_app.runtime.host import hosted
from voice_app.runtime.persona import Persona
from voice_app.runtime.plan import SessionPlan
from voice_app.runtime.settings import Settings
from voice_app.runtime.threads import FEWER, MORE, SLOW, ThreadChoice

EVERY_S = 5.0
"""Time between two comparisons."""
ONE_S = 0.012
"""A token with one thread."""
ASKED = ChatRequest((Message("user", "Hello"),))

gains = st.floats(0.05, 20)
steady = st.lists(st.floats(1, MORE / FEWER * 0.999), min_size=1, max_size=40)


def chosen(found: list[float], choice: ThreadChoice | None = None, start_s: float = 0.0) -> list[int]:
    """Return the choices after comparisons in which two threads were so many times as quick as one."""
    choice, counts = choice or ThreadChoice(2), []
    for number, gain in enumerate(found):
        choice.compared(start_s + number * EVERY_S, {1: ONE_S, 2: ONE_S / gain})
        counts.append(choice.threads)
    return counts


def test_what_is_quicker_is_chosen_and_nothing_before_it_was_measured() -> None:
    """At first all threads; then one where two are slower, both where they are quicker."""
    assert ThreadChoice(2).threads == 2
    assert chosen([1.5] * 5) == [2] * 5
    assert chosen([0.2] * 5) == [1] * 5


def test_an_engine_of_one_thread_keeps_it() -> None:
    """There is nothing to compare, and nothing to decide."""
    choice = ThreadChoice(1)
    choice.compared(0.0, {1: ONE_S})
    choice.worked(1, 10.0)

    assert choice.candidates == (1,)
    assert choice.threads == 1


@given(st.lists(st.floats(1.25, 20), max_size=30), st.floats(0.05, 0.5))
def test_one_thread_is_taken_after_two_comparisons(before: list[float], gain: float) -> None:
    """Where one thread becomes twice as quick, ten seconds later it is in use, whatever was measured before."""
    assert chosen([*before, gain, gain])[-1] == 1


@given(st.lists(gains, max_size=30), st.floats(1.5, 20))
def test_two_threads_are_taken_again_within_half_a_minute(before: list[float], gain: float) -> None:
    """Where two threads become 1.5 times as quick, six comparisons bring them back, whatever was measured before."""
    assert chosen([*before, *[gain] * 6])[-1] == 2


@given(steady, st.floats(0.3, 3))
def test_noise_does_not_make_it_flap(noise: list[float], level: float) -> None:
    """Comparisons that differ by less than what lies between the two limits change the number once at most."""
    counts = [2, *chosen([level * factor for factor in noise])]

    assert sum(one != other for one, other in zip(counts, counts[1:], strict=False)) <= 1


def test_a_moments_disturbance_changes_nothing() -> None:
    """One comparison of a dozen was spoilt, however much: two threads stay."""
    assert chosen([1.5] * 6 + [0.01] + [1.5] * 5) == [2] * 12


def test_what_was_measured_a_minute_ago_is_stale() -> None:
    """After a minute without comparisons a single one decides."""
    choice = ThreadChoice(2)
    chosen([2.0] * 12, choice)

    assert chosen([0.8], choice, start_s=11 * EVERY_S + 60) == [1]


@given(st.floats(0.1, 10))
def test_two_disturbed_steps_settle_it(times: float) -> None:
    """In a reply, two steps of two threads that take far longer than with one thread bring one; slow ones do not.

    Steps of one thread never bring two.
    """
    choice = ThreadChoice(2)
    chosen([1.5] * 4, choice)
    choice.worked(2, times * ONE_S)
    assert choice.threads == 2
    choice.worked(2, times * ONE_S)
    assert choice.threads == (1 if times > SLOW else 2)

    choice.threads = 1
    choice.worked(1, times * ONE_S)
    assert choice.threads == 1


def test_a_comparison_overrules_a_disturbed_step() -> None:
    """One step says less than a comparison, which tries each number several times."""
    choice = ThreadChoice(2)
    chosen([1.5] * 4, choice)
    choice.worked(2, 10 * ONE_S)
    choice.worked(2, 10 * ONE_S)

    assert choice.threads == 1
    assert chosen([1.5], choice, start_s=20.0) == [2]


@dataclass
class Machine(ScriptedLanguageModel):
    """A language model of two threads on two cores, on which others may be busy."""

    meter: Meter = field(default_factory=Meter)
    two: float = 0.6
    """How long a token takes with two threads, in those of one: 8 beside a busy program."""
    at_close: Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        super().__init__(["one two three four five six"], first_token_s=0.0, token_s=ONE_S, spend=self._spend)
        self.capabilities = replace(self.capabilities, threads=2)
        self.scheduler = VirtualScheduler(self.meter, 2, {"stt": 1, "tts": 1, "llm": 2})
        self.threads = 2
        self.used: list[int] = []
        """Threads of every token."""

    def _spend(self, seconds: float) -> None:
        self.used.append(self.threads)
        self.meter.spend(seconds * (1.0 if self.threads == 1 else self.two))

    def use_threads(self, threads: int) -> None:
        self.threads = threads

    def close(self) -> None:
        self.at_close()

    def keep_warm(self) -> None:
        self._spend(self.token_s)

    def engines(self) -> EngineSet:
        """Return a set of engines without sound."""
        persona = Persona(name="scripted", description="", prompt="persona")
        return EngineSet(Settings(memory="off", keep_log=False), "scripted", persona, self, self.scheduler)

    async def reply(self) -> list[Delta]:
        """Return a reply; `used` are the threads of its tokens then."""
        self.used.clear()
        chat = self.chat()
        stream = self.scheduler.session("").stream(lambda: Priority.MORE_TOKENS, chat.stream(ASKED), on="llm")
        async with aclosing(stream) as deltas:
            found = [delta async for delta in deltas]
        chat.close()
        return found

    async def beside(self, on: EngineName) -> float:
        """Return how long a reply takes beside a job of another engine that lasts as long as its tokens would."""
        started_s = asyncio.get_running_loop().time()
        job = self.scheduler.session("").call(Priority.MORE_SOUND, lambda: self.meter.spend(6 * ONE_S), on=on)
        await asyncio.gather(self.reply(), job)
        return asyncio.get_running_loop().time() - started_s


def test_a_reply_has_as_many_threads_as_are_quicker() -> None:
    """Two on a quiet machine; one from the second comparison on beside a busy program; two again after it."""
    machine = Machine()
    engines = machine.engines()
    seen: list[set[int]] = []

    async def live() -> None:
        await engines.adapt()
        for two, comparisons in ((0.6, 1), (8.0, 2), (0.6, 6)):
            machine.two = two
            for _ in range(comparisons):
                await asyncio.sleep(EVERY_S)
                await engines.keep_warm()
            await machine.reply()
            seen.append(set(machine.used))

    run_virtual(live())

    assert seen == [{2}, {1}, {2}]


def test_a_reply_that_is_disturbed_goes_on_with_one_thread() -> None:
    """A program becomes busy between two comparisons: three tokens are slow, the first of which tells nothing."""
    machine = Machine()

    async def live() -> None:
        await machine.engines().adapt()
        machine.two = 8.0
        await machine.reply()

    run_virtual(live())

    assert machine.used == [2, 2, 2, 1, 1, 1]


@pytest.mark.parametrize(
    ("two", "together_s"),
    [(0.95, 6 * ONE_S), (0.6, 6 * ONE_S + 5 * 0.6 * ONE_S), (8.0, 6 * ONE_S + 5 * ONE_S)],
    ids=["no gain", "two threads", "beside a busy program"],
)
def test_the_voice_works_beside_the_tokens_where_a_core_is_free(two: float, together_s: float) -> None:
    """That is, where one thread is as quick as two; not where two work, nor where another program has the core."""
    machine = Machine(two=two)

    async def live() -> float:
        await machine.engines().adapt()
        return await machine.beside("tts")

    assert run_virtual(live()) == pytest.approx(together_s, abs=ONE_S)


def test_a_comparison_has_all_cores_to_itself() -> None:
    """It waits for a job on the other core, which would make two threads look slow."""
    machine = Machine(two=8.0)

    async def live() -> float:
        await machine.engines().adapt()
        started_s = asyncio.get_running_loop().time()
        speech = machine.scheduler.session("").call(
            Priority.FINAL_TRANSCRIPT, lambda: machine.meter.spend(1.0), on="stt"
        )
        machine.used.clear()
        await asyncio.gather(speech, machine.scheduler.compare("llm"))
        return asyncio.get_running_loop().time() - started_s

    assert run_virtual(live()) == pytest.approx(1.0 + ONE_S * 18)
    assert machine.used == [1, 2] * 2, "a comparison beside a busy program ends after two rounds"


def test_a_model_that_takes_anothers_place_is_adapted_before_that_one_is_closed() -> None:
    """So no job asks a closed model for threads, which would be the end of the process."""
    old = Machine()
    new = Machine(old.meter, two=8.0)
    used_before: list[int] = []
    old.at_close = lambda: used_before.extend(new.used)
    engines = old.engines()
    plan = SessionPlan(engines.settings, skills=False)
    devices = Devices(RecordedUser([RecordedTurn(tone(0.1))]), FileSpeaker(None), vad=LoudnessVad())
    hearing = replace(
        engines, stt=ScriptedSpeechToText(["hello"]), tts=ScriptedTextToSpeech(spend=old.meter.spend)
    )

    async def live() -> None:
        with hosted(plan, hearing, lambda *_: devices) as host:
            await asyncio.gather(host.run(), host.adopt(replace(hearing, llm=new)))

    run_virtual(live())

    assert used_before == [1, 2] * 2, "a comparison"
    assert new.threads == 1


def test_a_model_with_a_fixed_number_of_threads_is_only_kept_warm() -> None:
    """Nothing is compared, and it has the cores that the settings say."""
    machine = Machine()
    machine.capabilities = replace(machine.capabilities, threads=0)

    async def live() -> None:
        engines = machine.engines()
        await engines.adapt()
        assert machine.used == []
        await engines.keep_warm()
        assert not await machine.scheduler.compare("llm")

    run_virtual(live())

    assert machine.used == [2]
