"""A microphone, with a switch, and a loudspeaker that can be exchanged while the conversation goes on."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import numpy as np

from inference.types import Samples
from voice_app.core import clock
from voice_app.core.errors import AudioDeviceError
from voice_app.core.ports import FRAME_S, FRAME_SAMPLES, AudioFrame, FrameSource, Played, Speaker, nothing
from voice_app.io.session_sound import SessionSound
from voice_app.io.speaker import FileSpeaker

QUIETEST_DB = -96.0
"""The quietest level of 16-bit sound."""
UNHEARD = "Replies are shown, not heard."
"""What a session without a loudspeaker reports."""
SILENCE = np.zeros(FRAME_SAMPLES, np.float32)


class Silence:
    """A source where there is no microphone: frames of silence in real time."""

    def __init__(self) -> None:
        self._closed = False

    async def frames(self) -> AsyncIterator[AudioFrame]:
        """Yield silence until `close`."""
        start_s, count = clock.now(), 0
        while not self._closed:
            count += 1
            await clock.sleep_until(start_s + count * FRAME_S)
            yield AudioFrame(SILENCE, start_s + count * FRAME_S)

    async def close(self) -> None:
        """End with the next frame."""
        self._closed = True


class SwappableSource:
    """The source of frames that is plugged in now. What it hears passes only while the microphone is `open`."""

    def __init__(
        self, source: FrameSource, failed: Callable[[str], None], sound: SessionSound | None = None
    ) -> None:
        self._source, self._failed, self._sound = source, failed, sound
        self._closed = False
        self.open = True
        self.level_db = QUIETEST_DB
        """RMS of the last frame, dBFS, whether it passed or not."""

    @property
    def is_missing(self) -> bool:
        """Return whether there is no microphone."""
        return isinstance(self._source, Silence)

    async def frames(self) -> AsyncIterator[AudioFrame]:
        """Yield frames of whatever is plugged in, until `close` or the end of a source that nobody exchanged."""
        while not self._closed:
            source = self._source
            try:
                async for frame in source.frames():
                    self.level_db = level_db(frame.samples)
                    frame = frame if self.open else replace(frame, samples=SILENCE)
                    if self._sound:
                        self._sound.hear(frame)
                    yield frame
                    if source is not self._source:
                        break
            except AudioDeviceError as error:
                self._failed(str(error))
                self._source = Silence() if source is self._source else self._source
            else:
                if source is self._source:
                    return

    async def plug_in(self, source: FrameSource) -> None:
        """Listen to another source from now on."""
        old, self._source = self._source, source
        await old.close()

    async def close(self) -> None:
        """End `frames` and release the device."""
        self._closed = True
        await self._source.close()


class SwappableSpeaker:
    """The loudspeaker that is plugged in now; see `Speaker`."""

    def __init__(
        self, speaker: Speaker, failed: Callable[[str], None], sound: SessionSound | None = None
    ) -> None:
        self.on_started: Callable[[], None] = nothing
        self.on_stopped: Callable[[], None] = nothing
        self._failed, self._sound = failed, sound
        self._speaker = self._wired(speaker)

    def _wired(self, speaker: Speaker) -> Speaker:
        speaker.on_started, speaker.on_stopped = self._started, lambda: self.on_stopped()
        return speaker

    def _started(self) -> None:
        if self._sound and self._speaker.first_sound_s is not None:
            self._sound.started(self._speaker.first_sound_s)
        self.on_started()

    def _stopped(self, played: Played) -> Played:
        if self._sound:
            self._sound.stopped(played.seconds)
        return played

    async def plug_in(self, speaker: Speaker) -> None:
        """Speak through another loudspeaker, which is open, from now on."""
        old, self._speaker = self._speaker, self._wired(speaker)
        await old.close()

    @property
    def rate_hz(self) -> int:
        """Return the device's rate."""
        return self._speaker.rate_hz

    @property
    def played_s(self) -> float:
        """Seconds of this reply that have been heard by now."""
        return self._speaker.played_s

    @property
    def first_sound_s(self) -> float | None:
        """Return when the first sample of this reply is audible; None until it has left."""
        return self._speaker.first_sound_s

    async def start(self) -> None:
        """Open the device; if that fails, report it and play replies into nothing."""
        try:
            await self._speaker.start()
        except AudioDeviceError as error:
            self._failed(f"{error}. {UNHEARD}")
            self._speaker = self._wired(FileSpeaker(None))
            await self._speaker.start()

    async def close(self) -> None:
        """Cut what is being said and release the device."""
        await self._speaker.close()

    def begin(self) -> None:
        """Start a reply; an unfinished one is cut."""
        self._speaker.begin()
        if self._sound:
            self._sound.begin()

    async def write(self, samples: Samples, rate_hz: int) -> None:
        """Queue sound, shape (n,), of any rate; wait while the buffer is full."""
        if self._sound:
            self._sound.say(samples, rate_hz)
        await self._speaker.write(samples, rate_hz)

    async def finish(self) -> Played:
        """End the reply and wait until it has been heard or is cut."""
        return self._stopped(await self._speaker.finish())

    def hold(self) -> None:
        """Pause the reply; what is queued stays."""
        self._speaker.hold()

    def resume(self) -> None:
        """Go on with a held reply."""
        self._speaker.resume()

    def cut(self) -> Played:
        """Fall silent: what is queued is dropped."""
        return self._stopped(self._speaker.cut())


def level_db(samples: Samples) -> float:
    """Return the RMS of sound in dBFS, not less than that of silence in 16 bits."""
    power = float(np.mean(np.square(samples, dtype=np.float64)))
    return max(QUIETEST_DB, 10 * math.log10(power)) if power > 0 else QUIETEST_DB
