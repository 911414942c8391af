"""The side panel and the status line: the turn against its budget, the session, the model, the chip. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from rich.style import Style
from rich.text import Text

from voice_app.core.stages import Stage
from voice_app.tui.drawing import wait
from voice_app.tui.figures import SessionFigures, to_sound_s, used_most
from voice_app.tui.items import Activity
from voice_app.tui.palette import Palette
from voice_app.tui.scene import Scene

BARS = " ▁▂▃▄▅▆▇█"
EIGHTHS = " ▏▎▍▌▋▊▉█"
QUIET_DB = -60.0
NAME_CELLS = 9
LPU_BACKENDS = ("lpu", "lpu-delegated")
SIGNS = {
    Activity.LOADING: "◌",
    Activity.LISTENING: "○",
    Activity.HEARING: "●",
    Activity.DRAFTING: "◔",
    Activity.THINKING: "◑",
    Activity.SPEAKING: "▶",
    Activity.HELD: "‖",
    Activity.CLOSED: "■",
}


def panel(scene: Scene, width: int, budget_s: float, palette: Palette) -> Text:
    """Return the panel's lines, `width` cells wide."""
    parts = [
        turn_part(scene, width, budget_s, palette),
        session_part(scene.session, width, budget_s, palette),
        model_part(scene, palette),
    ]
    return Text("\n\n").join(part for part in parts if part)


def _heading(left: str, right: Text, width: int, palette: Palette) -> Text:
    line = Text().append(left, palette.title)
    line.append(" " * max(1, width - line.cell_len - right.cell_len))
    return line.append_text(right)


def turn_part(scene: Scene, width: int, budget_s: float, palette: Palette) -> Text:
    """Return the turn's stages, each a bar from where it began to where it ended, and the mark of the budget."""
    times, commit = scene.turn.times(), scene.turn.commit
    total_s = to_sound_s(times, commit)
    right = Text("-", palette.faint) if total_s is None else wait(total_s, budget_s, palette)
    lines = [_heading("TURN", right, width, palette)]
    known_s = times.spans_s if times else {}
    whole_s = sum(known_s.values())
    cells = max(4, width - NAME_CELLS - 6)
    scale = cells / max(whole_s, budget_s * 1.15)
    mark = min(cells - 1, int(budget_s * scale))
    at_s = 0.0
    for stage in Stage:
        seconds = known_s.get(stage)
        lines.append(_bar(stage, at_s, seconds, (cells, mark, scale), palette))
        at_s += seconds or 0.0
    ruler = Text(" " * (NAME_CELLS + mark) + "╵", palette.faint)
    label = f"{budget_s * 1000:.0f} ms"
    lines.append(ruler.append(label if mark + len(label) < cells + 5 else "", palette.faint))
    typed = commit is not None and commit.speech_end_s is None
    lines += [Text("from the typed text on", palette.faint)] if typed else []
    for action, cause in islice(scene.current.actions, 3):
        lines.append(Text(f"! {action}: {cause}", palette.notice))
    if scene.current.because:
        lines.append(Text(scene.current.because, palette.faint))
    return Text("\n").join(lines)


def _bar(
    stage: Stage, at_s: float, seconds: float | None, grid: tuple[int, int, float], palette: Palette
) -> Text:
    """Return one stage; `grid`: cells, the budget's cell, cells a second."""
    cells, mark, scale = grid
    row = [" "] * cells
    row[mark] = "┊"
    line = Text(f"{stage.label:<{NAME_CELLS}}", palette.faint)
    if seconds is None:
        return line.append("".join(row), palette.faint).append("     -", palette.faint)
    start = min(cells - 1, round(at_s * scale))
    stop = min(cells, max(start + (seconds > 0), round((at_s + seconds) * scale)))
    line.append("".join(row[:start]), palette.faint)
    line.append("█" * (stop - start), palette.stage(stage))
    line.append("".join(row[stop:]), palette.faint)
    return line.append(f"{seconds * 1000:6.0f}")


def session_part(session: SessionFigures, width: int, budget_s: float, palette: Palette) -> Text:
    """Return how long answers took so far."""
    waits_s = session.waits_s
    what = "voice to voice" if session.voice_s else "typed to voice" if session.typed_s else ""
    lines = [_heading("SESSION", Text(what, palette.faint), width, palette)]
    median_s, high_s = session.wait_s(50), session.wait_s(95)
    if median_s is None or high_s is None:
        lines.append(Text("no answer yet", palette.faint))
    else:
        kept = sum(seconds <= budget_s for seconds in waits_s)
        lines.append(Text(f"p50 {median_s * 1000:,.0f} ms   p95 {high_s * 1000:,.0f} ms"))
        lines.append(sparkline(list(waits_s)[-width:], budget_s, palette))
        lines.append(Text(f"{kept} of {len(waits_s)} within {budget_s * 1000:.0f} ms", palette.faint))
    used = max(0, session.drafts - session.discarded)
    counts = f"{counted(session.turns, 'turn')}, {session.cut} cut off by you"
    drafts = f"{counted(used, 'draft')} used, {session.discarded} dropped"
    return Text("\n").join([*lines, Text(counts, palette.faint), Text(drafts, palette.faint)])


