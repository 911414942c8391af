"""A private PulseAudio: one null sink as the only clock; its channels are microphone, loudspeaker, and user.

A recording of the sink's monitor holds both sides on one time base; the third channel is the user without the echo
of the loudspeaker, where there is one. Needs `pulseaudio` and
`pulseaudio-utils`; programs that use PortAudio also need `libasound2-plugins`.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt

from voice_app.core.errors import AudioDeviceError

CARD_RATE_HZ = 48_000
FORGETFUL = {"VOICE_APP_MEMORY": "off"}
"""Environment of a program that is measured: without the user's own memory."""
INSTALL = "apt-get install pulseaudio pulseaudio-utils libasound2-plugins"
START_LIMIT_S = 15.0
STOP_LIMIT_S = 3.0
NEEDED = ("pulseaudio", "pactl", "parec", "paplay")
ALSA_CONFIG = "</usr/share/alsa/alsa.conf>\npcm.!default { type pulse }\nctl.!default { type pulse }\n"
MODULES = (
    f"module-null-sink sink_name=card rate={CARD_RATE_HZ} channels=3"
    " channel_map=front-left,front-right,rear-center"
    " norewinds=1",  # else the sink renders two seconds ahead and eats the start of every stream
    "module-remap-sink sink_name=user master=card channels=2 channel_map=front-left,front-right"
    " master_channel_map=front-left,rear-center remix=no",
    "module-remap-sink sink_name=room master=card channels=1 channel_map=mono"
    " master_channel_map=front-left remix=no",
    "module-remap-sink sink_name=speaker master=card channels=1 channel_map=mono"
    " master_channel_map=front-right remix=no",
    "module-remap-source source_name=microphone master=card.monitor channels=1 channel_map=mono"
    " master_channel_map=front-left remix=no",
    "module-remap-source source_name=echo master=card.monitor channels=1 channel_map=mono"
    " master_channel_map=front-right remix=no",
)


def missing_programs() -> list[str]:
    """Return which of the programs that this needs are not installed."""
    return [name for name in NEEDED if shutil.which(name) is None]


ECHO = "module-loopback source=echo sink=room latency_msec={} adjust_time=0 source_dont_move=true sink_dont_move=true"
ECHO_DELAY_MS = 30


