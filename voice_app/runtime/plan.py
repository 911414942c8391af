"""What a session is to do, and what follows from its settings: the rules of its turns, its log, its first event."""

from __future__ import annotations

import contextlib
import datetime
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from voice_app.core import clock, events
from voice_app.core.endpointing import EndpointLimits
from voice_app.core.errors import SessionError
from voice_app.core.segmenter import SegmenterSettings
from voice_app.core.session import TurnRules
from voice_app.core.stages import Budget
from voice_app.io.recordings import RecordedTurn
from voice_app.observe.recorder import Recorder, session_path
from voice_app.runtime.engine_set import EngineSet
from voice_app.runtime.engines import CALIBRATED
from voice_app.runtime.settings import Settings, state_dir

Listener = Callable[[events.Event], None]


@dataclass(frozen=True, slots=True)
class SessionPlan:
    """What a session is to do."""

    settings: Settings
    recordings: tuple[RecordedTurn, ...] = ()
    """The user's turns; empty: the microphone, or typed text alone."""
    typed_only: bool = False
    out: Path | None = None
    """Where the assistant's sound is written; None: the loudspeaker."""
    events_file: Path | None = None
    listeners: Sequence[Listener] = ()
    skills: bool = True
    """Whether the assistant can do more than chat."""
    name: str = field(default_factory=lambda: uuid.uuid4().hex[:12])
    """Id of the session in its events and in the name of its log."""
    started: datetime.datetime = field(default_factory=clock.wall)

    @property
    def log(self) -> Path | None:
        """Return where its events are written; None: nowhere."""
        if self.events_file is None and self.settings.keep_log:
            return session_path(state_dir() / "sessions", self.started, self.name)
        return self.events_file


@contextlib.contextmanager
def open_log(plan: SessionPlan) -> Iterator[tuple[Listener, ...]]:
    """Open the session's log where one is wanted."""
    path = plan.log
    if path is None:
        yield ()
        return
    recorder = Recorder(path)
    try:
        yield (recorder,)
    finally:
        recorder.close()
    if recorder.lost:
        raise SessionError(
            path, f"{recorder.lost} events of the session could not be written; is the disk full?"
        )


def rules_of(settings: Settings) -> TurnRules:
    """Return how turns are taken."""
    turn = settings.turn
    return TurnRules(
        SegmenterSettings(
            threshold=turn.threshold,
            release=max(turn.threshold - 0.15, 0.01),  # Silero's own iterator uses this distance
        ),
        EndpointLimits(
            turn.finished_ms / 1000,
            turn.unsure_ms / 1000,
            turn.unfinished_ms / 1000,
            turn.end_silence_ms / 1000,
        ),
        Budget(turn.budget_ms / 1000),
        drafting=turn.drafting,
        barge_in=settings.audio.barge_in,
        partial_every_s=turn.partial_every_ms / 1000 or None,
    )


def created(engines: EngineSet) -> events.SessionCreated:
    """Return the session's first event."""
    estimates = engines.estimates.by_name()
    return events.SessionCreated(
        started=clock.wall().isoformat(timespec="seconds"),
        models=engines.models,
        persona=engines.persona.name,
        because=engines.because,
        calibrated_ms={str(name): round(estimates[name] * 1000, 1) for name in CALIBRATED},
    )
