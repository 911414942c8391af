"""The roles that styles play; the theme gives each its look. What a style says, a word or a sign says too."""

from __future__ import annotations

from dataclasses import dataclass, fields

from rich.style import Style

from voice_app.core.stages import Stage


@dataclass(frozen=True, slots=True)
class Palette:
    """A style for each role. The defaults need no colour."""

    you: Style = Style(bold=True)
    voice: Style = Style(bold=True)
    text: Style = Style()
    current: Style = Style(bold=True, reverse=True)
    """The word that sounds."""
    ahead: Style = Style(dim=True)
    """Written, not yet heard."""
    unheard: Style = Style(dim=True, strike=True)
    """Written, never heard."""
    partial: Style = Style(italic=True)
    faint: Style = Style(dim=True)
    title: Style = Style(bold=True)
    good: Style = Style()
    bad: Style = Style(bold=True)
    notice: Style = Style()
    endpoint: Style = Style()
    stt: Style = Style()
    token: Style = Style()
    clause: Style = Style()
    sound: Style = Style()
    hold: Style = Style()
    device: Style = Style()

    def stage(self, stage: Stage) -> Style:
        """Return the style of a stage's bar."""
        return {
            Stage.ENDPOINT: self.endpoint,
            Stage.STT: self.stt,
            Stage.LLM_FIRST_TOKEN: self.token,
            Stage.LLM_FIRST_CLAUSE: self.clause,
            Stage.TTS_FIRST_SOUND: self.sound,
            Stage.HOLD: self.hold,
            Stage.DEVICE: self.device,
        }[stage]


ROLES = tuple(field.name for field in fields(Palette))
