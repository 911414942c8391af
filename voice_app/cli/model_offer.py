"""`voice-app models offer`: what `make demo` and `make chat` do first. Fetches the recommended language model once.

Whatever goes wrong, the packaged model serves: one line says what is lost, and the status is 0.
"""

from __future__ import annotations

from contextlib import suppress
from enum import Enum, auto
from pathlib import Path

import typer

from inference.errors import ModelError
from inference.models.manifest import Model
from inference.models.store import ModelStore
from voice_app.cli.model_commands import pull_model
from voice_app.runtime import machine
from voice_app.runtime.model_choice import MEMORY_SHARE, default_llm
from voice_app.runtime.settings import AUTO, Settings, load_settings, state_dir


class Offer(Enum):
    """What to do about the recommended model."""

    NOTHING = auto()
    """It is there, or the settings want another."""
    DECLINE = auto()
    """The user declines it now: that is remembered."""
    DECLINED = auto()
    """The user declined it before."""
    NO_MEMORY = auto()
    FETCH = auto()


def decide(
    settings: Settings, model: Model, *, is_installed: bool, small: bool | None, was_declined: bool
) -> Offer:
    """Return what to do; `small`: what the user says about it now, None: nothing."""
    if small:
        return Offer.DECLINE
    if is_installed or settings.models.llm != AUTO or settings.models.preset == "fast":
        return Offer.NOTHING
    if was_declined and small is None:
        return Offer.DECLINED
    available = machine.available_bytes()
    if available is not None and model.size_bytes > available * MEMORY_SHARE:
        return Offer.NO_MEMORY
    return Offer.FETCH


def offer_model(small: bool | None, store: ModelStore | None = None) -> None:
    """Fetch the recommended language model unless it is there, declined or too large, and say so."""
    store = store or ModelStore()
    model = next((model for model in store.models.values() if model.recommended), None)
    if model is None:
        return
    is_installed = store.installed(model.name) is not None
    mark = state_dir() / "declined-model"
    match decide(
        load_settings(), model, is_installed=is_installed, small=small, was_declined=_holds(mark, model.name)
    ):
        case Offer.DECLINE:
            _write(mark, model.name)
            typer.echo(_without(store, model, "SMALL=1; SMALL=0 takes the larger one again"))
        case Offer.DECLINED:
            typer.echo(_without(store, model, "the larger one was declined; SMALL=0 fetches it"))
        case Offer.NO_MEMORY:
            typer.echo(_without(store, model, "memory is short for the larger one"))
        case Offer.FETCH:
            mark.unlink(missing_ok=True)
            _fetch(store, model)


def _fetch(store: ModelStore, model: Model) -> None:
    typer.echo(
        f"Fetching {model.name} once, {model.size_bytes / 1e9:.1f} GB, for better answers: {model.right_of_30} of 30 "
        f"easy questions right, {_right(store)} with the packaged model. To go on without it: Ctrl+C, then SMALL=1."
    )
    try:
        pull_model(store, model)
    except ModelError as error:
        typer.echo(_without(store, model, str(error)))


def _without(store: ModelStore, model: Model, why: str) -> str:
    """Return the line that says what is lost, and why."""
    lost = f"{_right(store)} of 30 easy questions right, not {model.right_of_30}"
    return f"Talking with {default_llm(store)}: {lost} ({why})"


def _right(store: ModelStore) -> int | None:
    return store.models[default_llm(store)].right_of_30


def _holds(mark: Path, name: str) -> bool:
    try:
        return mark.read_text("utf-8") == name
    except (OSError, ValueError):
        return False


def _write(mark: Path, name: str) -> None:
    with suppress(OSError):  # then it is asked for again the next time
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.write_text(name, "utf-8")
