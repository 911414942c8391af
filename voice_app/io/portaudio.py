"""PortAudio: loaded late, asked for its devices, opened; the one module that imports it.

It is one for the whole process and not thread-safe, so that all calls go through `CALLER`.
"""

from __future__ import annotations

import atexit
import contextlib
import difflib
import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from voice_app.core.errors import AudioDeviceError
from voice_app.io.abandonable import Caller

Kind = Literal["input", "output"]
NAMES: dict[Kind, str] = {"input": "microphone", "output": "loudspeaker"}

PULSE_LATENCY_MS = 30
"""Without it, PortAudio asks PulseAudio's ALSA plugin for 9 ms, and underruns lose 5-35 % of what is played."""
BLOCK_S = 0.01
"""How much a callback is asked for, or gives."""
LIST_LIMIT_S = 10.0
"""PortAudio loads and looks at a PulseAudio in 0.1 s; real cards are probed one by one, and may sleep."""
LEAVE_LIMIT_S = 3.0
"""Ending PortAudio takes 3 ms; a program that is about to exit does not wait much longer."""


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """One device of the system."""

    index: int
    name: str
    inputs: int
    """Channels that can be recorded."""
    outputs: int
    default_rate_hz: float
    hostapi: str
    default_in: bool
    default_out: bool


def list_devices() -> list[DeviceInfo]:
    """Return the devices PortAudio sees. Raises AudioDeviceError when PortAudio itself is missing, or hangs."""
    return CALLER.call_blocking(query_devices, LIST_LIMIT_S, "listing the sound devices")


def query_devices() -> list[DeviceInfo]:
    """Return what `list_devices` does; for `CALLER` to call."""
    sd = _portaudio()
    try:
        devices, apis = sd.query_devices(), sd.query_hostapis()
    except sd.PortAudioError as error:
        raise AudioDeviceError(f"the sound devices can't be listed: {_reason(error)}") from error
    default_in, default_out = _default_index(sd, "input"), _default_index(sd, "output")
    return [
        DeviceInfo(
            index=index,
            name=device["name"],
            inputs=device["max_input_channels"],
            outputs=device["max_output_channels"],
            default_rate_hz=device["default_samplerate"],
            hostapi=apis[device["hostapi"]]["name"],
            default_in=index == default_in,
            default_out=index == default_out,
        )
        for index, device in enumerate(devices)
    ]


def find_device(wanted: str | int | None, kind: Kind) -> DeviceInfo:
    """Return the device with this index or name, or the default. Raises AudioDeviceError."""
    return choose_device(list_devices(), wanted, kind)


def choose_device(devices: Sequence[DeviceInfo], wanted: str | int | None, kind: Kind) -> DeviceInfo:
    """Return the device of `kind` that `wanted` names: an index, a name, or an unambiguous part of one.

    None means the system's default. Raises AudioDeviceError with the choices there are.
    """
    usable = [device for device in devices if (device.inputs if kind == "input" else device.outputs) > 0]
    if not usable:
        raise AudioDeviceError(f"there is no {NAMES[kind]}{_alternative(kind)}")
    if wanted is None:
        defaults = [
            device for device in usable if (device.default_in if kind == "input" else device.default_out)
        ]
        return (defaults or usable)[0]
    text = str(wanted).strip()
    exact = [device for device in usable if text in (str(device.index), device.name)]
    folded = text.casefold()
    similar = [device for device in usable if folded and folded in device.name.casefold()]
    same = [device for device in similar if device.name.casefold() == folded]
    found = exact or same or similar
    if exact or same or len(similar) == 1:
        return found[0]
    raise AudioDeviceError(_no_such_device(usable, similar, text, kind))


def _no_such_device(
    usable: Sequence[DeviceInfo], similar: Sequence[DeviceInfo], text: str, kind: Kind
) -> str:
    near = difflib.get_close_matches(text, [device.name for device in usable], n=1, cutoff=0.5)
    what = f"{text!r} fits several {NAMES[kind]}s" if similar else f"there is no {NAMES[kind]} {text!r}"
    hint = f"; did you mean {near[0]!r}?" if near and not similar else ""
    choices = ", ".join(f"{device.index} {device.name!r}" for device in (similar or usable)[:8])
    return f"{what}{hint} (choose from: {choices})"


