"""The session's log: whole lines, readable by their owner, through any end of the process."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import types
import typing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice_app.core import events
from voice_app.core.errors import SessionError
from voice_app.core.ports import Bus
from voice_app.observe.recorder import Recorder, replay

KINDS = typing.get_args(typing.get_args(events.Event)[0])


def of(kind: object) -> st.SearchStrategy[object]:
    """Return values of a field's type."""
    inner, origin = typing.get_args(kind), typing.get_origin(kind)
    if origin is typing.Literal:
        return st.sampled_from(inner)
    if origin is tuple and inner[-1] is Ellipsis:
        return st.lists(of(inner[0]), max_size=5).map(tuple)
    if origin is tuple:
        return st.tuples(*map(of, inner))
    if origin is dict:
        return st.dictionaries(of(inner[0]), of(inner[1]), max_size=5)
    if origin is types.UnionType:
        return st.one_of(*map(of, inner))
    return {
        float: st.floats(0, 1e6),
        int: st.integers(0, 10**6),
        str: st.text(),
        bool: st.booleans(),
        types.NoneType: st.none(),
    }[kind]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_every_event_survives_a_round_trip(kind: type[events.Fact], data: st.DataObject) -> None:
    """An event read back from its JSON equals the one written."""
    values = {name: data.draw(of(field.annotation)) for name, field in kind.model_fields.items()}
    event = kind(**values)

    assert events.EVENT.validate_json(event.model_dump_json()) == event


def test_every_kind_of_event_is_in_the_union() -> None:
    """A new event can't be forgotten where logs are read."""
    assert set(events.Fact.__subclasses__()) == set(KINDS)


def test_the_log_is_its_owners_alone(tmp_path: Path) -> None:
    """Mode 0600, also under a generous umask."""
    old = os.umask(0)
    try:
        Recorder(tmp_path / "log.jsonl").close()
    finally:
        os.umask(old)

    assert stat.S_IMODE((tmp_path / "log.jsonl").stat().st_mode) == 0o600


WRITER = """
import sys
from pathlib import Path
from voice_app.core.events import Noticed
from voice_app.observe.recorder import Recorder
recorder = Recorder(Path(sys.argv[1]))
for number in range(10**9):
    recorder(Noticed(at_s=number, message="x" * 200))
    if number == 99:
        print("hundred", flush=True)
"""


def test_a_log_survives_kill_9(tmp_path: Path) -> None:
    """Every event that was completed before SIGKILL is read back; nothing else is."""
    path = tmp_path / "log.jsonl"
    with subprocess.Popen([sys.executable, "-c", WRITER, path], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        writer.send_signal(signal.SIGKILL)

    read = [event.at_s for event in replay(path)]

    assert len(read) >= 100
    assert read == [float(number) for number in range(len(read))]


def test_a_line_cut_off_is_left_out_and_a_broken_one_named(tmp_path: Path) -> None:
    """The last line without its end is no error; a bad line elsewhere is one, with its number."""
    path = tmp_path / "log.jsonl"
    good = events.SessionClosed(at_s=1).model_dump_json()
    path.write_text(f'{good}\n{{"type": "err')
    assert list(replay(path)) == [events.SessionClosed(at_s=1)]

    path.write_text(f"{good}\nnonsense\n{good}\n")
    with pytest.raises(SessionError, match="line 2 is not an event"):
        list(replay(path))


@pytest.mark.parametrize("kept_bytes", [1, 9, 40, -1])
def test_a_log_whose_last_line_was_cut_off_can_be_gone_on_with(kept_bytes: int, tmp_path: Path) -> None:
    """What was whole is kept, the rest of a line is not in the way of the next one."""
    path = tmp_path / "log.jsonl"
    first, cut, last = (events.Noticed(at_s=at_s, message="something to know") for at_s in (1, 2, 3))
    path.write_text(
        f"{first.model_dump_json()}\n{cut.model_dump_json()}\n"[: -1 if kept_bytes == -1 else None]
    )
    if kept_bytes > 0:
        os.truncate(path, len(first.model_dump_json()) + 1 + kept_bytes)

    recorder = Recorder(path)
    recorder(last)
    recorder.close()

    assert list(replay(path)) == ([first, cut, last] if kept_bytes == -1 else [first, last])


def test_a_file_that_is_no_log_is_left_as_it_is(tmp_path: Path) -> None:
    """Its last line, without an end, is the user's."""
    path = tmp_path / "notes.txt"
    path.write_text("first\nsecond")
    with pytest.raises(SessionError, match="no session log"):
        Recorder(path)
    assert path.read_text() == "first\nsecond"


FULL = """
import resource, sys
from pathlib import Path
from voice_app.core.events import Noticed
from voice_app.observe.recorder import Recorder
recorder = Recorder(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 4000))
for number in range(30):
    if number == 20:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))
    recorder(Noticed(at_s=number, message="x" * 40))
print(recorder.lost)
"""


def test_a_full_disk_leaves_no_torn_line(tmp_path: Path) -> None:
    """What doesn't fit is counted as lost; with room again, the log goes on."""
    path = tmp_path / "log.jsonl"
    command = [sys.executable, "-c", FULL, path]
    lost = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    read = [int(event.at_s) for event in replay(path)]

    assert 0 < lost < 20
    assert read == [*range(20 - lost), *range(20, 30)]


def test_a_log_that_cannot_be_written_is_one_line() -> None:
    """The reason is the system's own."""
    with pytest.raises(SessionError, match="can't be written"):
        Recorder(Path("/proc/nowhere/log.jsonl"))


def test_a_listener_that_fails_is_dropped_and_the_others_hear_all() -> None:
    """An observer can't change the conversation."""
    bus, heard = Bus(), []

    def broken(event: events.Event) -> None:
        raise RuntimeError("a listener's own trouble")

    bus.subscribe(broken)
    bus.subscribe(heard.append)
    for at_s in range(3):
        bus.emit(events.SessionClosed(at_s=at_s))

    assert [event.at_s for event in heard] == [0, 1, 2]
    assert len(bus.failures) == 1
