"""The chat as a Textual app: keys to the session's control, the session's events to the screen, thirty times a second.

`tick` is the main path. The session runs elsewhere; nothing here waits for it.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import ClassVar

from textual import work
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.command import Provider
from textual.screen import Screen

from voice_app.core import events
from voice_app.core.errors import VoiceAppError
from voice_app.observe.recorder import replay
from voice_app.tui.composer import Composer
from voice_app.tui.control import Control, Source
from voice_app.tui.exporting import whole_scene, write_export
from voice_app.tui.items import Activity
from voice_app.tui.modal_screens import Help, Welcome
from voice_app.tui.palette_commands import LiteralCommands, replay_commands, switch_commands
from voice_app.tui.preferences import load_preferences, save_preferences
from voice_app.tui.reducers import apply
from voice_app.tui.replayed import Replay
from voice_app.tui.scene import Scene
from voice_app.tui.screen import ChatScreen

FRAMES_PER_S = 30
APPLY_S = 0.012
"""How long a tick may take in events; what is left waits for the next one."""


@dataclass(frozen=True, slots=True)
class Chat:
    """What a chat is to show, and whom it asks."""

    control: Control
    source: Source
    budget_s: float = 0.3
    log: Path | None = None
    """The session's log, which has what the screen no longer keeps."""
    failure: Callable[[], Exception | None] = lambda: None
    """What the session ended with."""
    recorded: bool = False
    preferences: Path | None = None
    """The file of the preferences; None: nobody is greeted, and nothing is kept."""
    welcome: bool = False
    """Whether to greet again."""


@dataclass(slots=True)
class MicrophoneState:
    """When the microphone listens."""

    there: bool = False
    muted: bool = False
    hands_free: bool = True
    talking: bool = False
    """Whether push-to-talk is on."""

    def label(self, activity: Activity, recorded: bool) -> str:
        """Return it in a few words."""
        if recorded:
            return "recording"
        if activity is Activity.LOADING:
            return "loading models; you can type already"
        if not self.there:
            return "no microphone: type"
        if self.muted:
            return "muted (F2)"
        if self.talking:
            return "talk; F3 when done"
        return "hands-free" if self.hands_free else "F3 to talk"


@dataclass(slots=True)
class Waiting:
    """What was typed before the session listened."""

    texts: deque[str] = field(default_factory=lambda: deque(maxlen=20))


