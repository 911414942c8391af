"""Tensor parallelism inside a layer, exactly: each chip has some heads and some of the feed-forward's elements.

A chip's matrices are those of a smaller model. Queries, keys, values, gate and upper projection are split by rows, with
their scales. The two matrices that add to the residual stream are split by columns: the chips' products are INT32 parts
of one INT32 sum (`graph.TensorParallelLinear`), exact in any order, and the same float32 after it on every chip. The
residual stream, norms, embedding and head are on all chips.
"""

from __future__ import annotations

from dataclasses import replace

from lpu_backend.errors import GraphError
from lpu_backend.model.graph import GROUP_COLUMNS
from lpu_backend.model.quantise import QuantisedModel, Weights
from lpu_backend.model.shape import ModelShape

BY_COLUMNS = ("attn_output", "ffn_down")


def sharded_shape(shape: ModelShape, tp_degree: int) -> ModelShape:
    """Return the dimensions of what one of `tp_degree` chips has. Raises GraphError where it can't be dealt evenly."""
    for name, count in (("heads of keys", shape.kv_heads), ("elements of the feed-forward", shape.ffn)):
        if tp_degree < 1 or count % tp_degree:
            raise GraphError(f"{count} {name} can't be dealt evenly to {tp_degree} chips")
    if max(shape.heads * shape.head_width, shape.ffn) > GROUP_COLUMNS:
        raise GraphError(
            f"sums over more than {GROUP_COLUMNS:,} columns have float32 parts, which are not dealt to chips"
        )
    return replace(
        shape,
        heads=shape.heads // tp_degree,
        kv_heads=shape.kv_heads // tp_degree,
        ffn=shape.ffn // tp_degree,
    )


def sharded_model(model: QuantisedModel, tp_degree: int, chip: int) -> QuantisedModel:
    """Return what chip `chip` of `tp_degree` holds of a model; views where they can be. Raises GraphError."""
    shape = sharded_shape(model.shape, tp_degree)
    matrices = dict(model.matrices)
    for layer in range(shape.layers):
        for matrix in shape.layer_matrices(layer):
            matrices[matrix.name] = _dealt(model.matrices[matrix.name], matrix.name, (tp_degree, chip))
    heads = slice(chip * shape.heads, (chip + 1) * shape.heads)
    scales = tuple(scale[heads] for scale in model.score_scales)
    return replace(model, shape=shape, matrices=matrices, score_scales=scales)


def _dealt(weights: Weights, name: str, share: tuple[int, int]) -> Weights:
    tp_degree, chip = share
    if name.endswith(BY_COLUMNS):
        columns = weights.planes.shape[2] // tp_degree
        return replace(weights, planes=weights.planes[:, :, chip * columns : (chip + 1) * columns])
    count = len(weights.planes) // tp_degree
    rows = slice(chip * count, (chip + 1) * count)
    bias = None if weights.bias is None else weights.bias[rows]
    return Weights(weights.planes[rows], weights.scale[rows], bias)
