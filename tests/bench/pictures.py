"""The README's pictures, from real runs: `python -m tests.bench.pictures` (with Chromium) writes assets/pictures.

`latency`: a session of recorded questions with the real models, in real time: each turn's stages against 300 ms.
`chat`: a recorded session on the chat's screen, in the middle of an answer.
`chip`: the embedded model's decode step on the emulated chip.

Each picture says its basis and what it depends on, and what shows it in the README is printed.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from inference.assets import asset
from lpu_backend.chip.spec import PRODUCT
from lpu_backend.compiler.steps import CompiledSteps
from lpu_backend.markup import document, element, legend
from lpu_backend.model.gguf_file import open_gguf
from lpu_backend.model.shape import read_shape
from lpu_backend.page import floor_drawing as plan
from lpu_backend.page import timeline_drawing as timeline
from lpu_backend.page.facts import Step, step_of
from tests.browser import BROWSER
from tests.voice_app.tui.shown import recorded, ticked
from voice_app.bench.audio import Product
from voice_app.bench.bench_drawing import NAMES, waterfalls
from voice_app.bench.bench_report import Targets, turn_figures
from voice_app.bench.machine import machine
from voice_app.bench.scenario import bundled
from voice_app.core import events
from voice_app.core.history import History
from voice_app.core.stages import Stage
from voice_app.runtime.engine_set import load
from voice_app.runtime.engines import build_tts, chosen_llm, find_model, with_models
from voice_app.runtime.settings import Settings, load_settings

FOLDER = Path(__file__).parents[2] / "assets" / "pictures"
WIDTH, SHARPNESS = 880, 2
"""CSS pixels of a picture, and the picture's pixels for each."""
COLOURS = 200
LARGEST_BYTES = 200_000
TURNS, BUDGET_MS = 10, 300.0
SHOWN_PARTS = 60
"""Steps in which the chat's screen takes in a session."""
TERMINAL = (104, 30)
"""Columns and rows of the chat's screen."""
INTO_THE_ANSWER = 0.6
"""How much of the answer of the chat's picture has been heard."""
STYLE = """
body { padding: 0; max-width: none; background: transparent; }
figure {
  margin: 0; padding: 1.1rem 1.3rem 1rem; width: 880px;
  background: var(--card); border: 1px solid var(--line); border-radius: 12px;
}
figure h1 { font-size: 1.12rem; letter-spacing: -.01em; } figure h3 { font-size: .93rem; margin: 1.1rem 0 .25rem; }
figure ul.legend { margin: .35rem 0 .5rem; font-size: .82rem; gap: .2rem .85rem; }
figcaption { color: var(--soft); font-size: .84rem; margin-top: .7rem; }
"""


@dataclass(frozen=True, slots=True)
class Picture:
    """One file, or two for light and dark."""

    name: str
    body: Element | str
    """The part of a page that is the picture, or a page as text; the picture's id is `picture`."""
    alt: str
    """What it shows, for those who don't see it."""
    about: str
    """What it rests on; in the file, too."""
    schemes: tuple[str, ...] = ("light", "dark")


def hold(settings: Settings, folder: Path) -> Mapping[str, Any]:
    """Hold a session of bundled questions, spoken by the voice, in real time; return its figures."""
    settings = with_models(settings, llm=chosen_llm(settings).name).model_copy(update={"keep_log": False})
    said = bundled(build_tts(settings))[:TURNS]
    engines = load(settings)
    try:
        turns = asyncio.run(
            Product(engines, History(engines.persona.messages()), settings).hold(said, folder)
        )
    finally:
        engines.close()
    report = turn_figures(turns, Targets(BUDGET_MS))
    return {**report, "mode": "audio", "machine": machine(), "models": engines.models}


def figure(title: str, caption: str, *parts: Element) -> Element:
    """Return a picture's frame."""
    return element("figure", element("h1", title), *parts, element("figcaption", caption), id="picture")


def latency_picture(report: Mapping[str, Any]) -> Picture:
    """Where the time of every turn went."""
    voice, models, where = report["voice_to_voice_ms"], report["models"], report["machine"]
    inside = sum(
        one["voice_to_voice_ms"] is not None and one["voice_to_voice_ms"] <= BUDGET_MS
        for one in report["each"]
    )
    title = f"From the end of a question to the answer’s first sound: {voice['p50']:.0f} ms at the median"
    caption = (
        f"Measured from the sound, {report['turns']} turns in a row, {inside} of them within {BUDGET_MS:g} ms: "
        f"{models['stt']} → {models['llm']} → {models['tts']} on {where['cores']} cores of an {where['processor']}, "
        "offline. The dot is where the answer becomes audible; waiting is what the end of the turn took beyond the "
        "work."
    )
    names = legend([*((name, NAMES[name]) for name in Stage), ("dot", "from the sound")])
    body = figure(title, caption, names, waterfalls(report["each"], BUDGET_MS))
    alt = f"Waterfall of {report['turns']} spoken turns: f{title[1:]}, measured; budget {BUDGET_MS:g} ms"
    return Picture("latency", body, alt, caption)


def chip_picture(step: Step, model: str) -> Picture:
    """The chip, and a token on it."""
    cycles, seconds = step.cycles, step.simulation.seconds
    title = f"A token of {model} on the emulated chip: {cycles:,} cycles, {seconds * 1e6:.0f} µs"
    caption = (
        f"Emulated: {step.simulation.issues:,} instructions, each with its cycle, proven before they run, the same on "
        "every machine. Each row is as high as its own peak; beside it how busy the units are, and at most. Program "
        f"{step.program.digest[:12]}."
    )
    body = figure(
        title,
        caption,
        element("h3", "The chip, west to east: the stronger the colour, the busier the unit"),
        plan.floor_plan(step, PRODUCT),
        element("h3", f"All {cycles:,} cycles: 30 layers, then the logits"),
        timeline.timeline(step, (0, cycles), [timeline.layers_line(step)]),
    )
    return Picture("chip", body, f"Floor plan and timeline. {title}; how busy each kind of unit is", caption)


