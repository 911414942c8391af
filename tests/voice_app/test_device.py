"""The sound card: choosing devices, speaking and listening through a private PulseAudio, losing it."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from tests.pulse import CARD_RATE_HZ, PulseServer
from voice_app.core import clock
from voice_app.core.errors import AudioDeviceError
from voice_app.core.ports import FRAME_RATE_HZ, FRAME_S, FRAME_SAMPLES, AudioFrame
from voice_app.io import portaudio, recovery
from voice_app.io.device import DeviceSpeaker, Microphone
from voice_app.io.portaudio import CALLER, DeviceInfo, choose_device, list_devices


def info(index: int, name: str, inputs: int = 2, outputs: int = 2, default: bool = False) -> DeviceInfo:
    """Return a made-up device."""
    return DeviceInfo(
        index, name, inputs, outputs, 48_000.0, "ALSA", default and inputs > 0, default and outputs > 0
    )


CARDS = [
    info(0, "HDMI", inputs=0),
    info(1, "USB Headset"),
    info(2, "USB Camera", outputs=0),
    info(3, "Laptop", default=True),
]


@pytest.mark.parametrize(
    ("wanted", "kind", "index"),
    [(None, "input", 3), (1, "input", 1), ("1", "output", 1), ("headset", "output", 1), ("usb", "output", 1)],
)
def test_a_device_is_found_by_index_name_part_or_default(
    wanted: str | int | None, kind: str, index: int
) -> None:
    """Only devices that can do what is wanted compete, so "usb" is one loudspeaker though two cards have it."""
    assert choose_device(CARDS, wanted, kind).index == index  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ("usb", "fits several microphones"),
        ("Laptap", "did you mean 'Laptop'"),
        ("0", "choose from: 1 'USB Headset'"),
    ],
)
def test_an_unusable_choice_names_the_choices(wanted: str, says: str) -> None:
    """Ambiguous, misspelt and unfit devices are refused in one line that helps."""
    with pytest.raises(AudioDeviceError, match=says) as caught:
        choose_device(CARDS, wanted, "input")
    assert "\n" not in str(caught.value)


def test_without_a_microphone_the_error_offers_files_and_text() -> None:
    """A machine that can only play is told how to talk all the same."""
    with pytest.raises(AudioDeviceError, match="talk --in FILE"):
        choose_device([info(0, "HDMI", inputs=0)], None, "input")


@given(st.text(max_size=20), st.sampled_from(["input", "output"]))
def test_any_wish_gives_a_usable_device_or_the_documented_error(wanted: str, kind: str) -> None:
    """No name crashes the choice or selects a device that can't do it."""
    try:
        found = choose_device(CARDS, wanted, kind)  # type: ignore[arg-type]
    except AudioDeviceError:
        return
    assert found.inputs if kind == "input" else found.outputs


def test_importing_the_module_does_not_load_portaudio() -> None:
    """Programs without sound neither need PortAudio nor wait for it."""
    code = "import sys, voice_app.io.device; sys.exit('sounddevice' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], timeout=60).returncode
        == 0
    )


def test_a_missing_portaudio_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The import error of the library becomes one line with the package's name."""

    class Missing:
        def find_spec(self, name: str, path: object = None, target: object = None) -> None:
            if name == "sounddevice":
                raise OSError("PortAudio library not found")

    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Missing(), *sys.meta_path])
    with pytest.raises(AudioDeviceError, match="apt-get install libportaudio2"):
        list_devices()


async def until(fact: Callable[[], bool], limit_s: float = 20.0) -> None:
    """Wait until `fact` is true."""
    end_s = clock.now() + limit_s
    while not fact():
        assert clock.now() < end_s, "did not happen"
        await asyncio.sleep(0.01)


