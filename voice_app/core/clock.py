"""The one clock: the event loop's, in seconds. A loop with virtual time makes the whole program virtual."""

from __future__ import annotations

import asyncio
import datetime


def now() -> float:
    """Return the running loop's time in seconds; only differences mean anything."""
    return asyncio.get_running_loop().time()


async def sleep_until(at_s: float) -> None:
    """Sleep until `now()` reaches `at_s`; return at once when it has passed."""
    await asyncio.sleep(max(0.0, at_s - now()))


def wall() -> datetime.datetime:
    """Return the local date and time, for names of files and the first line of a log."""
    return datetime.datetime.now().astimezone()
