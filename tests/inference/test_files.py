"""Files that are written in one step."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

from inference.files import in_one_step, write_whole
from inference.llm.saved import read_saved, save


@pytest.mark.parametrize("on_disk", [False, True])
def test_a_file_takes_the_place_of_the_one_before(tmp_path: Path, on_disk: bool) -> None:
    """Its folder is made, and nothing else is left in it."""
    path = tmp_path / "new" / "file"
    for content in (b"first", b"second"):
        write_whole(path, content, on_disk=on_disk)

    assert path.read_bytes() == b"second"
    assert list(path.parent.iterdir()) == [path]


def test_what_fails_half_way_leaves_the_file_of_before(tmp_path: Path) -> None:
    """The part that was written is removed."""
    path = tmp_path / "file"
    write_whole(path, b"before")
    with suppress(KeyError), in_one_step(path) as part:
        part.write_bytes(b"half")
        raise KeyError

    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_saved_state_is_whole_or_nothing(tmp_path: Path) -> None:
    """A byte that changed is noticed; where nothing can be written nothing is said, for it is only a cache."""
    path = tmp_path / "state"
    save(path, b"tokens")
    save(path / "below a file", b"tokens")

    assert read_saved(path) == b"tokens"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    assert read_saved(path) is None
