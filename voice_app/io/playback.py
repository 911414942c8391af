"""A bounded buffer between the writer of a reply and the device that pulls it."""

from __future__ import annotations

import threading

import numpy as np

from inference.types import Samples

FADE_S = 0.005
"""Length of the fade that ends a cut reply; shorter ones are heard as a click."""


class Playback:
    """A ring of samples: the event loop puts, a device's thread pulls. Safe for one of each.

    When it is full, the writer waits. Where nothing is queued, silence is pulled. A reply goes from `begin`
    to `end`.
    """

    def __init__(self, rate_hz: int, capacity_s: float = 30.0) -> None:
        self.rate_hz = rate_hz
        self.underruns = 0
        """How often an unfinished reply ran dry after its first sample, since construction."""
        self._ring: Samples = np.zeros(max(1, round(rate_hz * capacity_s)), np.float32)
        self._lock = threading.Lock()
        self._read = 0
        self._queued = 0
        self._position = 0
        self._open = False
        self._held = False
        self._sounding = False
        self._last = np.float32(0)
        self._fade: Samples = np.empty(0, np.float32)
        self._first_audible_s: float | None = None
        self._heard_until_s = 0.0

    @property
    def free(self) -> int:
        """Return how many samples fit now."""
        return len(self._ring) - self._queued

    @property
    def queued(self) -> int:
        """Return how many samples wait to be pulled."""
        return self._queued

    @property
    def empty(self) -> bool:
        """Return whether nothing waits to be pulled."""
        return self._queued == 0

    @property
    def position(self) -> int:
        """Return how many samples of this reply have been pulled."""
        return self._position

    @property
    def first_audible_s(self) -> float | None:
        """Return when the first sample of this reply is audible; None until it has been pulled."""
        return self._first_audible_s

    @property
    def heard_until_s(self) -> float:
        """Return when the last sample pulled so far has been audible; 0 before the first."""
        return self._heard_until_s

    def begin(self) -> None:
        """Start a reply at position 0; what an earlier one left is dropped."""
        with self._lock:
            self._drop()
            self._position = 0
            self._open, self._held = True, False
            self._first_audible_s = None
            self._heard_until_s = 0.0

    def end(self) -> None:
        """Mark the reply as complete: running dry is its end now, not an underrun."""
        with self._lock:
            self._open = False

    def hold(self) -> None:
        """Pause with a short fade: silence is pulled until `resume`, and what is queued stays."""
        with self._lock:
            self._fade_out()
            self._held = True

    def resume(self) -> None:
        """Go on where `hold` paused."""
        with self._lock:
            self._held = False

    def put(self, samples: Samples) -> int:
        """Queue as much of `samples`, shape (n,), as fits, and return how much that was."""
        with self._lock:
            count = min(len(samples), self.free)
            start = (self._read + self._queued) % len(self._ring)
            first = min(count, len(self._ring) - start)
            self._ring[start : start + first] = samples[:first]
            self._ring[: count - first] = samples[first:count]
            self._queued += count
            return count

    def pull(self, out: Samples, audible_s: float = 0.0) -> int:
        """Fill `out`, shape (n,), with content, then silence; return the samples of content.

        `audible_s` is when the first sample of `out` leaves the device.
        """
        with self._lock:
            count = 0 if self._held else min(len(out), self._queued)
            self._peek(out[:count])
            out[count:] = 0
            self._advance(count)
            short = count < len(out)
            self.underruns += short and self._open and not self._held and (self._sounding or count > 0)
            if count:
                self._last = out[count - 1]
                self._heard_until_s = audible_s + count / self.rate_hz
                if self._first_audible_s is None:
                    self._first_audible_s = audible_s
            self._sounding = count > 0 and not short
            self._mix_fade(out)
            self._position += count
            return count

    def flush(self) -> int:
        """Drop what is queued, with a short fade of the sound that is leaving; return `position`."""
        with self._lock:
            self._drop()
            self._open = self._held = False
            return self._position

    def heard(self, now_s: float) -> int:
        """Return the samples of this reply that have been audible by `now_s`."""
        with self._lock:
            ahead_s = max(0.0, self._heard_until_s - now_s)
            return max(0, self._position - round(ahead_s * self.rate_hz))

    def _drop(self) -> None:
        self._fade_out()
        self._advance(self._queued)

    def _fade_out(self) -> None:
        """Let the sound that is leaving end in a fade instead of a click."""
        if self._sounding:
            fade = np.full(max(1, round(FADE_S * self.rate_hz)), self._last, np.float32)
            kept = min(len(fade), self._queued)
            self._peek(fade[:kept])
            fade[kept:] = fade[kept - 1] if kept else self._last
            self._fade = fade * np.linspace(1, 0, len(fade) + 1, dtype=np.float32)[1:]
        self._sounding = False

    def _peek(self, out: Samples) -> None:
        first = min(len(out), len(self._ring) - self._read)
        out[:first] = self._ring[self._read : self._read + first]
        out[first:] = self._ring[: len(out) - first]

    def _advance(self, count: int) -> None:
        self._read = (self._read + count) % len(self._ring)
        self._queued -= count

    def _mix_fade(self, out: Samples) -> None:
        if len(self._fade):
            count = min(len(out), len(self._fade))
            out[:count] += self._fade[:count]
            self._fade = self._fade[count:]
