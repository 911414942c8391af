"""Spans to OpenTelemetry: to a file or the standard output as JSON, or to a collector over OTLP, only when asked.

Needs the extra `otel`. Ids are digests of the session and the turn, so that the same log gives the same trace.
"""

from __future__ import annotations

import datetime
import hashlib
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from voice_app import __version__
from voice_app.core import events
from voice_app.core.errors import SessionError, VoiceAppError
from voice_app.observe.spans import Span, turn_spans

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import SpanExporter

TIMEOUT_S = 5.0
"""For a collector that does not answer."""


def export_spans(log: Sequence[events.Event], where: str) -> None:
    """Send a session's turns to `where`: a file, "-" for the standard output, or a collector's http(s) address.

    Raises VoiceAppError without the extra or where the collector refuses, SessionError for a file.
    """
    with ExitStack() as stack:
        try:
            from opentelemetry.sdk.trace.export import SpanExportResult

            exporter = _exporter(where, stack)
        except ImportError:
            raise VoiceAppError("OpenTelemetry is not installed: pip install 'voice-app[otel]'") from None
        stack.callback(exporter.shutdown)
        if exporter.export(list(readable(log))) is not SpanExportResult.SUCCESS:
            raise VoiceAppError(f"{where}: the collector did not take the spans; is it running there?")


def _exporter(where: str, stack: ExitStack) -> SpanExporter:
    from opentelemetry.sdk.trace.export import ConsoleSpanExporter

    if where.startswith(("http://", "https://")):
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        return OTLPSpanExporter(endpoint=where, timeout=TIMEOUT_S)
    if where == "-":
        return ConsoleSpanExporter(out=sys.stdout, formatter=_line)
    try:
        file = stack.enter_context(Path(where).open("w", encoding="utf-8"))  # noqa: SIM115 - the stack closes it
    except OSError as error:
        raise SessionError(Path(where), f"can't be written ({error.strerror}); choose another file") from None
    return ConsoleSpanExporter(out=file, formatter=_line)


def _line(span: ReadableSpan) -> str:
    return f"{span.to_json(indent=None)}\n"


def readable(log: Sequence[events.Event]) -> Iterator[ReadableSpan]:
    """Yield a session's spans as OpenTelemetry's, parents first."""
    created = next((event for event in log if isinstance(event, events.SessionCreated)), None)
    started = created.started if created else ""
    epoch_s = datetime.datetime.fromisoformat(started).timestamp() if started else 0.0
    models = {f"voice_app.{role}": name for role, name in (created.models if created else {}).items()}
    for number, turn in enumerate(turn_spans(log)):
        yield from _readable(turn, f"{started} {number}", (), (epoch_s, models))


def _readable(
    span: Span, trace: str, path: tuple[int, ...], session: tuple[float, dict[str, str]]
) -> Iterator[ReadableSpan]:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.trace import SpanContext, TraceFlags

    def context(at: tuple[int, ...]) -> SpanContext:
        flags = TraceFlags(TraceFlags.SAMPLED)
        return SpanContext(_id(trace, 16), _id(f"{trace} {at}", 8), is_remote=False, trace_flags=flags)

    epoch_s, models = session
    named = {"service.name": "voice-app", "service.version": __version__, **models}
    yield ReadableSpan(
        name=span.name,
        context=context(path),
        parent=context(path[:-1]) if path else None,
        resource=Resource(named),
        attributes=dict(span.attributes),
        start_time=round((epoch_s + span.start_s) * 1e9),
        end_time=round((epoch_s + span.end_s) * 1e9),
    )
    for number, child in enumerate(span.children):
        yield from _readable(child, trace, (*path, number), session)


def _id(text: str, size_bytes: int) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:size_bytes])
