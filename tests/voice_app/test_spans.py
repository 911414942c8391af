"""Turns as spans, and as OpenTelemetry's."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from inference.tts.scripted_tts import ScriptedTextToSpeech
from voice_app.bench.composed import converse_in_virtual_time
from voice_app.bench.scenario import bundled_lines, spoken_turn
from voice_app.cli.main import app
from voice_app.core import events
from voice_app.core.errors import SessionError, VoiceAppError
from voice_app.core.stages import STEPS, Estimates, Stage, turn_times
from voice_app.observe.otel import export_spans
from voice_app.observe.spans import Span, turn_spans


def log_of(lines: list[str], declared: Estimates, folder: Path) -> list[events.Event]:
    """Return the events of a whole conversation in virtual time."""
    mute = ScriptedTextToSpeech(spend=lambda _: None)
    return list(
        converse_in_virtual_time([spoken_turn(line, mute) for line in lines], declared, folder / "x.wav").log
    )


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> list[events.Event]:
    lines = [line for line in bundled_lines() if "{" not in line]
    return log_of(lines[:6], Estimates(), tmp_path_factory.mktemp("log"))


def every(span: Span) -> Iterator[Span]:
    yield span
    for child in span.children:
        yield from every(child)


def named(span: Span, name: str) -> list[Span]:
    return [one for one in every(span) if one.name == name]


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(st.floats(0.01, 0.6), st.floats(0.01, 0.3), st.floats(0.001, 0.05))
def test_the_stages_of_a_turn_add_up_to_its_voice_to_voice_time(
    tmp_path_factory: pytest.TempPathFactory, stt_s: float, first_token_s: float, token_s: float
) -> None:
    """Each begins where the one before ended; their sum is what the fold over the same events says."""
    declared = Estimates({Stage.STT: stt_s, Stage.LLM_FIRST_TOKEN: first_token_s}, token_s)
    made = log_of(["How many legs does a dog have?", "What is up?"], declared, tmp_path_factory.mktemp("law"))
    for number, turn in enumerate(turn_spans(made), start=1):
        (whole,) = named(turn, "voice to voice")
        ends = [whole.start_s, *(stage.end_s for stage in whole.children)]

        assert [stage.name for stage in whole.children] == [step.name for step in STEPS]
        assert [stage.start_s for stage in whole.children] == ends[:-1]
        assert ends == sorted(ends)
        assert ends[-1] == whole.end_s
        assert whole.end_s - whole.start_s == pytest.approx(turn_times(made, number).voice_to_voice_s)


def test_a_turn_holds_all_that_happened_in_it(log: list[events.Event]) -> None:
    """One tree a turn, children inside their parents; drafts, the request and the playback among them."""
    turns = turn_spans(log)

    assert len(turns) == 6
    for turn in turns:
        for span in every(turn):
            assert all(span.start_s <= child.start_s <= child.end_s <= span.end_s for child in span.children)
        assert {"user speech", "draft", "chat", "playback"} <= {span.name for span in every(turn)}
        assert [span.attributes["voice_app.released"] for span in named(turn, "draft")].count(True) == 1
    assert [turn.attributes["voice_app.status"] for turn in turns].count("cancelled") == 1
    assert [named(turn, "playback")[0].attributes["voice_app.cut_off"] for turn in turns].count(True) == 1


def test_no_word_is_in_a_span(log: list[events.Event]) -> None:
    """What was said stays in the log."""
    values = [
        str(value) for turn in turn_spans(log) for span in every(turn) for value in span.attributes.values()
    ]

    assert values
    assert not any("capital" in value or "dog" in value for value in values)


def test_what_was_cut_off_has_no_span(log: list[events.Event]) -> None:
    """A log that ends anywhere gives the spans whose ends it has."""
    for length in range(len(log)):
        for turn in turn_spans(log[:length]):
            assert all(span.start_s <= span.end_s for span in every(turn))


def saved(log: list[events.Event], folder: Path) -> Path:
    path = folder / "log.jsonl"
    path.write_text("".join(event.model_dump_json() + "\n" for event in log))
    return path


def test_the_file_has_a_line_a_span_with_stable_ids(log: list[events.Event], tmp_path: Path) -> None:
    """A trace id a turn, parents that exist, and the same bytes from the same log."""
    pytest.importorskip("opentelemetry.sdk")
    source, out, again = saved(log, tmp_path), tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    for file in (out, again):
        assert CliRunner().invoke(app, ["trace", str(source), str(file), "--format", "otel"]).exit_code == 0
    spans = [json.loads(line) for line in out.read_text().splitlines()]
    known = {span["context"]["span_id"] for span in spans}

    assert out.read_bytes() == again.read_bytes()
    assert len(known) == len(spans) == sum(len(list(every(turn))) for turn in turn_spans(log))
    assert len({span["context"]["trace_id"] for span in spans}) == 6
    assert {span["parent_id"] for span in spans if span["parent_id"]} <= known
    assert [span["name"] for span in spans if not span["parent_id"]] == ["turn"] * 6


def test_a_collector_is_sent_the_spans(log: list[events.Event], tmp_path: Path) -> None:
    """OTLP over HTTP to the address given; a file that can't be written is one line."""
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http")
    got: list[bytes] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    source = saved(log, tmp_path)
    with HTTPServer(("127.0.0.1", 0), Collector) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        address = f"http://127.0.0.1:{server.server_port}/v1/traces"
        taken = CliRunner().invoke(app, ["trace", str(source), address, "--format", "otel"])
        server.shutdown()
        thread.join()

    assert taken.exit_code == 0
    assert b"voice to voice" in got[0]
    nobody = CliRunner().invoke(
        app, ["trace", str(source), str(tmp_path / "no" / "x.jsonl"), "--format", "otel"]
    )
    assert isinstance(nobody.exception, SessionError)


def test_without_the_extra_one_line_says_what_to_install(
    log: list[events.Event], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command alone needs OpenTelemetry; nothing else of the program does."""
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace.export", None)
    with pytest.raises(VoiceAppError, match=r"pip install 'voice-app\[otel\]'"):
        export_spans(log, str(tmp_path / "x"))
