"""How kernels are compiled: once a machine, into the user's cache folder, with IEEE arithmetic as written."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
import numba.core.config as numba_config

F = TypeVar("F", bound=Callable[..., Any])


def cache_folder() -> Path:
    """Return the folder for what can be made again: VOICE_APP_CACHE, or the user's, by the XDG base directories."""
    chosen = os.environ.get("VOICE_APP_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "voice-app"


if not numba_config.CACHE_DIR:
    numba_config.CACHE_DIR = str(cache_folder() / "numba")


def kernel(*, parallel: bool = False) -> Callable[[F], F]:
    """Compile a function: no fast-math and no fused operations, so that float32 gives the same bits everywhere.

    It lets other Python threads run. With `parallel`, `prange` uses the threads of `numba.set_num_threads`; its
    iterations must be independent.
    """
    options = {"nogil": True, "cache": True, "error_model": "numpy", "fastmath": False, "parallel": parallel}
    return cast("Callable[[F], F]", numba.njit(**options))
