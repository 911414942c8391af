"""TP segments: one chip's part of a layer in tensor parallelism, as graphs, from one exchange to the next.

A layer's heads and the elements of its feed-forward are dealt to the chips; every chip has the whole residual stream.
Each ends a segment with its part of a sum over all chips, float32, and begins the next with the sum, which the exchange
between makes in the order of the chips. So a layer has two exchanges, and a chip's matrices are a smaller model's.

With one chip the sum is its own part, and the values are those of `graph.build_graph`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from lpu_backend.errors import GraphError
from lpu_backend.model.graph import GraphBuilder, Kind, ModelGraph, check
from lpu_backend.model.part import whole
from lpu_backend.model.shape import LANES, ModelShape

Segment = Literal["attention", "feed_forward", "embedding", "head"]
LAYER: tuple[Segment, ...] = ("attention", "feed_forward")
RESIDUAL, SUM = "x", "y"
"""The residual stream, kept on every chip, and the sum of all chips' parts."""


def layer_shard(shape: ModelShape, tp_degree: int, rows: int = 1) -> ModelShape:
    """Return what one of `tp_degree` chips has of a layer: the dimensions of the one that has most.

    Keys and values are dealt head by head; where there are more chips than heads, some chips hold the same ones and
    share their queries. A chip's heads of keys lie in its vectors several times, as long as there are lanes: so more
    queries share a vector, too, and their matrices take fewer tiles.

    Of experts it has a part of each. Those that `rows` tokens take, at most, stand side by side in one feed-forward: a
    token's own are summed by what the router gives them, for other tokens they count nothing. Raises GraphError.
    """
    group = shape.heads // shape.kv_heads
    if not 1 <= tp_degree <= min(shape.heads, shape.ffn):
        raise GraphError(f"{shape.heads} heads can't be dealt to {tp_degree} chips; take 1 to {shape.heads}")
    kv_heads = -(-shape.kv_heads // tp_degree)
    sharing = max(1, -(-tp_degree // shape.kv_heads))
    queries = -(-group // sharing)
    copies = max(1, min(LANES // (kv_heads * shape.head_width), queries))
    copies = next(copies for copies in range(copies, 0, -1) if queries % copies == 0)
    heads, kv_heads = kv_heads * queries, kv_heads * copies
    ffn = -(-shape.ffn // tp_degree) * experts_at_once(shape, rows)
    return replace(shape, layers=1, heads=heads, kv_heads=kv_heads, ffn=ffn, vocabulary=0)


def experts_at_once(shape: ModelShape, rows: int) -> int:
    """Return how many experts the tokens of a step take, at most; 1 without experts."""
    return min(shape.experts, rows * shape.experts_used) if shape.experts else 1


def embedding_shard(shape: ModelShape, tp_degree: int) -> ModelShape:
    """Return what one of `tp_degree` chips has of the embedding: some columns of all rows, whole vectors of them."""
    chunks = -(-shape.width // LANES)
    width = min(shape.width, -(-chunks // tp_degree) * LANES)
    return replace(shape, layers=0, width=width, tied=True)


def head_shard(shape: ModelShape, tp_degree: int) -> ModelShape:
    """Return what one of `tp_degree` chips has of the matrix of the logits: some of its rows."""
    return replace(shape, layers=0, vocabulary=-(-shape.vocabulary // tp_degree), tied=True)


def segment_graph(shard: ModelShape, segment: Segment, rows: int, positions: int) -> ModelGraph:
    """Return the graph of one segment of a step of `rows` tokens that sees `positions`. Raises GraphError."""
    if not 1 <= rows <= positions:
        raise GraphError(f"{rows} tokens in a cache of {positions} positions are impossible")
    builder = GraphBuilder(shard, rows, positions)
    match segment:
        case "attention":
            builder.attention_part(0, builder.given_sum(RESIDUAL, SUM))
        case "feed_forward":
            builder.feed_forward_part(0, builder.given_sum(RESIDUAL, SUM))
        case "embedding":
            builder.embedding()
        case "head":
            builder.head(builder.given_sum(RESIDUAL, SUM))
    kind: Kind = "decode" if rows == 1 else "prefill"
    graph = ModelGraph(shard, kind, rows, positions, tuple(builder.nodes), whole(shard), builder.further)
    check(graph)
    return graph
