"""A sound library that hangs for ever, in programs of their own: they say so, and end by themselves."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pulse import PulseServer

LIMIT_S = 60.0
"""For a whole program; one that waits for the library would run for ever."""

HANGING_LIBRARY = """
import asyncio, atexit, sys, threading, types
from voice_app.core.errors import VoiceAppError
from voice_app.io import portaudio, recovery

never = threading.Event().wait
portaudio.LIST_LIMIT_S = portaudio.LEAVE_LIMIT_S = 0.2
recovery.OPEN_LIMIT_S = recovery.START_LIMIT_S = recovery.SHUT_LIMIT_S = 0.2
hanging = sys.argv[1]

def call(name, result=None):
    return lambda *args, **kwargs: never() if name == hanging else result

class Stream:
    samplerate, active = 48000, True
    def __init__(self, **kwargs):
        call("open")()
    start, abort, close = (staticmethod(call(name)) for name in ("start", "abort", "close"))

def query_devices(kind=None):
    call("query")()
    card = dict(name="Card", index=0, hostapi=0, max_input_channels=1, max_output_channels=2, default_samplerate=48000)
    return card if kind else [card]

class Loading:
    def find_spec(self, name, path=None, target=None):
        if name == "sounddevice":
            never()

sd = types.ModuleType("sounddevice")
if hanging == "load":
    sys.meta_path.insert(0, Loading())
else:
    sys.modules["sounddevice"] = sd
sd.PortAudioError = type("PortAudioError", (Exception,), {})
sd.query_devices, sd.query_hostapis = query_devices, lambda: [{"name": "ALSA"}]
class Input(Stream):
    start = staticmethod(call("listen"))

sd.InputStream, sd.OutputStream = Input, Stream
sd._terminate, sd._initialize = call("initialise"), call("initialise")
sd._exit_handler = call(hanging)  # a library that hangs would hang at exit
if hanging != "load":
    atexit.register(sd._exit_handler)
"""

SESSION = """
from functools import partial
from voice_app.io.device import DeviceSpeaker, Microphone

say = partial(print, file=sys.stderr)

async def session():
    speaker, microphone = DeviceSpeaker(report=say), Microphone(report=say)
    await speaker.start()
    try:
        await microphone.start()
    finally:
        await speaker.close()
        await microphone.close()

try:
    asyncio.run(session())
except VoiceAppError as error:
    say(error)
    sys.exit(error.exit_code)
"""

COMMAND = """
from voice_app.__main__ import main
sys.argv[1:] = ["devices"]
main()
"""


def run(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
    )


@pytest.mark.parametrize(
    ("hanging", "status", "name"),
    [
        ("load", 4, "listing the sound devices"),
        ("query", 4, "listing the sound devices"),
        ("open", 4, "opening the loudspeaker"),
        ("start", 4, "starting the loudspeaker"),
        ("listen", 4, "starting the microphone"),
        ("abort", 0, "closing the loudspeaker"),
        ("close", 0, "closing the loudspeaker"),
    ],
)
def test_a_program_ends_by_itself_whatever_call_hangs(hanging: str, status: int, name: str) -> None:
    """One line says which call it was; before a session it is the error, after one the session's own status stands.

    It is heard on stderr, which is silenced while the library loads and opens.
    """
    ended = run(HANGING_LIBRARY + SESSION, hanging)

    assert ended.returncode == status, ended.stderr
    (line,) = ended.stderr.splitlines()
    assert name in line


def test_a_command_that_lists_the_devices_of_a_hanging_library_is_refused_in_one_line() -> None:
    """The exit status is that of a sound card that can't be used."""
    ended = run(HANGING_LIBRARY + COMMAND, "query")

    assert ended.returncode == 4, ended.stderr
    (line,) = ended.stderr.splitlines()
    assert line.startswith("voice-app: ")
    assert "listing the sound devices" in line


@pytest.fixture
def card() -> Iterator[PulseServer]:
    """A sound server of one's own."""
    with PulseServer() as server:
        yield server


REAL_SESSION = """
import asyncio, sys
from voice_app.io import recovery
from voice_app.io.device import DeviceSpeaker, Microphone

recovery.SHUT_LIMIT_S = 1.0

async def session():
    said = asyncio.Event()

    def report(line):
        print(line, flush=True)
        if "hangs" in line:
            said.set()

    speaker, microphone = DeviceSpeaker(report=report), Microphone(report=report)
    await speaker.start()
    frames = microphone.frames()
    await anext(frames)
    print("listens", flush=True)
    await said.wait()
    await speaker.close()
    await microphone.close()

asyncio.run(session())
sys.exit(5)
"""


@pytest.mark.card
def test_a_program_ends_by_itself_while_the_sound_server_stands_still(card: PulseServer) -> None:
    """The real PortAudio hangs in a server that is stopped; both streams are open, and are abandoned."""
    program = subprocess.Popen(
        [sys.executable, "-c", REAL_SESSION],
        cwd=Path(__file__).parents[2],
        env=card.env,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert program.stdout
        assert program.stdout.readline() == "listens\n"
        card.freeze()
        said, _ = program.communicate(timeout=LIMIT_S)
    finally:
        program.kill()
        program.wait()

    assert program.returncode == 5
    assert sum("stopped; trying to open it again" in line for line in said.splitlines()) == 2
    assert sum("the sound library hangs" in line for line in said.splitlines()) == 1
