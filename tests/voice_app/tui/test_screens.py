"""The screen in each of its states, as pictures that were looked at."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.voice_app.tui.shown import app_at, recorded, ticked

Compare = Callable[..., bool]
SIZES = {"wide": (120, 34), "usual": (80, 24), "narrow": (44, 14), "tiny": (20, 5)}
STATES = {"listening": 0.3, "drafting": 6.3, "speaking": 8.35, "closed": 60.0}
"""What goes on in the recorded session at which second."""


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("at_s", [pytest.param(at_s, id=state) for state, at_s in STATES.items()])
def test_a_recorded_session(snap_compare: Compare, at_s: float, size: str) -> None:
    """A recorded session at a moment, on a terminal of a size."""
    app = app_at(recorded(), at_s)

    assert snap_compare(app, terminal_size=SIZES[size], run_before=ticked())
