"""The screen in each of its states, as pictures that were looked at."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from textual.pilot import Pilot

from tests.voice_app.tui import composed
from tests.voice_app.tui.shown import Asked, app_at, pressed, recorded, ticked
from voice_app.core import events
from voice_app.tui.app import Chat, ChatApp

Compare = Callable[..., bool]
SIZES = {"wide": (120, 34), "usual": (80, 24), "narrow": (44, 14), "tiny": (20, 5)}
STATES = {"listening": 0.3, "drafting": 6.3, "speaking": 8.35, "closed": 60.0}
"""What goes on in the recorded session at which second."""


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("at_s", [pytest.param(at_s, id=state) for state, at_s in STATES.items()])
def test_a_recorded_session(snap_compare: Compare, at_s: float, size: str) -> None:
    """A recorded session at a moment, on a terminal of a size."""
    assert snap_compare(app_at(recorded(), at_s), terminal_size=SIZES[size], run_before=ticked())


COMPOSED: dict[str, tuple[list[events.Event], float]] = {
    "held": (composed.interrupted(), 1.9),
    "hearing": (composed.interrupted(), 2.9),
    "interrupted": (composed.interrupted(), 60.0),
    "table": (composed.with_table(), 60.0),
    "chip": (composed.on_the_chip(), 1.9),
    "hostile": (composed.hostile(), 60.0),
}


@pytest.mark.parametrize("size", ["wide", "usual", "tiny"])
@pytest.mark.parametrize("state", COMPOSED)
def test_a_composed_session(snap_compare: Compare, state: str, size: str) -> None:
    """What four plain questions do not show."""
    log, at_s = COMPOSED[state]
    height = {"wide": (120, 44), "usual": (80, 24), "tiny": (20, 5)}[size]

    assert snap_compare(app_at(log, at_s), terminal_size=height, run_before=ticked())


@pytest.mark.parametrize("size", ["usual", "tiny"])
@pytest.mark.parametrize("key", ["f1", "ctrl+p"])
def test_what_is_laid_over_the_chat(snap_compare: Compare, key: str, size: str) -> None:
    """The keys, and the command palette."""
    app = app_at(recorded(), 60.0)

    assert snap_compare(app, terminal_size=SIZES[size], run_before=ticked(pressed(key)))


def test_before_the_models_are_loaded(snap_compare: Compare) -> None:
    """The screen is there at once, says what it waits for, and shows how to begin."""
    asked = Asked()

    assert snap_compare(ChatApp(Chat(asked, asked)), terminal_size=SIZES["usual"], run_before=ticked())


STEADY = 5
"""Looks in a row that see the same: nothing changes any more."""


@pytest.mark.parametrize("size", ["wide", "usual", "tiny"])
def test_the_greeting_of_the_first_start(snap_compare: Compare, size: str) -> None:
    """Devices, the microphone's level, models, and what they take here."""
    asked = Asked(*composed.created())

    async def look(pilot: Pilot[int]) -> None:
        last, same = "", 0
        while app.choices is None or same < STEADY:
            app.tick()
            await pilot.pause(0.02)  # the card grows with its text, a refresh later
            shown = app.export_screenshot(simplify=True)
            last, same = shown, same + 1 if shown == last and "looking" not in shown else 0

    app = ChatApp(Chat(asked, asked, welcome=True))
    assert snap_compare(app, terminal_size=SIZES[size], run_before=ticked(look))


@pytest.mark.parametrize("theme", ["textual-light", "nord"])
def test_other_themes(snap_compare: Compare, theme: str) -> None:
    """Every role has a look in every theme."""

    async def change(pilot: Pilot[int]) -> None:
        pilot.app.theme = theme

    app = app_at(composed.interrupted(), 60.0)
    assert snap_compare(app, terminal_size=SIZES["wide"], run_before=ticked(change))


def test_without_colour(snap_compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_COLOR: states, verdicts and what was cut off are words and signs, not colours alone."""
    monkeypatch.setenv("NO_COLOR", "1")

    app = app_at(composed.interrupted(), 60.0)
    assert snap_compare(app, terminal_size=SIZES["wide"], run_before=ticked())
