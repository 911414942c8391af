"""The arrays a program names: a quantised model's constants, and what the host gives for a step.

Vectors are uint8 of shape (n, 320); float32 and int16 values lie as byte planes one after another.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from lpu_backend.chip.vectors import byte_planes, from_byte_planes
from lpu_backend.compiler.layout import (
    GROUP_ROWS,
    LANES,
    TILE_GROUPS,
    TILE_SLICES,
    Lanes,
    Layout,
    key_groups,
    key_heads,
    rows_of,
    standard,
    table_sets,
)
from lpu_backend.compiler.place import Placement
from lpu_backend.model.graph import ModelGraph
from lpu_backend.model.quantise import QuantisedModel, Weights
from lpu_backend.model.shape import Matrix, ModelShape

Bytes = npt.NDArray[np.uint8]
Image = dict[str, Bytes]
TILES = 20
MASKED = np.float32(-3e38)
SEEN = np.float32(3e38)


def constants(model: QuantisedModel, placement: Placement) -> Image:
    """Return the constants of the part that is placed: weights in tiles, scales, biases, gains, masks of lanes."""
    shape = model.shape
    image: Image = {}
    for name in placement.head:
        _add_table(image, name, model.matrices[name], shape)
    if f"{shape.head_matrix}.scale" in placement.constants:
        scale = model.matrices[shape.head_matrix].scale
        _add_floats(image, f"{shape.head_matrix}.scale", scale, standard(shape.vocabulary))
        if shape.head_matrix not in placement.head:
            table = Matrix(shape.head_matrix, shape.vocabulary, shape.width, 1)
            _add_matrix(image, table, model.matrices[table.name], placement, rows_of(shape, table))
    for layer in placement.part.layers:
        for matrix in shape.layer_matrices(layer):
            weights, rows = model.matrices[matrix.name], rows_of(shape, matrix)
            _add_matrix(image, matrix, weights, placement, rows)
            _add_floats(image, f"{matrix.name}.scale", weights.scale, rows)
            if weights.bias is not None:
                _add_floats(image, f"{matrix.name}.bias", weights.bias, rows)
        scale = np.repeat(model.score_scales[layer][:, None], LANES, axis=1)
        image[f"blk.{layer}.scores.scale"] = byte_planes(scale)
    for gain, values in model.gains.items():
        _add_floats(image, gain, values, standard(shape.width))
    lane_heads = np.arange(LANES) // shape.head_width
    places = np.arange(len(key_heads(shape)[0]))
    image["lanes"] = np.where(lane_heads == places[:, None], np.uint8(255), np.uint8(0))
    image["ones"] = np.ones((1, LANES), np.uint8)
    return image


def tile(weights: npt.NDArray[np.int8], rows: Lanes, columns: Lanes, groups: int) -> Bytes:
    """Return rows × columns of a matrix in the lanes of a tile, (16 · groups, 320); zeros for column −1."""
    made = np.zeros((GROUP_ROWS * groups, LANES), np.int8)
    lanes = np.flatnonzero(columns >= 0)
    made[np.ix_(np.arange(len(rows)), lanes)] = weights[np.ix_(rows, columns[lanes])]
    return made.view(np.uint8)


def _add_matrix(image: Image, matrix: Matrix, weights: Weights, placement: Placement, rows: Layout) -> None:
    for number, lanes in enumerate(rows):
        for part, block in enumerate(placement.blocks[matrix.name][number]):
            tiles = [
                tile(weights.planes[:, plane], lanes, piece.columns, block.groups)
                for piece in block.pieces
                for plane in range(matrix.planes)
            ]
            image[f"{matrix.name}@{number}.{part}"] = np.concatenate(tiles)


def _add_table(image: Image, name: str, weights: Weights, shape: ModelShape) -> None:
    chunks, sets = standard(shape.width), table_sets(shape)
    for number in range(len(sets)):
        tiles = [
            tile(weights.planes[:, 0], lanes, chunk, TILE_GROUPS)
            for lanes in standard(shape.vocabulary)[number :: len(sets)]
            for chunk in chunks
        ]
        if tiles:
            image[f"{name}@{number}"] = np.concatenate(tiles)


def _add_floats(image: Image, name: str, values: npt.NDArray[np.float32], layout: Layout) -> None:
    vectors = np.zeros((len(layout), LANES), np.float32)
    for chunk, lanes in enumerate(layout):
        vectors[chunk, : len(lanes)] = values[lanes]
    image[name] = byte_planes(vectors)


def empty_state(placement: Placement) -> Image:
    """Return caches of zeros."""
    return {
        name: np.zeros((TILE_SLICES * words[0].count, LANES), np.uint8)
        for name, words in placement.state.items()
    }


def inputs(model: QuantisedModel, graph: ModelGraph, tokens: Sequence[int], position: int) -> Image:
    """Return what the host gives: maps of where the tokens' rows and positions lie, rotary tables, scales, masks."""
    shape, rows = model.shape, graph.rows
    where = np.arange(position, position + rows)
    image = _embedding(model, tokens)
    copies = np.tile(np.arange(shape.head_width), len(key_heads(shape)[0]))
    for name, table in (("cos", model.cos), ("sin", model.sin)):
        vectors = np.zeros((rows, LANES), np.float32)
        vectors[:, : len(copies)] = table[where][:, copies]
        image[name] = byte_planes(vectors)
    for chunk, lanes in enumerate(standard(graph.positions)):
        mask = np.full((rows, LANES), MASKED)
        mask[:, : len(lanes)] = np.where(lanes <= where[:, None], SEEN, MASKED)
        image[f"mask.{chunk}"] = byte_planes(mask)
    image.update(_places(shape, rows, position))
    return image


