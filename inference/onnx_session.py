"""How ONNX models are run here: on a few threads, beside other models."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def open_session(model: bytes | Path, threads: int) -> Any:
    """Return an onnxruntime session whose weights are in anonymous memory.

    Threads do not spin between operators: on two cores they would starve the other models, and each other.
    Neither arena nor memory patterns: clauses differ in length, and both keep memory for every length seen.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = False
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    source = str(model) if isinstance(model, Path) else model
    return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
