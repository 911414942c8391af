"""Models as their published dimensions: what is stored, what a token reads and computes. No weights anywhere.

`assets/lpu/models.toml` has them by name; a file of a user's own takes the place of a name.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

from lpu_backend.errors import EstimateError
from lpu_backend.estimate.assets import asset_folder, read_toml

Style = Literal["llama", "gemma", "falcon", "bert"]
Precision = Literal["int8", "mixed", "fp16"]
"""`mixed`: INT8, with 16 bits for values and for the second matrix of the feed-forward, as `lpu run` computes."""
BYTES_A_WEIGHT: dict[str, int] = {"int8": 1, "mixed": 1, "fp16": 2}
KV_BYTES = 2
"""Keys and values are stored with 16 bits: two INT8 planes on the chip, FP16 on a GPU."""
SCALE_BYTES = 4
"""A row's scale, a gain, a bias: float32."""
MOST = 1 << 20
"""No dimension is larger."""
TOKEN_TYPES = 2
"""Rows of BERT's table of segments."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedModel:
    """The dimensions of a model, as its publisher states them. `assets/lpu/models.toml` says what the styles are."""

    name: str
    source: str
    style: Style
    layers: int
    width: int
    heads: int
    kv_heads: int
    head_width: int
    ffn: int
    vocabulary: int
    context: int
    tied: bool
    biases: bool = False
    experts: int = 1
    experts_used: int = 1
    idle_layers: int = 0
    """Layers that are stored, and that a step without an image passes over."""
    parameters: int | None = None
    """As published; None where only a larger whole is published."""

    @property
    def ffn_matrices(self) -> int:
        """Return the number of matrices of a feed-forward: three with a gate, two without."""
        return 2 if self.style in ("falcon", "bert") else 3

    @property
    def attention_weights(self) -> int:
        """Return the number of weights of a layer's four matrices of attention."""
        return 2 * self.width * self.head_width * (self.heads + self.kv_heads)

    @property
    def ffn_weights(self) -> int:
        """Return the number of weights of one feed-forward, or of one expert."""
        return self.ffn_matrices * self.width * self.ffn

    @property
    def router_weights(self) -> int:
        """Return the number of weights that choose the experts."""
        return self.width * self.experts if self.experts > 1 else 0

    @property
    def layer_weights(self) -> int:
        """Return the number of weights that a layer stores in matrices."""
        return self.attention_weights + self.router_weights + self.experts * self.ffn_weights

    @property
    def table_weights(self) -> int:
        """Return the number of weights of the embedding."""
        return self.vocabulary * self.width

    @property
    def stored_weights(self) -> int:
        """Return the number of weights of all matrices that are stored, idle layers included."""
        ends = self.table_weights * (1 if self.tied else 2)
        return ends + (self.layers + self.idle_layers) * self.layer_weights

    def read_weights(self, tokens: int = 1) -> float:
        """Return the number of weights that a step of `tokens` reads: of experts, the expected distinct ones."""
        untouched = (1 - self.experts_used / self.experts) ** tokens
        distinct = self.experts * (1 - untouched)
        layer = self.attention_weights + self.router_weights + distinct * self.ffn_weights
        return self.layers * layer + (0 if self.style == "bert" else self.table_weights)

    def operations(self, tokens: int, positions: int) -> float:
        """Return the operations of a step of `tokens` that each see about `positions`, with one row of logits."""
        active = self.attention_weights + self.router_weights + self.experts_used * self.ffn_weights
        attention = 4.0 * tokens * positions * self.heads * self.head_width
        head = 0 if self.style == "bert" else 2 * self.table_weights
        return self.layers * (2.0 * tokens * active + attention) + head

    def kv_bytes(self, positions: int) -> int:
        """Return the bytes of keys and values of `positions` tokens in all layers, 16 bits each."""
        return 2 * KV_BYTES * positions * self.layers * self.kv_heads * self.head_width

    def weight_bytes(self, precision: Precision) -> int:
        """Return the bytes of matrices, gains and biases; INT8 has a float32 scale a row and keeps gains so."""
        matrices = self.stored_weights * BYTES_A_WEIGHT[precision]
        vectors = self.counted_parameters - self.stored_weights
        if precision == "fp16":
            return matrices + 2 * vectors
        if precision == "mixed":
            layers = self.layers + self.idle_layers
            values = self.kv_heads * self.head_width + self.experts * self.ffn
            matrices += layers * self.width * values
        return matrices + SCALE_BYTES * (vectors + self._stored_rows)

    @property
    def _stored_rows(self) -> int:
        """Return the number of rows of all matrices."""
        attention = self.head_width * (self.heads + 2 * self.kv_heads) + self.width
        ffn = self.experts * ((self.ffn_matrices - 1) * self.ffn + self.width)
        ends = self.vocabulary * (1 if self.tied else 2)
        return ends + (self.layers + self.idle_layers) * (attention + ffn)

    @property
    def counted_parameters(self) -> int:
        """Return the number of parameters: matrices, gains and biases, counted as publishers do."""
        layers = self.layers + self.idle_layers
        return self.stored_weights + layers * self._layer_vectors + self._end_vectors

    @property
    def _layer_vectors(self) -> int:
        attention_biases = self.head_width * (self.heads + 2 * self.kv_heads) if self.biases else 0
        norms = {"llama": 2, "gemma": 4, "falcon": 4, "bert": 4}[self.style] * self.width
        bert = 2 * self.width + self.ffn if self.style == "bert" else 0
        return attention_biases + norms + bert

    @property
    def _end_vectors(self) -> int:
        if self.style == "bert":  # positions, segments, a norm, and the pooler
            return self.width * (self.context + TOKEN_TYPES + 2 + self.width + 1)
        return self.width * (2 if self.style == "falcon" else 1)

    def check_context(self, positions: int) -> None:
        """Raise EstimateError for a context the model was not trained for."""
        if not 1 <= positions <= self.context:
            raise EstimateError(
                f"a context of {positions:,}: {self.name} has 1 to {self.context:,}; choose one within it"
            )


