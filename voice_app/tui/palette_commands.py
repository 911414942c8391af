"""The command palette: finds the chat's commands, and shows their names as they are, never as markup."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from textual.app import SystemCommand
from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content
from textual.markup import escape

from voice_app.tui.control import SWITCHES, Control
from voice_app.tui.replayed import Replay
from voice_app.tui.terminal_safe import one_line


class LiteralCommands(Provider):
    """Finds the app's system commands by what the user types. Textual's own provider would read names as markup."""

    async def discover(self) -> Hits:
        """Yield all commands, in the app's order."""
        for title, about, act, _ in self.app.get_system_commands(self.screen):
            yield DiscoveryHit(Content(title), act, title, escape(about))

    async def search(self, query: str) -> Hits:
        """Yield the commands whose titles match."""
        matcher = self.matcher(query)
        for title, about, act, _ in self.app.get_system_commands(self.screen):
            score, places = matcher.fuzzy_search.match(query, title)
            if score > 0:
                shown = Content(title)
                for place in places:
                    shown = shown.stylize(matcher.match_style, place, place + 1)
                yield Hit(score, shown, act, title, escape(about))


def switch_commands(control: Control, choices: Mapping[str, tuple[str, ...]]) -> Iterator[SystemCommand]:
    """Yield a command for each thing that can be exchanged while the session goes on."""
    for what, names in choices.items():
        for name in names:
            title = f"{what.capitalize()}: {one_line(name)}"
            about = f"Exchange the {SWITCHES.get(what, what)} while the session goes on"
            yield SystemCommand(title, about, partial(control.switch, **{what: name}))


def replay_commands(replay: Replay) -> Iterator[SystemCommand]:
    """Yield the commands of a recorded session's clock."""
    pause = "Replay: go on" if replay.paused else "Replay: pause"
    yield SystemCommand(pause, "The recording's clock", partial(replay.pause, not replay.paused))
    for speed in (0.5, 1.0, 2.0, 10.0):
        yield SystemCommand(f"Replay: speed {speed:g}", "How fast it is shown", partial(replay.run_at, speed))