class ChatApp(App[int]):
    """The terminal chat."""

    TITLE = "voice-app"
    CSS_PATH = Path(__file__).with_name("chat.tcss")
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {LiteralCommands}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "interrupt", "Stop", key_display="Esc"),
        Binding("f1", "help", "Help", key_display="F1"),
        Binding("f2,ctrl+g", "mute", "Mute", key_display="F2"),
        Binding("f3,ctrl+t", "talk", "Talk", key_display="F3"),
        Binding("f4", "hands_free", "Hands-free", key_display="F4"),
        Binding("f5,ctrl+r", "repeat", "Repeat", key_display="F5"),
        Binding("f8,ctrl+n", "retry", "Retry", key_display="F8"),
        Binding("f9,ctrl+l", "copy_answer", "Copy", key_display="F9"),
        Binding("ctrl+b", "panel", "Panel"),
        Binding("ctrl+q", "leave", "Quit", priority=True),
    ]

    def __init__(self, chat: Chat) -> None:
        super().__init__()
        self.chat = chat
        self.animation_level = "none"  # over a slow line every step of a movement is a screen too late
        self.scene = Scene()
        self._chat_screen = ChatScreen(chat.budget_s)
        self.microphone = MicrophoneState()
        self.frames = 0
        """Ticks so far."""
        self._pending: deque[events.Event] = deque()
        self._early = Waiting()
        self.choices: Mapping[str, tuple[str, ...]] | None = None
        """What can be switched to; None until it is known."""
        self._preferences = load_preferences(chat.preferences)

    def get_default_screen(self) -> Screen[None]:
        """Return the chat's screen."""
        return self._chat_screen

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Yield what the palette offers now."""
        control = self.chat.control
        if isinstance(control, Replay):
            yield from replay_commands(control)
        else:
            yield from self._session_commands()
            yield from switch_commands(control, self.choices or {})
        command, export = SystemCommand, self.action_export
        yield command("Copy the last answer", "To the terminal's clipboard (F9)", self.action_copy_answer)
        yield command("Export as Markdown", "The conversation, to read", partial(export, "md"))
        yield command("Export as JSON", "The conversation, to go on with", partial(export, "json"))
        yield command("Export as WAV", "Its sound, with --keep-audio", partial(export, "wav"))
        yield command("Panel", "Show or hide where the time goes (Ctrl+B)", self.action_panel)
        yield command("Welcome", "Devices, models and what was measured at the start", self.action_welcome)
        yield command("Help", "All keys (F1)", self.action_help)
        yield command("Theme", "Other colours", self.search_themes)
        yield command("Quit", "End the session (Ctrl+Q)", self.action_leave)

    def _session_commands(self) -> Iterator[SystemCommand]:
        command = SystemCommand
        yield command("Stop", "Drop what is being said (Esc)", self.action_interrupt)
        yield command("Mute", "Close or open the microphone (F2)", self.action_mute)
        yield command("Push to talk", "Begin or end talking (F3)", self.action_talk)
        yield command(
            "Hands-free", "Listen all the time, or only by push to talk (F4)", self.action_hands_free
        )
        yield command("Repeat", "Say the last answer again (F5)", self.action_repeat)
        yield command("Retry", "Another answer to the last question (F8)", self.action_retry)

    def on_mount(self) -> None:
        """Start to show the session."""
        if self._preferences.theme in self.available_themes:
            self.theme = self._preferences.theme
        self.theme_changed_signal.subscribe(self, lambda theme: self._keep(theme=theme.name))
        self.set_interval(1 / FRAMES_PER_S, self.tick)
        if not self.chat.recorded:
            self.look_around()
        if self.chat.welcome or (self.chat.preferences is not None and not self._preferences.greeted):
            self.call_after_refresh(self.action_welcome)

    def _keep(self, **changes: object) -> None:
        self._preferences = self._preferences.model_copy(update=changes)
        save_preferences(self.chat.preferences, self._preferences)

    @work(thread=True)
    def look_around(self) -> None:
        """List what can be switched to; listing sound devices takes a moment."""
        choices = self.chat.control.choices()
        self.call_from_thread(setattr, self, "choices", choices)

    def tick(self) -> None:
        """Take in what happened, and show it."""
        if not self.chat_screen.ready:
            return
        self.frames += 1
        self._pending.extend(self.chat.source.take())
        until_s = time.perf_counter() + APPLY_S
        while self._pending and time.perf_counter() < until_s:
            apply(self.scene, self._pending.popleft())
        if failure := self.chat.failure():
            self.exit(1, message=str(failure))
            return
        control, activity = self.chat.control, self.scene.activity
        self.microphone.there = control.has_microphone()
        while self._early.texts and activity is not Activity.LOADING:
            control.submit(self._early.texts.popleft())
        now_s = max(self.chat.source.now_s(), 0.0)
        label = self.microphone.label(activity, self.chat.recorded)
        level_db = control.level_db()
        self.chat_screen.show(self.scene, now_s, label, level_db)
        if isinstance(self.screen, Welcome):
            self.screen.show(self.scene, self.choices, level_db)

    @property
    def busy(self) -> bool:
        """Return whether a tick left events to take in."""
        return bool(self._pending)

    @property
    def chat_screen(self) -> ChatScreen:
        """Return the screen below all others."""
        return self._chat_screen

    # What the user does.

    def on_composer_sent(self, sent: Composer.Sent) -> None:
        """Submit a text; before the session listens, it waits."""
        if self.scene.activity is Activity.LOADING:
            self._early.texts.append(sent.text)
            self.scene.note("session", "Asked as soon as the models are loaded: " + sent.text)
        else:
            self.chat.control.submit(sent.text)

    def on_composer_cut(self, cut: Composer.Cut) -> None:
        """Show how much of a paste was cut off."""
        lost = cut.pasted - cut.kept
        self.scene.note(
            "notice",
            f"Of {cut.pasted:,} pasted characters the first {cut.kept:,} were taken; {lost:,} were cut off. "
            "A turn has room for no more; what was typed before is all there.",
        )

    def on_composer_paged(self, paged: Composer.Paged) -> None:
        """Scroll what was said by a page."""
        transcript = self.chat_screen.transcript
        (transcript.scroll_page_up if paged.up else transcript.scroll_page_down)(animate=False)

    def action_interrupt(self) -> None:
        """Stop what is being said."""
        self.chat.control.interrupt()

    def action_mute(self) -> None:
        """Close or open the microphone."""
        self.microphone.muted = not self.microphone.muted
        self.chat.control.set_muted(self.microphone.muted)

    def action_talk(self) -> None:
        """Begin or end talking: a terminal does not report when a key is released, so it is pressed twice."""
        microphone = self.microphone
        if microphone.hands_free:
            self.action_hands_free()
        microphone.talking = not microphone.talking
        self.chat.control.push_to_talk(microphone.talking)

    def action_hands_free(self) -> None:
        """Listen all the time, or only when asked to."""
        microphone = self.microphone
        microphone.hands_free, microphone.talking = not microphone.hands_free, False
        self.chat.control.hands_free(microphone.hands_free)

    def action_repeat(self) -> None:
        """Have the last answer said again."""
        self.chat.control.repeat()

    def action_retry(self) -> None:
        """Have the last question answered anew."""
        self.chat.control.retry()

    def action_panel(self) -> None:
        """Show or hide the panel."""
        self.chat_screen.toggle_class("no-panel")
        self.scene.version += 1

    def action_copy_answer(self) -> None:
        """Copy the last answer to the terminal's clipboard (OSC 52)."""
        if answer := self.scene.answer:
            self.copy_to_clipboard(answer)
            self.notify(
                f"{len(answer):,} characters copied, if the terminal allows it (OSC 52)", markup=False
            )
        else:
            self.notify("There is no answer yet", markup=False)

    def action_help(self) -> None:
        """Show the keys."""
        self.push_screen(Help(self.chat_screen.palette))

    def action_welcome(self) -> None:
        """Show what was found on this machine."""
        self._keep(greeted=True)
        self.push_screen(Welcome(self.chat_screen.palette, self.chat_screen.composer.take))

    def action_export(self, kind: str) -> None:
        """Write the conversation to the current folder: `md`, `json` or `wav`."""
        self._export(kind, self.scene.snapshot())

    @work(thread=True)
    def _export(self, kind: str, shown: Scene) -> None:
        log = self.chat.log
        try:
            scene = whole_scene(replay(log)) if log is not None and log.is_file() else shown
            path = write_export(scene, kind, Path.cwd(), self.chat.control)
            message = f"Written: {path}"
        except VoiceAppError as error:
            message = str(error)
        except OSError as error:
            message = (
                f"The conversation can't be written ({error.strerror}); start the chat in another folder"
            )
        self.call_from_thread(self.scene.note, "notice", message)

    def action_leave(self) -> None:
        """End the session and the chat."""
        self.chat.control.end()
        self.exit(0)
