"""What the figures of a benchmark depend on: the machine, and what else runs on it."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from voice_app.runtime.machine import cores, processor


def machine() -> dict[str, object]:
    """Return what the figures depend on."""
    return {
        "processor": processor(),
        "cores": cores(),
        "load": round(os.getloadavg()[0], 2),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
    }


@contextmanager
def busy(count: int) -> Iterator[None]:
    """Run so many processes beside the measurement, each of which would keep one core busy, and end them after it."""
    running = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()
