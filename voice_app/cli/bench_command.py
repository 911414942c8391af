"""`voice-app bench`: how long answers take, and how good they are."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voice_app.cli.options import (
    Backends,
    FirstTokenMs,
    Json,
    Model,
    PersonaName,
    PresetName,
    TokenMs,
    Voice,
    flags,
    model_flags,
)

if TYPE_CHECKING:
    from voice_app.runtime.settings import Settings


class BenchMode(StrEnum):
    """How the benchmark runs."""

    AUDIO = "audio"
    CARD = "card"
    COMPOSED = "composed"
    ANSWERS = "answers"


class Half(StrEnum):
    """Which half of the sets of answers is asked."""

    WORK = "work"
    REPORTED = "reported"
    BOTH = "both"


EchoDb = Annotated[
    float | None, typer.Option(min=-60, max=0, help="Card: how loud the microphone hears the loudspeaker.")
]
Noise = Annotated[
    str, typer.Option(help="Card: disturb a conversation of TURNS rounds: made, or a folder of sound files.")
]
Busy = Annotated[
    int,
    typer.Option(min=0, max=64, help="Audio, card: beside so many processes that keep a core busy each."),
]
Baselines = Annotated[
    bool, typer.Option(help="Audio: measure the same turns without drafting and with a serial cascade, too.")
]
Compare = Annotated[
    tuple[Path, Path] | None,
    typer.Option(metavar="A B", help="Compare two results of --json instead; fail where B is worse than A."),
]
P95Limit = Annotated[
    int,
    typer.Option(
        "--p95-limit-ms",
        "--budget-ms",
        min=50,
        max=10000,
        help="What the 95th percentile may take; --budget-ms is the old name.",
    ),
]
Corpus = Annotated[
    Path | None, typer.Option(help="Folder of recordings with a manifest.jsonl; else bundled questions.")
]
Mode = Annotated[
    BenchMode,
    typer.Option(
        help="audio: files in real time; card: a private PulseAudio; composed: declared times, virtual clock; "
        "answers: questions, sayings and conversations, typed and judged."
    ),
]
Html = Annotated[Path | None, typer.Option(help="Write the result as a page to this file, too.")]
Sets = Annotated[
    str, typer.Option(help="Answers: questions, sayings, conversations, adversarial; commas between them.")
]
Limit = Annotated[int | None, typer.Option(min=1, help="Answers: how many items of each set and half.")]
Least = Annotated[
    list[str] | None,
    typer.Option(
        "--min",
        metavar="SET=SHARE",
        help="Answers: fail below this share, as questions=0.9; look-alikes and honest, too. Repeatable.",
    ),
]
Verdicts = Annotated[
    Path | None,
    typer.Option(
        help="Answers: keep verdicts in this file; those of this model that it has are not asked again. Other modes: "
        "show them beside the latency on the page."
    ),
]
ShowReported = Annotated[
    bool,
    typer.Option("--show-reported", help="Answers: show the reported half's items, not only its scores."),
]


def bench(  # noqa: PLR0913
    turns: Annotated[int, typer.Option(min=1, max=1000, help="How many turns.")] = 24,
    p95_limit_ms: P95Limit = 500,
    corpus: Corpus = None,
    mode: Mode = BenchMode.AUDIO,
    token_ms: TokenMs = None,
    first_token_ms: FirstTokenMs = None,
    html: Html = None,
    baselines: Baselines = False,
    echo_db: EchoDb = None,
    noise: Noise = "",
    busy: Busy = 0,
    compare: Compare = None,
    half: Half = Half.WORK,
    sets: Sets = "questions,sayings,conversations,adversarial",
    limit: Limit = None,
    least: Least = None,
    verdicts: Verdicts = None,
    show_reported: ShowReported = False,
    llm: Backends = None,
    model: Model = None,
    voice: Voice = None,
    persona: PersonaName = None,
    preset: PresetName = None,
    json: Json = False,
) -> None:
    """Measure how long answers take, from the sound, or judge what they say; fail when a limit is missed."""
    if compare:
        from voice_app.bench.compare import run_compare

        raise typer.Exit(run_compare(*compare, json))
    if llm == "both" and (html or mode in (BenchMode.CARD, BenchMode.ANSWERS)):
        raise typer.BadParameter("--llm both goes with --mode audio or composed, and without --html")
    settings = _settings(None if llm == "both" else llm, model, voice, persona, preset)
    if mode is BenchMode.ANSWERS:
        from voice_app.bench.answers.run_answers import AnswersRequest, run_answers

        wanted = AnswersRequest(half, _sets(sets), limit, _least(least), verdicts, show_reported, json, html)
        raise typer.Exit(run_answers(settings, wanted))
    from voice_app.bench.run import BenchRequest, run_bench

    request = BenchRequest(
        turns,
        p95_limit_ms,
        mode,
        token_ms,
        first_token_ms,
        corpus,
        baselines=baselines,
        both=llm == "both",
        json=json,
        html=html,
        verdicts=verdicts,
        talk_options=_talk_options(llm=llm, model=model, voice=voice, persona=persona, preset=preset),
        echo_db=echo_db,
        noise=noise,
        busy=busy,
    )
    raise typer.Exit(run_bench(settings, request))


def _settings(
    llm: str | None, model: str | None, voice: str | None, persona: str | None, preset: str | None
) -> Settings:
    from voice_app.runtime.settings import load_settings

    return load_settings(**flags(persona=persona, models=model_flags(llm, model, voice, preset=preset)))


def _talk_options(**given: str | None) -> tuple[str, ...]:
    return tuple(part for name, value in given.items() if value for part in (f"--{name}", value))


def _sets(text: str) -> tuple[str, ...]:
    from voice_app.bench.answers.sets import SETS

    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if unknown := [name for name in names if name not in SETS]:
        raise typer.BadParameter(f"there is no set {unknown[0]!r}; there are: {', '.join(SETS)}")
    return names


def _least(given: list[str] | None) -> dict[str, float]:
    from voice_app.bench.answers.run_answers import LIMITED

    found = {}
    for text in given or ():
        name, _, share = text.partition("=")
        if name not in LIMITED:
            raise typer.BadParameter(f"--min {text}: there are: {', '.join(LIMITED)}")
        try:
            found[name] = float(share)
        except ValueError:
            raise typer.BadParameter(f"--min {text}: a share is a number from 0 to 1") from None
    return found
