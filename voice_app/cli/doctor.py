"""`voice-app doctor`: what the program needs, what is there, what to do about the rest."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import typer
from rich.console import Console
from rich.table import Table

from inference.errors import InferenceError
from inference.models.store import ModelStore, cache_folder
from voice_app.core.errors import VoiceAppError
from voice_app.runtime.machine import available_bytes, cores
from voice_app.runtime.model_choice import by_use, default_llm, installed, remembered
from voice_app.runtime.settings import AUTO, load_settings

ROOM_BYTES = 1 << 30
"""What the prepared models, voices and logs need at most with the embedded models, with room to spare."""
LEAST_BYTES = 1_500_000_000
"""Of memory, with the embedded models."""
CPU_FEATURES = ("avx2", "fma", "f16c", "avx512f", "avx512_vnni", "avx_vnni")


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found."""

    check: str
    verdict: Literal["ok", "note", "bad"]
    found: str
    todo: str = ""


def run_doctor(as_json: bool) -> int:
    """Print all findings; return 1 when one is bad."""
    findings = [_guarded(check) for check in CHECKS]
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in findings]))
    else:
        table = Table("check", "", "found", "what to do")
        for finding in findings:
            table.add_row(finding.check, finding.verdict, finding.found, finding.todo)
        Console().print(table)
    return int(any(finding.verdict == "bad" for finding in findings))


def _guarded(check: Callable[[], Finding]) -> Finding:
    try:
        return check()
    except (VoiceAppError, InferenceError) as error:
        return Finding(check.__name__, "bad", str(error))


def python() -> Finding:
    """Check Python's version."""
    found = sys.version.split()[0]
    fits = sys.version_info >= (3, 11)
    return Finding("python", "ok" if fits else "bad", found, "" if fits else "install Python 3.11 or newer")


def compiler() -> Finding:
    """Look for a C++ compiler, needed only to build llama.cpp."""
    found = next(filter(None, map(shutil.which, ("c++", "g++", "clang++"))), None)
    todo = "" if found else "apt-get install g++ (only to build llama.cpp anew)"
    return Finding("compiler", "ok" if found else "note", found or "none", todo)


def llama() -> Finding:
    """Check llama.cpp and the instructions it was built for."""
    try:
        from llama_cpp import llama_cpp
    except (ImportError, OSError, RuntimeError) as error:
        return Finding("llama", "bad", f"{error}", "run `make setup`")
    built = llama_cpp.llama_print_system_info().decode()
    return Finding("llama", "ok", " ".join(built.split()))


def cpu() -> Finding:
    """Check cores and vector instructions."""
    count = cores()
    try:
        flags = set(Path("/proc/cpuinfo").read_text().split())
    except OSError:
        flags = set()
    has = [feature for feature in CPU_FEATURES if feature in flags]
    enough = count >= 2
    todo = "" if enough else "two cores are the least for a fluent conversation"
    return Finding(
        "cpu", "ok" if enough else "note", f"{count} cores, {' '.join(has) or 'no vector features'}", todo
    )


def memory() -> Finding:
    """Check the memory that is available."""
    available = available_bytes()
    if available is None:
        return Finding("memory", "note", "unknown")
    enough = available > LEAST_BYTES
    todo = "" if enough else f"{LEAST_BYTES / 1e9} GB are needed"
    return Finding("memory", "ok" if enough else "bad", f"{available / 1e9:.1f} GB available", todo)


def disk() -> Finding:
    """Check the space for the cache."""
    folder = cache_folder()
    there = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(there).free
    enough, writable = free > ROOM_BYTES, os.access(there, os.W_OK)
    todo = "" if enough and writable else "free some space, or set VOICE_APP_CACHE to another folder"
    return Finding("disk", "ok" if not todo else "bad", f"{free / 1e9:.1f} GB free in {folder}", todo)


def settings() -> Finding:
    """Check the settings file and environment."""
    return Finding("settings", "ok", f"persona {load_settings().persona}")


def models() -> Finding:
    """Check the models that the settings name, and all language models that there are to choose from."""
    wanted = load_settings().models
    store = ModelStore()
    llms = [model.name for model in installed(store)] or [default_llm(store)]
    found = [
        store.find(wanted.stt, "stt"),
        *(store.find(name, "llm") for name in (llms if wanted.llm == AUTO else [wanted.llm])),
        store.find(wanted.tts, "tts"),
    ]
    return Finding("models", "ok", ", ".join(f"{files.name} ({files.source})" for files in found))


def choice() -> Finding:
    """Say which language model talks, why, and what the others would be like; measures nothing."""
    wanted = load_settings()
    known = remembered(wanted)
    if known is None:
        return Finding(
            "choice", "note", "not measured yet", "the first start measures; so does `voice-app plan`"
        )
    others = [f"; where {use}: {name}" for use, name in by_use(wanted).items() if name != known.name]
    return Finding("choice", "ok", f"{Path(known.name).name}: {known.because}{''.join(others)}")


def sound() -> Finding:
    """Check PortAudio and the sound cards."""
    from voice_app.io.portaudio import list_devices

    try:
        devices = list_devices()
    except VoiceAppError as error:
        return Finding("sound", "note", str(error), "talk --in FILE and --typed work without")
    inputs = sum(device.inputs > 0 for device in devices)
    outputs = sum(device.outputs > 0 for device in devices)
    both = inputs and outputs
    todo = "" if both else "connect a microphone and a loudspeaker, or use talk --in FILE, or --typed"
    return Finding("sound", "ok" if both else "note", f"{inputs} inputs, {outputs} outputs", todo)


def echo() -> Finding:
    """Check the echo canceller, needed where a loudspeaker leaks into the microphone."""
    from voice_app.io.echo_cancel import MISSING, is_available

    wanted = load_settings().audio.echo_cancel
    if wanted == "off":
        return Finding("echo", "note", "cancellation is switched off", "set audio.echo_cancel to auto")
    if not is_available():
        verdict: Literal["bad", "note"] = "bad" if wanted == "on" else "note"
        return Finding("echo", verdict, MISSING, "or use a headset")
    return Finding("echo", "ok", f"WebRTC's canceller, pywebrtc-audio {version('pywebrtc-audio')}")


CHECKS: tuple[Callable[[], Finding], ...] = (
    python,
    compiler,
    llama,
    cpu,
    memory,
    disk,
    settings,
    models,
    choice,
    sound,
    echo,
)
