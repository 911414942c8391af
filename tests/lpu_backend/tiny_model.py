"""Writes small GGUF models with random weights, for tests."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType, GGUFWriter
from gguf.quants import quantize


@dataclass(frozen=True)
class Tiny:
    """Dimensions of a small model."""

    architecture: str = "llama"
    layers: int = 1
    heads: int = 2
    kv_heads: int = 1
    head_width: int = 32
    width: int = 64
    ffn: int = 96
    vocabulary: int = 50
    tied: bool = True
    rope_factors: bool = False
    seed: int = 0
    type: str = "F32"
    whole: bool = False
    """Whether weights are whole numbers of 127 steps a row, which INT8 holds exactly."""


def write_model(path: Path, tiny: Tiny, *, scale: float = 1.0, **metadata: int | float | str) -> Path:
    """Write a model; `metadata` go over what its dimensions give."""
    rng = np.random.default_rng(tiny.seed)
    arch = tiny.architecture
    keys: dict[str, int | float | str] = {
        f"{arch}.block_count": tiny.layers,
        f"{arch}.context_length": 512,
        f"{arch}.embedding_length": tiny.width,
        f"{arch}.feed_forward_length": tiny.ffn,
        f"{arch}.attention.head_count": tiny.heads,
        f"{arch}.attention.head_count_kv": tiny.kv_heads,
        f"{arch}.attention.key_length": tiny.head_width,
        f"{arch}.attention.layer_norm_rms_epsilon": 1e-5,
        f"{arch}.rope.freq_base": 10000.0,
    } | {f"{arch}.{key}": value for key, value in metadata.items()}
    writer = GGUFWriter(path, arch)
    for key, value in keys.items():
        kind = {int: writer.add_uint32, float: writer.add_float32, str: writer.add_string}[type(value)]
        kind(key, value)
    for name, size in tensor_sizes(tiny).items():
        flat = len(size) == 1
        spread = 0.3 if flat else scale * 3 / np.sqrt(size[-1])
        values = rng.normal(1.0 if name.endswith("norm.weight") else 0.0, spread, size).astype(np.float32)
        if tiny.whole and len(size) == 2:
            values = np.clip(np.rint(values * np.float32(40 / spread)), -127, 127)
            values[:, 0] = 127
            values *= np.float32(spread / 40)
        if name == "rope_freqs.weight":
            values = np.linspace(1, 8, size[0], dtype=np.float32)
        if flat or tiny.type == "F32":
            writer.add_tensor(name, values)
        else:
            kind_of = GGMLQuantizationType[tiny.type]
            writer.add_tensor(name, quantize(values, kind_of), raw_dtype=kind_of)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def tensor_sizes(tiny: Tiny) -> dict[str, tuple[int, ...]]:
    """Return the tensors of a model, slowest dimension first."""
    queries, keys = tiny.heads * tiny.head_width, tiny.kv_heads * tiny.head_width
    sizes: dict[str, tuple[int, ...]] = {
        "token_embd.weight": (tiny.vocabulary, tiny.width),
        "output_norm.weight": (tiny.width,),
    }
    if not tiny.tied:
        sizes["output.weight"] = (tiny.vocabulary, tiny.width)
    if tiny.rope_factors:
        sizes["rope_freqs.weight"] = (tiny.head_width // 2,)
    for layer in range(tiny.layers):
        rows = {"attn_q": queries, "attn_k": keys, "attn_v": keys, "ffn_gate": tiny.ffn, "ffn_up": tiny.ffn}
        at = f"blk.{layer}."
        sizes |= {f"{at}{name}.weight": (count, tiny.width) for name, count in rows.items()}
        sizes |= {
            f"{at}attn_output.weight": (tiny.width, queries),
            f"{at}ffn_down.weight": (tiny.width, tiny.ffn),
        }
        sizes |= {f"{at}{name}.weight": (tiny.width,) for name in ("attn_norm", "ffn_norm")}
        if tiny.architecture == "qwen2":
            sizes |= {f"{at}attn_{name}.bias": (rows[f"attn_{name}"],) for name in "qkv"}
    return sizes
