"""What the figures of a benchmark depend on."""

from __future__ import annotations

import os
import platform

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