def embedded_step() -> tuple[Step, str]:
    """The decode step of the embedded model, and what the model is called."""
    path = find_model(chosen_llm(load_settings(models={"llm_backend": "lpu"})).name, "llm").path
    return step_of(
        CompiledSteps(read_shape(open_gguf(path)), PRODUCT, 1024).program(1, 128), PRODUCT
    ), "SmolLM2-135M"


def chat_picture(log: Sequence[events.Event]) -> Picture:
    """The chat's screen while an answer is spoken: a session's log, stopped there."""
    at_s = _in_an_answer(log)
    drawn = asyncio.run(_screen([event for event in log if event.at_s <= at_s], at_s))
    drawn = re.sub(r"@font-face\s*{[^}]*}", "", drawn).replace("Fira Code", "DejaVu Sans Mono")
    body = f'<!doctype html><title>chat</title><div id="picture" style="width: {WIDTH}px">{drawn}</div>'
    alt = (
        "The chat in a terminal: what was heard, the answer as it is spoken, the turn’s stages against 300 ms"
    )
    return Picture("chat", body, alt, "A recorded session with the real models, measured.", ("dark",))


def _in_an_answer(log: Sequence[events.Event]) -> float:
    """A moment in the longest answer that was heard to its end, of those in the session's second half."""
    started = {event.turn: event.at_s for event in log if isinstance(event, events.PlaybackStarted)}
    ended = {event.turn: event.at_s for event in log if isinstance(event, events.PlaybackStopped)}
    later = sorted(ended)[len(ended) // 2 :]
    turn = max(later, key=lambda number: ended[number] - started[number])
    return started[turn] + INTO_THE_ANSWER * (ended[turn] - started[turn])


async def _screen(log: Sequence[events.Event], at_s: float) -> str:
    """The chat's screen as SVG at a moment of a log that came little by little, as it does when somebody talks."""
    from voice_app.tui.app import Chat, ChatApp
    from voice_app.tui.replayed import Replay

    now = [0.0]
    source = Replay(log, lambda: now[0])
    app = ChatApp(Chat(source, source, BUDGET_MS / 1000, recorded=True))
    async with app.run_test(size=TERMINAL) as pilot:
        for part in range(1, SHOWN_PARTS + 1):
            now[0] = at_s * part / SHOWN_PARTS
            await ticked()(pilot)
        return app.export_screenshot(title="voice-app chat")


def style() -> str:
    """Return the pages' look, and a picture's."""
    names = ("lpu/page.css", "lpu/chip.css", "bench/page.css")
    return "".join(asset(name).read_text("utf-8") for name in names) + STYLE


def taken(picture: Picture, folder: Path) -> Iterator[Path]:
    """Have Chromium draw a picture in each of its schemes; yield the files. Raises ValueError for one too large."""
    from playwright.sync_api import sync_playwright

    text = picture.body if isinstance(picture.body, str) else document(picture.name, style(), picture.body)
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as driver:
        source = Path(temporary) / f"{picture.name}.html"
        source.write_text(text, "utf-8")
        browser = driver.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        for scheme in picture.schemes:
            options: Any = {"color_scheme": scheme, "device_scale_factor": SHARPNESS}
            page = browser.new_page(viewport={"width": WIDTH + 20, "height": 700}, **options)
            page.goto(source.as_uri())
            file = folder / (
                f"{picture.name}-{scheme}.png" if len(picture.schemes) > 1 else f"{picture.name}.png"
            )
            drawn = Image.open(BytesIO(page.locator("#picture").screenshot(omit_background=True)))
            about = PngInfo()
            about.add_itxt("Description", picture.about)
            drawn.quantize(COLOURS, Image.Quantize.FASTOCTREE).save(file, optimize=True, pnginfo=about)
            if file.stat().st_size > LARGEST_BYTES:
                raise ValueError(f"{file}: {file.stat().st_size:,} bytes; at most {LARGEST_BYTES:,}")
            yield file
        browser.close()


def readme_line(picture: Picture) -> str:
    """What shows a picture in the README: the one of the reader's scheme where there are two."""
    alt = picture.alt.replace('"', "”")
    if len(picture.schemes) == 1:
        return f"![{alt}](assets/pictures/{picture.name}.png)"
    dark, light = (f"assets/pictures/{picture.name}-{scheme}.png" for scheme in ("dark", "light"))
    source = f'<source media="(prefers-color-scheme: dark)" srcset="{dark}">'
    return f'<picture>{source}<img alt="{alt}" src="{light}" width="{WIDTH}"></picture>'


def main() -> None:
    """Write the pictures that are asked for, all without a name."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", help="only these: latency, chat, chip")
    wanted = parser.parse_args().names or ["latency", "chat", "chip"]
    FOLDER.mkdir(exist_ok=True)
    pictures = []
    if "latency" in wanted:
        with tempfile.TemporaryDirectory() as folder:
            pictures.append(latency_picture(hold(load_settings(), Path(folder))))
    if "chat" in wanted:
        pictures.append(chat_picture(recorded()))
    if "chip" in wanted:
        pictures.append(chip_picture(*embedded_step()))
    for picture in pictures:
        for file in taken(picture, FOLDER):
            print(f"{file.relative_to(FOLDER.parents[1])}: {file.stat().st_size:,} bytes")
        print(readme_line(picture))


if __name__ == "__main__":
    main()