def sparkline(waits_s: Sequence[float], budget_s: float, palette: Palette) -> Text:
    """Return a bar a turn; the budget is half of the height, so that a taller bar is over it."""
    line = Text()
    for seconds in waits_s:
        height = min(8, max(1, round(seconds / budget_s * 4)))
        over = seconds > budget_s
        line.append(BARS[max(height, 5) if over else min(height, 4)], palette.bad if over else palette.good)
    return line


def model_part(scene: Scene, palette: Palette) -> Text:
    """Return the language model's speed in the last reply; with an emulated chip, its time beside this host's."""
    writing = scene.current.writing
    chip = scene.models.get("llm_backend") in LPU_BACKENDS
    lines = [Text().append("LPU" if chip else "MODEL", palette.title)]
    if chip:
        lines += _chip(scene, palette)
    elif writing.tokens_per_s:
        lines.append(Text(f"{writing.tokens_per_s:,.1f} tokens/s").append(" measured", palette.faint))
    if writing.tokens and writing.first_token_s is not None:
        words = f"{counted(writing.tokens, 'token')}, the first after {writing.first_token_s * 1000:.0f} ms"
        lines.append(Text(words, palette.faint))
    if writing.done and writing.done.prompt_tokens:
        done = writing.done
        lines.append(Text(f"prompt {done.prompt_tokens}, {done.cached_tokens} of it cached", palette.faint))
    return Text("\n").join(lines) if len(lines) > 1 else Text()


def _chip(scene: Scene, palette: Palette) -> list[Text]:
    writing = scene.current.writing
    rows = (
        ("first token", _ms(writing.emulated_first_s), _ms(writing.first_token_s)),
        ("tokens/s", _rate(writing.emulated_tokens_per_s), _rate(writing.tokens_per_s)),
    )
    lines = [Text(f"{'':<13}{'emulated':>11}{'this host':>11}", palette.faint)]
    lines += [Text(f"{name:<13}{chip:>11}{host:>11}") for name, chip, host in rows]
    if done := writing.done:
        if done.cycles_per_token:
            lines.append(Text(f"{'cycles/token':<13}{done.cycles_per_token:>11,}"))
        if done.chip_utilisation:
            lines.append(Text("units, share of cycles in use, emulated", palette.faint))
        lines += [_share(unit, share, palette) for unit, share in used_most(done.chip_utilisation)]
        if done.late_tokens:
            lines.append(Text(f"{done.late_tokens} of {done.tokens} tokens came later here", palette.notice))
    if scene.models.get("llm_backend") == "lpu-delegated":
        lines.append(Text("llama.cpp computes, the chip keeps time", palette.faint))
    return lines


def _share(unit: str, share: float, palette: Palette) -> Text:
    cells = 10
    full = min(cells, max(0, round(share * cells)))
    line = Text(f"{unit[:18]:<18}{share:>6.1%} ")
    return line.append("█" * full, palette.token).append("░" * (cells - full), palette.faint)


def counted(number: int, what: str) -> str:
    """Return a number of things."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def _ms(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    return f"{seconds * 1000:,.3f} ms" if seconds < 0.001 else f"{seconds * 1000:,.1f} ms"


def _rate(rate: float | None) -> str:
    return "-" if rate is None else f"{rate:,.1f}"


def level_bar(level_db: float, cells: int) -> str:
    """Return a bar for a level from `QUIET_DB` to full scale."""
    eighths = round(max(0.0, min(1.0, (level_db - QUIET_DB) / -QUIET_DB)) * cells * 8)
    full, part = divmod(eighths, 8)
    return ("█" * full + (EIGHTHS[part] if part else "")).ljust(cells, "·")


def compact(scene: Scene, room: int, budget_s: float, palette: Palette) -> Text:
    """Return as much of the panel as fits in `room` cells of a line, the turn first."""
    total_s = to_sound_s(scene.turn.times(), scene.turn.commit)
    parts = [] if total_s is None else [wait(total_s, budget_s, palette)]
    median_s, high_s = scene.session.wait_s(50), scene.session.wait_s(95)
    if median_s is not None and high_s is not None:
        parts.append(Text(f"p50 {median_s * 1000:,.0f} p95 {high_s * 1000:,.0f}", palette.faint))
    writing = scene.current.writing
    if writing.emulated_tokens_per_s:
        parts.append(Text(f"{writing.emulated_tokens_per_s:,.0f} tok/s emulated", palette.faint))
    if writing.tokens_per_s:
        parts.append(Text(f"{writing.tokens_per_s:.0f} tok/s", palette.faint))
    line = Text()
    for part in parts:
        joined = Text(" · ", palette.faint).join([line, part]) if line else part
        if joined.cell_len > room:
            break
        line = joined
    return line


def activity_style(activity: Activity, palette: Palette) -> Style:
    """Return the style of a state; its name stands beside it."""
    match activity:
        case Activity.HEARING:
            return palette.you
        case Activity.SPEAKING:
            return palette.voice
        case Activity.HELD:
            return palette.bad
        case Activity.DRAFTING | Activity.THINKING:
            return palette.notice
        case _:
            return palette.title
