"""What is known of this machine without asking anybody: its processor, its cores, its free memory."""

from __future__ import annotations

import os
import platform
from pathlib import Path


def processor() -> str:
    """Return the name of the processor, or of its architecture where the system does not say."""
    names = [line.split(":")[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    return names[0] if names else platform.machine()


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def is_busy() -> bool:
    """Return whether other programs keep the cores busy, so that what is measured now says little."""
    try:
        return os.getloadavg()[0] > cores()
    except OSError:
        return False


def available_bytes() -> int | None:
    """Return the memory that a program can have without others being driven out; None where the system does not say."""
    found = [line.split()[1] for line in _lines("/proc/meminfo") if line.startswith("MemAvailable")]
    return int(found[0]) * 1024 if found else None


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []
