"""Which language model to talk with, and why: by a preset, from what was measured on this machine.

`pick` decides, and is pure: what goes in are the models with their measured times and answers. `choose` is the shell:
it takes a calibration that is remembered, or has one made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from inference.models.quantise import RECIPES
from inference.models.store import ModelStore, cache_folder
from voice_app.core.endpointing import EndpointLimits
from voice_app.core.ports import FRAME_S
from voice_app.core.stages import Estimates, Stage
from voice_app.runtime import calibration, machine
from voice_app.runtime.calibration import Calibration, Speed
from voice_app.runtime.settings import AUTO, Preset, Settings

MEMORY_SHARE = 0.5
"""Of the memory that is available, what the file of a model may take: its cache and the other models need room too."""
BALANCED_BUDGETS = 1.5
"""How many budgets the median of the preset `balanced` may take: 450 ms of 300."""
READERS_WAIT_S = 1.0
"""What it may take instead where nobody listens: a wait of a second leaves a reader's thoughts in flow (Nielsen,
"Usability Engineering", 1993)."""

Use = Literal["speech", "typed", "text"]
"""What a session is for: heard and spoken, typed and spoken, or typed and read."""
_UNUSED: Mapping[Use, tuple[Stage, ...]] = {
    "speech": (),
    "typed": (Stage.ENDPOINT, Stage.STT),
    "text": (Stage.ENDPOINT, Stage.STT, Stage.TTS_FIRST_SOUND, Stage.DEVICE),
}


@dataclass(frozen=True, slots=True)
class Candidate:
    """An installed language model."""

    name: str
    size_bytes: int
    right_of_30: int | None = None
    """Questions answered rightly, as the manifest says; None: not measured."""


@dataclass(frozen=True, slots=True)
class Prospect:
    """A language model, and what talking with it would be like here."""

    name: str
    right_of_30: int | None
    predicted_s: float | None
    """Median voice to voice, to the answer itself; None: it does not fit into the memory, or nothing was measured."""

    def said(self) -> str:
        """Return it in a few words."""
        right = (
            "answers not counted" if self.right_of_30 is None else f"{self.right_of_30} of 30 answers right"
        )
        slow = (
            "no room in memory" if self.predicted_s is None else f"{self.predicted_s * 1000:.0f} ms predicted"
        )
        return f"{slow}, {right}"

    def as_json(self) -> dict[str, object]:
        """Return it as JSON has it."""
        ms = None if self.predicted_s is None else round(self.predicted_s * 1000, 1)
        return {"name": self.name, "predicted_ms": ms, "right_of_30": self.right_of_30}


@dataclass(frozen=True, slots=True)
class Choice:
    """A model, the reason for it, and what there was to choose from."""

    name: str
    because: str
    prospects: tuple[Prospect, ...] = ()
    """The models in the order of their answers, the best first; empty where nothing was compared."""


Calibrate = Callable[[Sequence[str]], Calibration]
"""Measures the installed models of these names, and the stages around them."""


def choose(
    settings: Settings, calibrate: Calibrate, store: ModelStore | None = None, use: Use = "speech"
) -> Choice:
    """Return the language model of the settings; where they leave it open, what their preset takes here."""
    return remembered(settings, store, use) or _measured(settings, calibrate, store or ModelStore(), use)


def remembered(settings: Settings, store: ModelStore | None = None, use: Use = "speech") -> Choice | None:
    """Return the choice as far as it is known without measuring; None where that takes a calibration."""
    if settings.models.llm_backend == "openai" and not settings.openai.local_model:
        return Choice(settings.openai.model, "the endpoint of the settings")
    if settings.models.llm != AUTO:
        return Choice(settings.models.llm, "named in the settings")
    store = store or ModelStore()
    models = settings.models
    if models.llm_backend == "lpu" or (models.llm_backend == "lpu-delegated" and not models.lpu_shape):
        return Choice(default_llm(store), "the embedded one: an emulated chip holds it")
    candidates = installed(store)
    if len(candidates) < 2:
        return Choice(candidates[0].name if candidates else default_llm(store), _alone(store))
    known = calibration.recall(_path(), _key(candidates, settings))
    return _picked(candidates, known, settings, use) if known else None


def by_use(settings: Settings) -> dict[Use, str]:
    """Return the names of the models that are taken for each use, as far as that is known without measuring."""
    found = {use: remembered(settings, use=use) for use in _UNUSED}
    return {use: one.name for use, one in found.items() if one}


def _measured(settings: Settings, calibrate: Calibrate, store: ModelStore, use: Use) -> Choice:
    candidates = installed(store)
    names = [one.name for one in candidates if _has_room(one)]
    was_busy = machine.is_busy()
    found = calibrate(names) if len(names) > 1 else Calibration()
    if len(names) > 1:
        calibration.remember(_path(), _key(candidates, settings), replace(found, busy=was_busy))
    return _picked(candidates, found, settings, use)


def _picked(candidates: Sequence[Candidate], known: Calibration, settings: Settings, use: Use) -> Choice:
    """Return what the preset takes among the models that the memory has room for now."""
    roomy = {one.name for one in candidates if _has_room(one)}
    known = replace(known, speeds={name: speed for name, speed in known.speeds.items() if name in roomy})
    budget_s = settings.turn.budget_ms / 1000
    return pick(prospects(candidates, known, use), settings.models.preset, budget_s, use)


def pick(found: Sequence[Prospect], preset: Preset, budget_s: float, use: Use = "speech") -> Choice:
    """Return the model that a preset takes; `found` come in the order of their answers, the best first.

    `smart` takes the best answers, the others the best among those predicted in time, or else the quickest. Where
    nothing is predicted of any, the one with the smallest demands comes last, and is taken.
    """
    limit_s = limit_of(preset, budget_s, use)
    known = [(one.predicted_s, one) for one in found if one.predicted_s is not None]
    in_time = [one for predicted_s, one in known if limit_s is None or predicted_s <= limit_s]
    if not known:
        chosen, why = found[-1], "the smallest, because memory is short"
    elif in_time:
        chosen, why = in_time[0], "the best answers" + (f" within {limit_s * 1000:.0f} ms" if limit_s else "")
    else:
        assert limit_s is not None
        chosen, why = (
            min(known, key=lambda one: one[0])[1],
            f"the quickest: none within {limit_s * 1000:.0f} ms",
        )
    others = [f"{one.name}: {one.said()}" for one in found if one is not chosen]
    return Choice(chosen.name, "; ".join([f"{preset}, {why} ({chosen.said()})", *others]), tuple(found))


def limit_of(preset: Preset, budget_s: float, use: Use = "speech") -> float | None:
    """Return what the median may take for a preset to take a model; None: as long as it likes."""
    balanced_s = READERS_WAIT_S if use == "text" else BALANCED_BUDGETS * budget_s
    return {"fast": budget_s, "balanced": balanced_s, "smart": None}[preset]


def prospects(candidates: Sequence[Candidate], known: Calibration, use: Use = "speech") -> list[Prospect]:
    """Return what talking would be like with each model, in the order of their answers.

    A model whose answers nobody counted is taken for as good as the best smaller one, and before it.
    """

    def worth(one: Candidate) -> tuple[int, int]:
        smaller = [c.right_of_30 for c in candidates if c.size_bytes <= one.size_bytes and c.right_of_30]
        return one.right_of_30 or max(smaller, default=0), one.size_bytes

    ordered = sorted(candidates, key=worth, reverse=True)
    return [
        Prospect(one.name, one.right_of_30, predicted_s(known.around, known.speeds.get(one.name), use))
        for one in ordered
    ]


def predicted_s(around: Mapping[str, float], speed: Speed | None, use: Use = "speech") -> float | None:
    """Return the median from the last voiced sample to the answer's first audible one, None without a speed.

    From the Enter key where the user types, to the first clause where nobody listens. That clause is short, as the
    budget's action makes it where that helps. However quick the model, no reply sounds before the turn is judged over.
    """
    if speed is None:
        return None
    spans_s = {stage: around[stage] for stage in Stage if stage in around}
    unused = dict.fromkeys(_UNUSED[use], 0.0)
    estimates = Estimates({**spans_s, Stage.LLM_FIRST_TOKEN: speed.first_token_s, **unused})
    if use != "speech":
        return estimates.voice_to_voice_s(0) + speed.clause_s
    soonest_s = EndpointLimits().finished_s + FRAME_S / 2 + estimates.spans_s[Stage.DEVICE]
    return max(estimates.voice_to_voice_s(0) + speed.clause_s, soonest_s)


def installed(store: ModelStore) -> list[Candidate]:
    """Return the installed language models of the manifest, the largest first."""
    models = [model for model in store.models.values() if model.role == "llm" and store.installed(model.name)]
    found = [Candidate(model.name, model.size_bytes, model.right_of_30) for model in models]
    return sorted(found, key=lambda one: (-one.size_bytes, one.name))


def default_llm(store: ModelStore) -> str:
    """Return the manifest's first language model, which the installation brings."""
    return next(model.name for model in store.models.values() if model.role == "llm")


def _alone(store: ModelStore) -> str:
    better = next((m for m in store.models.values() if m.recommended and not store.installed(m.name)), None)
    if better is None or better.right_of_30 is None:
        return "no other language model is installed"
    right = store.models[default_llm(store)].right_of_30
    return (
        f"no other is installed ({right} of 30 answers right; {better.right_of_30} with {better.name}: "
        f"`voice-app models pull {better.name}`, {better.size_bytes / 1e9:.1f} GB)"
    )


def _has_room(candidate: Candidate) -> bool:
    available = machine.available_bytes()
    return available is None or candidate.size_bytes <= available * MEMORY_SHARE


def _path() -> Path:
    return cache_folder() / "calibration.json"


def _key(candidates: Sequence[Candidate], settings: Settings) -> str:
    """Return a digest of what the measured times depend on: models, how they are made quicker, threads, machine.

    The preset decides afterwards.
    """
    models = settings.models
    sizes = [(one.name, one.size_bytes) for one in candidates]
    return calibration.digest(
        sizes, str(RECIPES), models.threads, models.stt, models.stt_threads, models.tts, models.tts_threads
    )