@pytest.fixture
def pulse(monkeypatch: pytest.MonkeyPatch) -> Iterator[PulseServer]:
    """A private PulseAudio that PortAudio of this process uses."""
    with PulseServer() as server:
        for name, value in server.settings.items():
            monkeypatch.setenv(name, value)
        try:
            CALLER.call_blocking(portaudio.reinitialise, 20, "starting the sound library")
        except AudioDeviceError as error:
            (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(str(error))
        yield server


def chirp(seconds: float, rate_hz: int) -> np.ndarray:
    """Return a sweep from 300 to 2000 Hz, peak 0.5."""
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    phase = 2 * np.pi * (300 * t + 1700 / (2 * seconds) * t**2)
    return (0.5 * np.sin(phase)).astype(np.float32)


def loud_s(samples: np.ndarray, rate_hz: int) -> float:
    """Return how many seconds of `samples` are sound, in steps of 10 ms."""
    size = rate_hz // 100
    return (
        float(np.sum(np.abs(samples[: len(samples) // size * size].reshape(-1, size)).max(axis=1) > 0.05))
        / 100
    )


@pytest.mark.card
def test_the_private_card_is_listed_as_default(pulse: PulseServer) -> None:
    """PortAudio sees PulseAudio as the device for both directions."""
    devices = list_devices()
    assert any(found.default_in and found.inputs for found in devices)
    assert any(found.default_out and found.outputs for found in devices)


@pytest.mark.card
def test_a_reply_is_heard_on_the_card(pulse: PulseServer) -> None:
    """What is written at 22 050 Hz leaves the loudspeaker at the card's rate, and only there."""
    reported: list[str] = []

    async def session() -> tuple[float, bool, float | None]:
        speaker = DeviceSpeaker()
        speaker.on_started, speaker.on_stopped = (
            lambda: reported.append("started"),
            lambda: reported.append("stopped"),
        )
        await speaker.start()
        speaker.begin()
        await speaker.write(chirp(2.0, 22_050), 22_050)
        played, first_s = await speaker.finish(), speaker.first_sound_s
        await asyncio.sleep(0.2)
        await speaker.close()
        return played.seconds, played.complete, first_s

    with pulse.record() as recording:
        seconds, complete, first_s = asyncio.run(session())
        samples = recording.samples()
    assert (round(seconds, 2), complete, reported) == (2.0, True, ["started", "stopped"])
    assert first_s is not None
    assert 1.0 < loud_s(samples[:, 1], CARD_RATE_HZ) < 2.1
    assert loud_s(samples[:, 0], CARD_RATE_HZ) == 0


@pytest.mark.card
def test_a_cut_reply_stops_where_it_says(pulse: PulseServer) -> None:
    """After `cut` no more is heard than was reported played, but for the fade and the recorder's steps."""

    async def session() -> float:
        speaker = DeviceSpeaker()
        await speaker.start()
        speaker.begin()
        await speaker.write(chirp(20.0, 22_050), 22_050)
        await until(lambda: speaker.played_s > 0.5)
        played = speaker.cut()
        assert not played.complete
        await asyncio.sleep(0.5)
        await speaker.close()
        return played.seconds

    with pulse.record() as recording:
        seconds = asyncio.run(session())
        heard_s = loud_s(recording.samples()[:, 1], CARD_RATE_HZ)
    assert 0.3 < heard_s < seconds + 0.05


@pytest.mark.card
def test_the_microphone_hears_a_recording(pulse: PulseServer, tmp_path: Path) -> None:
    """Frames of 512 samples at 16 kHz carry what is played into the microphone's side."""
    path = tmp_path / "user.wav"
    soundfile.write(path, chirp(1.5, 16_000), 16_000)

    async def session() -> list[AudioFrame]:
        microphone, frames = Microphone(), []
        async for frame in microphone.frames():
            if not frames:
                player = pulse.play(path)
            frames.append(frame)
            sound = np.concatenate([part.samples for part in frames])
            if loud_s(sound, FRAME_RATE_HZ) > 1.3 or len(frames) > 600:
                await microphone.close()
        player.wait(10)
        return frames

    frames = asyncio.run(session())
    assert loud_s(np.concatenate([frame.samples for frame in frames]), FRAME_RATE_HZ) > 1.3
    assert {frame.samples.shape for frame in frames} == {(FRAME_SAMPLES,)}
    ends_s = [frame.end_s for frame in frames]
    assert all(later > earlier for earlier, later in zip(ends_s, ends_s[1:], strict=False))
    assert np.median(np.diff(ends_s)) == pytest.approx(FRAME_S, abs=1e-3)


@pytest.mark.card
def test_loudspeaker_and_microphone_agree_when_a_sound_was_audible(
    pulse: PulseServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A microphone that hears the loudspeaker dates the first sound as the loudspeaker does, within buffers."""
    monkeypatch.setenv("PULSE_SOURCE", "echo")

    async def session() -> float:
        microphone, speaker = Microphone(), DeviceSpeaker()
        await microphone.start()
        await speaker.start()
        onset_s = None
        spoken = False
        async for frame in microphone.frames():
            if not spoken:
                spoken = True
                await asyncio.sleep(0.5)
                speaker.begin()
                await speaker.write(np.full(22_050, 0.5, np.float32), 22_050)
            loud = np.flatnonzero(np.abs(frame.samples) > 0.25)
            if len(loud):
                onset_s = frame.end_s - (FRAME_SAMPLES - loud[0]) / FRAME_RATE_HZ
                break
        first_s = speaker.first_sound_s
        await speaker.close()
        await microphone.close()
        assert onset_s is not None
        assert first_s is not None
        return onset_s - first_s

    assert abs(asyncio.run(session())) < 0.15


@pytest.mark.card
def test_a_card_that_vanishes_is_reported_and_used_again(pulse: PulseServer) -> None:
    """Both streams survive a killed and restarted PulseAudio: one line each way, then sound again."""
    said: list[str] = []

    async def session() -> float | None:
        speaker, microphone = DeviceSpeaker(report=said.append), Microphone(report=said.append)
        await speaker.start()
        frames = microphone.frames()
        await anext(frames)
        await asyncio.to_thread(pulse.kill)
        await until(lambda: sum("stopped" in line for line in said) == 2)
        await asyncio.to_thread(pulse.start)
        await until(lambda: sum("is back" in line for line in said) >= 2 or CALLER.hang is not None)
        if CALLER.hang:
            await speaker.close()
            await microphone.close()
            return None
        with pulse.record() as recording:
            speaker.begin()
            await speaker.write(chirp(1.0, 22_050), 22_050)
            played = await speaker.finish()
            await asyncio.wait_for(anext(frames), 20)
            await asyncio.sleep(0.2)
            samples = recording.samples()
        await speaker.close()
        await microphone.close()
        assert played.complete
        return loud_s(samples[:, 1], CARD_RATE_HZ)

    heard_s = asyncio.run(session())
    assert said[0].endswith("stopped; trying to open it again")
    if heard_s is None:  # which the program survives, though PortAudio can't be used again in this process
        assert sum("the sound library hangs" in line for line in said) == 1
        pytest.skip(f"PortAudio did not return after its server was killed: {said}")
    assert heard_s > 0.6


@pytest.mark.card
def test_a_card_that_stands_still_is_reported_and_used_again(
    pulse: PulseServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PortAudio hangs in a server that is stopped: one line; when the server goes on, so do both streams."""
    monkeypatch.setattr(recovery, "SHUT_LIMIT_S", 0.5)
    said: list[str] = []

    async def session() -> None:
        speaker, microphone = DeviceSpeaker(report=said.append), Microphone(report=said.append)
        await speaker.start()
        frames = microphone.frames()
        await anext(frames)
        pulse.freeze()
        await until(lambda: any("the sound library hangs" in line for line in said))
        with pytest.raises(AudioDeviceError, match="hangs"):
            list_devices()
        pulse.thaw()
        await until(lambda: sum("is back" in line for line in said) >= 2)
        await asyncio.wait_for(anext(frames), 20)
        await speaker.close()
        await microphone.close()

    asyncio.run(session())
    assert sum("hangs" in line for line in said) == 1
    assert len(list_devices()) > 0
