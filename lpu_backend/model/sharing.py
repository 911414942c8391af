"""A layer dealt to several chips, exactly: each has some heads and some of the feed-forward's elements.

A chip's matrices are those of a smaller model. Rows of queries, keys, values, gate and upper projection are dealt with
their scales; of the two matrices that add to the residual stream the columns are, and what their chips sum are INT32
parts of one INT32 sum (`graph.SharedLinear`): exact in any order, and the same float32 behind it on every chip. The
residual stream, norms, embedding and head are on all chips.
"""

from __future__ import annotations

from dataclasses import replace

from lpu_backend.errors import GraphError
from lpu_backend.model.graph import GROUP_COLUMNS
from lpu_backend.model.quantise import QuantisedModel, Weights
from lpu_backend.model.shape import ModelShape

BY_COLUMNS = ("attn_output", "ffn_down")


def shared_shape(shape: ModelShape, ways: int) -> ModelShape:
    """The dimensions of what one of `ways` chips has. Raises GraphError where it can't be dealt evenly."""
    for name, count in (("heads of keys", shape.kv_heads), ("elements of the feed-forward", shape.ffn)):
        if ways < 1 or count % ways:
            raise GraphError(f"{count} {name} can't be dealt evenly to {ways} chips")
    if max(shape.heads * shape.head_width, shape.ffn) > GROUP_COLUMNS:
        raise GraphError(
            f"sums over more than {GROUP_COLUMNS:,} columns have float32 parts, which are not dealt to chips"
        )
    return replace(shape, heads=shape.heads // ways, kv_heads=shape.kv_heads // ways, ffn=shape.ffn // ways)


def shared_model(model: QuantisedModel, ways: int, chip: int) -> QuantisedModel:
    """What chip `chip` of `ways` holds of a model; views where they can be. Raises GraphError."""
    shape = shared_shape(model.shape, ways)
    matrices = dict(model.matrices)
    for layer in range(shape.layers):
        for matrix in shape.layer_matrices(layer):
            matrices[matrix.name] = _dealt(model.matrices[matrix.name], matrix.name, (ways, chip))
    heads = slice(chip * shape.heads, (chip + 1) * shape.heads)
    scales = tuple(scale[heads] for scale in model.score_scales)
    return replace(model, shape=shape, matrices=matrices, score_scales=scales)


def _dealt(weights: Weights, name: str, share: tuple[int, int]) -> Weights:
    ways, chip = share
    if name.endswith(BY_COLUMNS):
        columns = weights.planes.shape[2] // ways
        return replace(weights, planes=weights.planes[:, :, chip * columns : (chip + 1) * columns])
    count = len(weights.planes) // ways
    rows = slice(chip * count, (chip + 1) * count)
    bias = None if weights.bias is None else weights.bias[rows]
    return Weights(weights.planes[rows], weights.scale[rows], bias)
