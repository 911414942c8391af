"""The command palette: what a key does, and what can be exchanged. Names are shown as they are, never as markup."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content
from textual.markup import escape

from voice_app.tui.control import SWITCHES
from voice_app.tui.harmless import one_line
from voice_app.tui.replayed import Replay

if TYPE_CHECKING:
    from voice_app.tui.app import ChatApp


@dataclass(frozen=True, slots=True)
class Command:
    """An entry of the palette."""

    title: str
    help: str
    act: Callable[[], object]


class ChatCommands(Provider):
    """Finds the chat's commands by what the user types."""

    async def discover(self) -> Hits:
        """Yield all of them."""
        for command in self._commands():
            yield DiscoveryHit(Content(command.title), command.act, command.title, escape(command.help))

    async def search(self, query: str) -> Hits:
        """Yield those that match."""
        matcher = self.matcher(query)
        for command in self._commands():
            score, places = matcher.fuzzy_search.match(query, command.title)
            if score > 0:
                shown = Content(command.title)
                for place in places:
                    shown = shown.stylize(matcher.match_style, place, place + 1)
                yield Hit(score, shown, command.act, command.title, escape(command.help))

    def _commands(self) -> Iterator[Command]:
        from voice_app.tui.app import ChatApp

        assert isinstance(self.app, ChatApp)
        return commands(self.app)


def commands(app: ChatApp) -> Iterator[Command]:
    """Yield what can be done now."""
    control = app.chat.control
    if isinstance(control, Replay):
        yield from _replay(control)
    else:
        yield from _session(app)
        yield from _switches(app)
    yield Command("Copy the last answer", "To the terminal's clipboard (F9)", app.action_copy_answer)
    yield Command("Export as Markdown", "The conversation, to read", partial(app.action_export, "md"))
    yield Command("Export as JSON", "The conversation, to go on with", partial(app.action_export, "json"))
    yield Command("Export as WAV", "Its sound, with --keep-audio", partial(app.action_export, "wav"))
    yield Command("Panel", "Show or hide where the time goes (Ctrl+B)", app.action_panel)
    yield Command("Welcome", "Devices, models and what was measured at the start", app.action_welcome)
    yield Command("Help", "All keys (F1)", app.action_help)
    yield Command("Theme", "Other colours", app.search_themes)
    yield Command("Quit", "End the session (Ctrl+Q)", app.action_leave)


def _session(app: ChatApp) -> Iterator[Command]:
    yield Command("Stop", "Drop what is being said (Esc)", app.action_interrupt)
    yield Command("Mute", "Close or open the microphone (F2)", app.action_mute)
    yield Command("Push to talk", "Begin or end talking (F3)", app.action_talk)
    yield Command("Hands-free", "Listen all the time, or only by push to talk (F4)", app.action_hands_free)
    yield Command("Repeat", "Say the last answer again (F5)", app.action_repeat)
    yield Command("Retry", "Another answer to the last question (F8)", app.action_retry)


def _switches(app: ChatApp) -> Iterator[Command]:
    for what, names in (app.choices or {}).items():
        for name in names:
            help_ = f"Exchange the {SWITCHES.get(what, what)} while the session goes on"
            yield Command(
                f"{what.capitalize()}: {one_line(name)}",
                help_,
                partial(app.chat.control.switch, **{what: name}),
            )


def _replay(replay: Replay) -> Iterator[Command]:
    pause = "Replay: go on" if replay.paused else "Replay: pause"
    yield Command(pause, "The recording's clock", partial(replay.pause, not replay.paused))
    for speed in (0.5, 1.0, 2.0, 10.0):
        yield Command(f"Replay: speed {speed:g}", "How fast it is shown", partial(replay.run_at, speed))
