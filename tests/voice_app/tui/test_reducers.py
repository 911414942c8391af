"""Laws of the fold: any events in any order, of any text, are taken in, in bounded memory, and can be drawn."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.voice_app.tui.composed import long
from tests.voice_app.tui.shown import folded, recorded
from voice_app.core import events
from voice_app.tui.drawing import item_lines
from voice_app.tui.items import MOST_CHARS
from voice_app.tui.palette import Palette
from voice_app.tui.panel import compact, panel
from voice_app.tui.reducers import apply
from voice_app.tui.scene import MOST_ITEMS, Scene
from voice_app.tui.terminal_safe import one_line, terminal_safe

KINDS = [kind for kind in vars(events).values() if isinstance(kind, type) and issubclass(kind, events.Fact)]
TEXTS = st.text(max_size=40) | st.sampled_from(
    ["\x1b[2J\x07", "[red]x[/]", "日本 " * 9, "a" * 30_000, "\ud800", ""]
)


def of_any_kind() -> st.SearchStrategy[events.Event]:
    """Events with numbers small enough to meet and texts of every sort."""
    fields: dict[str, st.SearchStrategy[Any]] = {
        "at_s": st.floats(-1, 100) | st.sampled_from([1e9]),
        "turn": st.integers(0, 3),
        "revision": st.integers(0, 2),
        "ends": st.lists(st.tuples(st.integers(0, 50), st.floats(0, 20)), max_size=4),
        "columns": st.lists(TEXTS, max_size=15),
        "rows": st.lists(st.lists(TEXTS, max_size=4), max_size=5),
    }
    kinds = [kind for kind in KINDS if kind is not events.Fact]
    built = []
    for kind in kinds:
        given_ = {
            name: fields[name] if name in fields else _of(str(field.annotation))
            for name, field in kind.model_fields.items()
            if name != "type"
        }
        built.append(
            st.fixed_dictionaries(given_).map(lambda values, kind=kind: kind.model_construct(**values))
        )
    return st.one_of(built)


def _of(annotation: str) -> st.SearchStrategy[Any]:
    """Return values for a field by its type."""
    table: list[tuple[str, st.SearchStrategy[Any]]] = [
        ("completed", st.sampled_from(["completed", "cancelled", "failed", "ignored"])),
        ("added", st.sampled_from(["added", "edited", "deleted"])),
        ("dict[str, float]", st.dictionaries(st.text(max_size=5), st.floats(0, 1), max_size=3)),
        ("dict", st.dictionaries(st.sampled_from(["llm", "llm_backend"]), st.sampled_from(["lpu", "x"]))),
        ("tuple", st.lists(TEXTS, max_size=3)),
        ("bool", st.booleans()),
        ("int", st.integers(0, 10**6)),
        ("float", st.floats(0, 30)),
    ]
    return next((values for name, values in table if name in annotation), TEXTS)


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(st.lists(of_any_kind(), max_size=60), st.integers(1, 130))
def test_any_order_of_events_is_taken_in_and_can_be_drawn(log: list[events.Event], width: int) -> None:
    """No order of events and no text breaks the fold or the drawing, and no line is wider than the screen."""
    scene, palette = folded(log), Palette()

    for item in scene.items.values():
        for line in item_lines(item, width, scene.now_s, palette, 0.3):
            text = "".join(segment.text for segment in line)
            assert not any(char < " " or "\x7f" <= char < "\xa0" for char in text)
            assert sum(segment.cell_length for segment in line) <= max(width, 16)
    panel(scene, max(20, width), 0.3, palette)
    compact(scene, width, 0.3, palette)


@given(st.text(), st.text())
def test_text_is_made_terminal_safe_piece_by_piece_as_in_one_go(first: str, second: str) -> None:
    """An escape sequence that is split over two tokens is as safe as one that is not."""
    whole = terminal_safe(first + second)

    assert terminal_safe(first) + terminal_safe(second) == whole
    assert not any(char < " " and char != "\n" for char in whole)
    assert "\n" not in one_line(first)
    whole.encode()


def test_a_long_session_keeps_what_the_screen_needs() -> None:
    """After five hundred turns there are no more items, drafts or words than after a hundred."""
    scene = folded(long(500))

    assert len(scene.items) == MOST_ITEMS
    assert scene.folded == 1000 - MOST_ITEMS
    assert scene.session.turns == 500
    assert len(scene._drafts) <= 4


def test_a_reply_without_end_is_kept_as_far_as_it_can_be_read() -> None:
    """What is beyond ten screens is counted, not kept."""
    scene = Scene()
    for event in recorded()[:1]:
        apply(scene, event)
    apply(scene, events.TurnCommitted(at_s=1.0, turn=1, revision=1, speech_end_s=None))
    apply(scene, events.ResponseCreated(at_s=1.0, turn=1, revision=1))
    for number in range(300):
        delta = events.ResponseTextDelta(at_s=1.0, turn=1, revision=1, delta="x" * 100, token_id=number)
        apply(scene, delta)

    assert len(scene.answer) == MOST_CHARS
    assert scene.current.writing.tokens == 300