def _uniform(entries: npt.NDArray[np.int64]) -> Bytes:
    """Return maps with one entry for all superlanes."""
    return byte_planes(np.repeat(entries.reshape(-1, 1), LANES, axis=1).astype(np.int16))


def _embedding(model: QuantisedModel, tokens: Sequence[int]) -> Image:
    """Return for every slice of a set and token: the word of the token's row, or −1."""
    chunks, sets = len(standard(model.shape.width)), table_sets(model.shape)
    token = np.array(tokens)
    tiles, within = token // LANES, token % LANES
    word = tiles // len(sets) * chunks * TILE_GROUPS + within // GROUP_ROWS
    image: Image = {}
    for number in range(len(sets)):
        here = (tiles % len(sets) == number) & (within % GROUP_ROWS == np.arange(TILE_SLICES)[:, None])
        image[f"embed.{number}"] = _uniform(np.where(here, word, -1))
    scale = model.embedding_scale[token]
    image["embed.scale"] = byte_planes(np.repeat(scale[:, None], LANES, axis=1))
    return image


def _places(shape: ModelShape, rows: int, position: int) -> Image:
    """Return where the caches take the new positions; more than one row starts a block of 16."""
    slices = np.arange(TILE_SLICES)
    block = position // GROUP_ROWS + np.arange(-(-rows // GROUP_ROWS))
    image: Image = {}
    if rows == 1:
        here = slices == position % GROUP_ROWS
        image["keys.map"] = _uniform(np.where(here, block[0], -1))
        image["ring.map"] = _uniform(np.where(here, 0, -1))
    else:
        image["keys.map"] = _uniform(block)
    groups = key_groups(shape)
    maps = np.full((len(block) * TILES, TILES), -1, np.int16)
    for index, number in enumerate(block):
        chunk, target = divmod(int(number), TILES)
        source = (target - np.arange(TILES)) % TILES
        maps[index * TILES : (index + 1) * TILES, target] = np.where(
            source < groups, chunk * groups + source, -1
        )
    image["values.map"] = byte_planes(np.repeat(maps, GROUP_ROWS, axis=1))
    return image


def logits_of(vectors: Bytes, vocabulary: int) -> npt.NDArray[np.float32]:
    """Return the output `logits`, shape (vocabulary,)."""
    return from_byte_planes(vectors, np.float32).reshape(-1)[:vocabulary]
