"""The chat's screen: transcript, panel, status line, text field. It shows what it is given and asks for nothing."""

from __future__ import annotations

from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.screen import Screen
from textual.widgets import Footer, Static

from voice_app.tui.composer import Composer
from voice_app.tui.palette import ROLES, Palette
from voice_app.tui.panel import SIGNS, activity_style, compact, level_bar, panel
from voice_app.tui.scene import Scene
from voice_app.tui.terminal_safe import one_line
from voice_app.tui.transcript import Transcript

HINT = Text.from_markup(
    "\n  [b]Speak[/b], or type below and press Enter.\n\n"
    "  Speaking over an answer stops it, and so does Esc.\n"
    "  [b]F1[/b] all keys   [b]Ctrl+P[/b] commands: models, voices, personas, devices, themes\n"
)
METER_CELLS, SHORT_METER_CELLS = 12, 6
METER_FROM = 64
"""Cells of a screen that has room for the level meter."""


class ChatScreen(Screen[None]):
    """Everything there is to see."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"chat--{role}" for role in ROLES}
    AUTO_FOCUS = "Composer"
    HORIZONTAL_BREAKPOINTS = [
        (0, "-tiny"),
        (40, "-slim"),
        (100, "-wide"),
    ]
    VERTICAL_BREAKPOINTS = [(0, "-low"), (10, "-high")]

    def __init__(self, budget_s: float) -> None:
        super().__init__()
        self.budget_s = budget_s
        self.palette = Palette()
        self.transcript = Transcript(budget_s, HINT)
        self.composer = Composer("Type here")
        self._parts = {name: Static(id=name) for name in ("top", "panel", "status")}
        self._shown = (-1, 0)
        self._lines: dict[str, Text] = {}

    @property
    def ready(self) -> bool:
        """Return whether the screen is built, and not yet taken down."""
        return self.composer.is_attached and self._parts["status"].is_attached

    def compose(self) -> ComposeResult:
        """Build the screen."""
        yield self._parts["top"]
        with Horizontal(id="middle"):
            yield self.transcript
            yield self._parts["panel"]
        yield self._parts["status"]
        with Horizontal(id="entry"):
            yield Static("›", id="prompt")
            yield self.composer
        yield Footer()

    def on_mount(self) -> None:
        """Take the theme's styles."""
        self.restyle()
        self.app.theme_changed_signal.subscribe(self, lambda _: self.restyle())

    def restyle(self) -> None:
        """Take the styles of the theme."""
        styles = {role: _ink(self.get_component_rich_style(f"chat--{role}")) for role in ROLES}
        self.palette = Palette(**styles)
        self._shown = (-1, 0)

    def show(self, scene: Scene, now_s: float, microphone: str, level_db: float) -> None:
        """Show a scene as it is at `now_s`; what is as before is left alone."""
        self.transcript.show(scene, now_s, self.palette)
        self._update("status", self._status(scene, microphone, level_db))
        if (scene.version, self.size.width) != self._shown:
            self._shown = scene.version, self.size.width
            self._update("top", self._top(scene))
            if self.has_panel:
                width = max(20, self._parts["panel"].content_region.width)
                self._update("panel", panel(scene, width, self.budget_s, self.palette))

    def _update(self, name: str, text: Text) -> None:
        if self._lines.get(name) != text:
            self._lines[name] = text
            self._parts[name].update(text, layout=False)  # all have the size that the style sheet gives them

    def _top(self, scene: Scene) -> Text:
        models = scene.models
        names = [models[name] for name in ("llm", "llm_backend", "stt", "tts") if models.get(name)]
        line = Text(no_wrap=True, overflow="ellipsis").append("voice-app", self.palette.title)
        if scene.persona:
            line.append("  ").append(one_line(scene.persona), self.palette.voice)
        for number, name in enumerate(names):
            part = f"{' · ' if number else '  '}{one_line(name)}"
            if line.cell_len + len(part) <= self.size.width - 2:
                line.append(part, self.palette.faint)
        return line

    def _status(self, scene: Scene, microphone: str, level_db: float) -> Text:
        """Return the state, the microphone, its level, and on screens without the panel its figures."""
        activity, width = scene.activity, self.size.width
        line = Text(no_wrap=True, overflow="ellipsis")
        line.append(f"{SIGNS[activity]} {activity.value:<11} ", activity_style(activity, self.palette))
        cells = METER_CELLS if self.has_panel else SHORT_METER_CELLS
        if width >= METER_FROM:
            line.append(level_bar(level_db, cells), self.palette.good)
            line.append(f" {level_db:3.0f} dB  ", self.palette.faint)
        line.append(microphone, self.palette.faint)
        if not self.has_panel:
            room = width - 4 - line.cell_len
            figures = compact(scene, room, self.budget_s, self.palette)
            line.append(" " * (room + 2 - figures.cell_len)).append_text(figures)
        return line

    @property
    def has_panel(self) -> bool:
        """Return whether the panel is visible."""
        return bool(self._parts["panel"].display)


def _ink(style: Style) -> Style:
    """Return a style without its background: the widget below has one."""
    return Style(
        color=style.color,
        bold=style.bold or None,
        italic=style.italic or None,
        reverse=style.reverse or None,
        strike=style.strike or None,
        dim=style.dim or None,
        underline=style.underline or None,
    )