class Recording:
    """The monitor of the card while it is being recorded: the user, without echo, and the loudspeaker."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def samples(self) -> npt.NDArray[np.float32]:
        """Return what has been recorded so far: shape (n, 2), float32, 48 kHz."""
        raw = self._path.read_bytes()
        return np.frombuffer(raw[: len(raw) // 8 * 8], "<f4").reshape(-1, 2)


class PulseServer:
    """A PulseAudio daemon with its own socket, home and run-time folder.

    Sinks: `user` (what is played there is heard by the source `microphone`) and `speaker` (heard by the
    source `echo`). A program started with `env` has them as its default card. With `echo_db`, the microphone hears
    the loudspeaker, too, so much louder (or, negative, quieter) than it plays.
    """

    def __init__(self, echo_db: float | None = None, echo_delay_ms: int = ECHO_DELAY_MS) -> None:
        self._echo_db, self._echo_delay_ms = echo_db, echo_delay_ms
        if missing := missing_programs():
            raise AudioDeviceError(f"no {', '.join(missing)}: {INSTALL}")
        self.dir = Path(tempfile.mkdtemp(prefix="pulse-"))
        self._socket = self.dir / "native"
        self._daemon: subprocess.Popen[bytes] | None = None
        self._clients: list[subprocess.Popen[bytes]] = []
        config = self.dir / "alsa.conf"
        config.write_text(ALSA_CONFIG)
        private = {"XDG_RUNTIME_DIR": str(self.dir), "PULSE_RUNTIME_PATH": str(self.dir / "run")}
        self._daemon_env = os.environ | private | {"HOME": str(self.dir)}
        self.settings = private | {
            "PULSE_SERVER": f"unix:{self._socket}",
            "PULSE_COOKIE": str(self.dir / "cookie"),
            "PULSE_SINK": "speaker",
            "PULSE_SOURCE": "microphone",
            "ALSA_CONFIG_PATH": str(config),
        }

    @property
    def env(self) -> dict[str, str]:
        """Return the whole environment of a program under test."""
        return dict(os.environ) | self.settings

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> None:
        """Start the daemon and wait until it answers; also after `kill`."""
        command = ["pulseaudio", "--daemonize=no", "--exit-idle-time=-1", "-n", "--log-target=stderr"]
        loads = (f"module-native-protocol-unix auth-anonymous=1 socket={self._socket}", *MODULES)
        for module in loads:
            command += ["-L", module]
        with (self.dir / "daemon.log").open("ab") as log:
            self._daemon = subprocess.Popen(
                command, env=self._daemon_env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.dir
            )
        deadline = time.monotonic() + START_LIMIT_S
        while self._pactl("set-default-sink", "speaker").returncode != 0:
            if self._daemon.poll() is not None or time.monotonic() > deadline:
                said = (self.dir / "daemon.log").read_text()[-500:].replace("\n", " ")
                raise AudioDeviceError(f"pulseaudio did not start: {said}")
            time.sleep(0.05)
        self._pactl("set-default-source", "microphone")
        if self._echo_db is not None:
            self._leak(self._echo_db)

    def _leak(self, echo_db: float) -> None:
        """Let the microphone hear the loudspeaker."""
        self._pactl("load-module", *ECHO.format(self._echo_delay_ms).split())
        inputs = self._pactl("list", "short", "sink-inputs").stdout.decode().splitlines()
        numbers = [line.split()[0] for line in inputs if "module-loopback" in line]
        if not numbers or self._pactl("set-sink-input-volume", numbers[0], f"{echo_db}dB").returncode:
            raise AudioDeviceError("the private PulseAudio can't lead the loudspeaker into the microphone")

    def kill(self) -> None:
        """End the daemon at once, as a crash or an unplugged card would."""
        if self._daemon is not None:
            _stop(self._daemon, signal.SIGKILL)
            self._socket.unlink(missing_ok=True)
            shutil.rmtree(self.dir / "run", ignore_errors=True)

    def play(self, path: Path, sink: str = "user") -> subprocess.Popen[bytes]:
        """Start playing a sound file, by default into the microphone's side; `wait()` for its end."""
        return self._client(["paplay", "-d", sink, "--latency-msec=200", str(path)])

    @contextmanager
    def record(self) -> Iterator[Recording]:
        """Record both channels of the card; the first samples have arrived when the block is entered."""
        path = self.dir / f"recording{len(self._clients)}.f32"
        command = ["parec", "-d", "card.monitor", f"--rate={CARD_RATE_HZ}", "--channels=2"]
        command += ["--channel-map=rear-center,front-right", "--no-remix"]
        command += ["--format=float32le", "--raw", "--latency-msec=20"]
        with path.open("wb") as sink:
            recorder = self._client(command, stdout=sink.fileno())
        recording = Recording(path)
        deadline = time.monotonic() + START_LIMIT_S
        while not len(recording.samples()):
            if recorder.poll() is not None or time.monotonic() > deadline:
                raise AudioDeviceError("parec recorded nothing from the private PulseAudio")
            time.sleep(0.01)
        try:
            yield recording
        finally:
            _stop(recorder)

    def close(self) -> None:
        """End everything this server started, by its process id, and remove its folder."""
        for client in reversed(self._clients):
            _stop(client)
        if self._daemon is not None:
            _stop(self._daemon)
        shutil.rmtree(self.dir, ignore_errors=True)

    def _client(self, command: list[str], stdout: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            command, env=self.env, stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.DEVNULL
        )
        self._clients.append(process)
        return process

    def _pactl(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(["pactl", *arguments], env=self.env, capture_output=True, timeout=START_LIMIT_S)


def _stop(process: subprocess.Popen[bytes], how: signal.Signals = signal.SIGTERM) -> None:
    if process.poll() is None:
        process.send_signal(how)
    with suppress(subprocess.TimeoutExpired):
        process.wait(STOP_LIMIT_S)
    if process.poll() is None:
        process.kill()
        process.wait(STOP_LIMIT_S)