@cache
def published_models() -> dict[str, PublishedModel]:
    """Return the models of the data, by name."""
    path = asset_folder() / "models.toml"
    return {model.name: model for model in _models_of(path)}


def find_model(name_or_path: str) -> PublishedModel:
    """Return a model by name, or from a TOML file. Raises EstimateError with the nearest names."""
    if name_or_path.endswith(".toml"):
        found = _models_of(Path(name_or_path))
        if len(found) != 1:
            raise EstimateError(f"{name_or_path}: has {len(found)} models; give it one [[model]]")
        return found[0]
    models = published_models()
    if name_or_path in models:
        return models[name_or_path]
    nearest = difflib.get_close_matches(name_or_path, models, n=3, cutoff=0.4)
    known = f"did you mean {' or '.join(nearest)}" if nearest else f"known are {', '.join(models)}"
    raise EstimateError(f"no shape is known of {name_or_path[:60]!r}; {known}")


def _models_of(path: Path) -> list[PublishedModel]:
    entries = read_toml(path).get("model")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise EstimateError(f"{path}: has no [[model]]; write it like assets/lpu/models.toml")
    return [_model(path, entry) for entry in entries]


_TYPES = {"int": int, "bool": bool, "str": str, "int | None": int, "Style": str}


def _model(path: Path, entry: dict[str, Any]) -> PublishedModel:
    kinds = {field.name: _TYPES[str(field.type)] for field in fields(PublishedModel)}
    unknown = [name for name in entry if name not in kinds]
    if unknown:
        raise EstimateError(f"{path}: {unknown[0][:40]!r} is no field of a model; leave it out")
    for name, value in entry.items():
        if type(value) is not kinds[name]:
            raise EstimateError(f"{path}: {name} is {str(value)[:40]!r}, and must be {kinds[name].__name__}")
    try:
        model = PublishedModel(**entry)
    except TypeError as error:
        missing = str(error).partition("argument")[2].strip("s: ")
        raise EstimateError(f"{path}: lacks {missing}; add it") from error
    _check(path, model)
    return model


def _check(path: Path, model: PublishedModel) -> None:
    sizes = ("layers", "width", "heads", "kv_heads", "head_width", "ffn", "vocabulary", "context", "experts")
    for name in sizes:
        if not 1 <= getattr(model, name) <= MOST:
            raise EstimateError(
                f"{path}: {name} is {getattr(model, name)}, and must be a number from 1 to {MOST}"
            )
    if model.style not in get_args(Style):
        raise EstimateError(f"{path}: style is {model.style[:40]!r}, and must be one of {get_args(Style)}")
    if model.heads % model.kv_heads or not 1 <= model.experts_used <= model.experts:
        heads = f"{model.heads} heads on {model.kv_heads}, {model.experts_used} of {model.experts} experts"
        raise EstimateError(f"{path}: {heads} make no layer; correct the counts")
    if not 0 <= model.idle_layers <= MOST:
        raise EstimateError(f"{path}: idle_layers is {model.idle_layers}, and must be 0 or more")