def _alternative(kind: Kind) -> str:
    if kind == "input":
        return "; connect one, or use `voice-app talk --in FILE` or typed text"
    return "; connect one, or write the sound to a file with `--out FILE`"


def _default_index(sd: Any, kind: Kind) -> int | None:
    try:
        return int(sd.query_devices(kind=kind)["index"])
    except (sd.PortAudioError, ValueError):  # there is none
        return None


def _portaudio() -> Any:
    """Import sounddevice, which initialises PortAudio. Raises AudioDeviceError."""
    os.environ.setdefault("PULSE_LATENCY_MSEC", str(PULSE_LATENCY_MS))
    try:
        with _quiet():
            import sounddevice

        atexit.unregister(sounddevice._exit_handler)  # it may wait for ever
        atexit.unregister(_leave)
        atexit.register(_leave)
    except OSError as error:
        raise AudioDeviceError(
            f"PortAudio can't be loaded ({error}): apt-get install libportaudio2, or brew install portaudio"
        ) from error
    except Exception as error:  # PortAudioError, a class of the module that could not be imported
        raise AudioDeviceError(f"PortAudio does not start: {_reason(error)}") from error
    return sounddevice


def _leave() -> None:
    """End PortAudio at the interpreter's exit, as sounddevice would, unless it hangs."""
    import sounddevice

    with contextlib.suppress(AudioDeviceError, sounddevice.PortAudioError):
        CALLER.call_blocking(sounddevice._exit_handler, LEAVE_LIMIT_S, "ending the sound library")


_stderr: list[int] = []
"""Where stderr leads while it is silenced."""
_stderr_lock = threading.Lock()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silence what ALSA's C code writes to stderr while devices are looked up and opened."""
    try:
        kept = os.dup(2)
    except OSError:  # there is no stderr
        yield
        return
    try:
        _stderr.append(kept)
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 2)
        os.close(null)
        yield
    finally:
        _speak_up()
        with _stderr_lock:
            _stderr.remove(kept)
            os.close(kept)


def _speak_up() -> None:
    """Let stderr be heard again, also while the call that it is silenced for hangs."""
    with _stderr_lock:
        for kept in _stderr:
            os.dup2(kept, 2)


CALLER = Caller(on_hang=_speak_up)
"""Makes all calls into PortAudio but a stream's `active`, which reads a flag."""


def _reason(error: Exception) -> str:
    return str(error.args[0] if error.args else error).splitlines()[0]


def reinitialise() -> None:
    """Close and open PortAudio, so that it looks at the devices anew; for `CALLER` to call.

    All streams must be closed. Raises AudioDeviceError.
    """
    sd = _portaudio()
    with contextlib.suppress(sd.PortAudioError):
        sd._terminate()
    try:
        with _quiet():
            sd._initialize()
    except sd.PortAudioError as error:
        raise AudioDeviceError(f"PortAudio does not start: {_reason(error)}") from error


def open_stream(kind: Kind, device: DeviceInfo, formats: Sequence[tuple[int, int]], callback: Any) -> Any:
    """Return a stream, not started, in the first of `formats` (rate, channels) that the device takes.

    For `CALLER` to call. Raises AudioDeviceError.
    """
    sd = _portaudio()
    stream_type = sd.InputStream if kind == "input" else sd.OutputStream
    refusal = "no usable format"
    for rate_hz, channels in formats:
        try:
            with _quiet():
                return stream_type(
                    device=device.index,
                    samplerate=rate_hz,
                    channels=channels,
                    dtype="float32",
                    blocksize=round(rate_hz * BLOCK_S),
                    latency="low",
                    callback=callback,
                )
        except (sd.PortAudioError, ValueError) as error:
            refusal = _reason(error)
    raise AudioDeviceError(f"the {NAMES[kind]} {device.name!r} can't be opened: {refusal}")
