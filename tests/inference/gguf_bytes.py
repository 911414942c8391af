"""A GGUF file, written by hand."""

from __future__ import annotations

import struct

from lpu_backend.model.gguf_file import TENSOR_TYPES


def text(value: str) -> bytes:
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def build_gguf(tensor_type: int = 3, version: int = 3, extra: bytes = b"", extra_keys: int = 0) -> bytes:
    """Return a whole GGUF file of two blocks of one tensor each."""
    name, block, block_bytes = TENSOR_TYPES[tensor_type]
    size = 4 * block_bytes
    padded = -(-size // 32) * 32
    keys = text("general.architecture") + struct.pack("<I", 8) + text("llama")
    keys += text("general.file_type") + struct.pack("<II", 4, 3)
    keys += text("llama.context_length") + struct.pack("<II", 4, 2048)
    keys += text("tokenizer.ggml.tokens") + struct.pack("<IIQ", 9, 8, 2) + text("a") + text("bc")
    keys += text("tokenizer.ggml.scores") + struct.pack("<IIQ", 9, 6, 2) + bytes(8)
    keys += text("tokenizer.chat_template") + struct.pack("<I", 8) + text("{{ messages }}")
    tensors = b""
    for index in range(2):
        tensors += text(f"blk.{index}.attn_q.weight") + struct.pack("<I", 2)
        tensors += struct.pack("<QQIQ", block, 4, tensor_type, index * padded)
    header = b"GGUF" + struct.pack("<IQQ", version, 2, 6 + extra_keys) + keys + extra + tensors
    return header + bytes(-len(header) % 32) + bytes(2 * padded)
