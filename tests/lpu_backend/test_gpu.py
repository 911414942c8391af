"""GPUs as rooflines: ridge points, ceilings, batches."""

from __future__ import annotations

import pytest

from lpu_backend.errors import EstimateError
from lpu_backend.estimate.gpu import GpuGroup, find_gpu, gpus, least_gpus, overhead, overhead_entries
from lpu_backend.estimate.shapes import published_models

H100 = find_gpu("H100")
EIGHT, SEVENTY = published_models()["llama-3-8b"], published_models()["llama-2-70b"]


def test_ridge_points() -> None:
    """An H100 computes 295 operations in BF16 while it fetches a byte; twice as many in FP8."""
    assert H100.ridge("fp16") == pytest.approx(295, abs=1)
    assert H100.ridge("int8") == pytest.approx(2 * H100.ridge("fp16"), rel=1e-3)
    assert set(gpus()) == {"a100", "h100", "h200", "b200"}


def test_one_user_is_bound_by_memory() -> None:
    """A token of 70B in FP16 takes at least 1/24 s of one H100's bandwidth, of 8B 1/208 s or more."""
    step = GpuGroup(H100, 1, "fp16").decode(SEVENTY, 1)

    assert step.bound == "memory"
    assert 1 / step.memory_s == pytest.approx(24.4, rel=0.05)
    assert 1 / GpuGroup(H100, 1, "fp16").decode(EIGHT, 1).memory_s == pytest.approx(223, rel=0.01)


def test_a_batch_is_nearly_free_until_the_ridge() -> None:
    """Thirty-two users cost a GPU little more than one; a thousand are bound by arithmetic."""
    group = GpuGroup(find_gpu("b200"), 1, "fp16")
    one, many = (group.decode(EIGHT, 256, batch) for batch in (1, 32))

    assert many.seconds < 1.2 * one.seconds
    assert many.tokens_per_s > 25 * one.tokens_per_s
    assert group.decode(EIGHT, 1, 1000).bound == "arithmetic"
    assert group.prefill(EIGHT, 4096).bound == "arithmetic"


def test_launching_without_a_graph_costs() -> None:
    """Each of the layers' kernels waits for its launch; several GPUs wait for one another."""
    graph, eager = (GpuGroup(H100, 1, "fp16", launch).decode(EIGHT, 1) for launch in ("graph", "eager"))  # type: ignore[arg-type]
    kernels = EIGHT.layers * overhead().kernels_a_layer

    assert eager.seconds - graph.seconds == pytest.approx(
        kernels * (overhead().eager_launch_s - overhead().graph_gap_s)
    )
    assert GpuGroup(H100, 8, "fp16").decode(EIGHT, 1).overhead_s > 64 * overhead().all_reduce_s


def test_how_many_it_takes() -> None:
    """70B in FP16 takes two H100, in 8 bits one; caches of many users take more."""
    assert least_gpus(H100, SEVENTY, "fp16", 1) == 2
    assert least_gpus(H100, SEVENTY, "int8", 1) == 1
    assert least_gpus(H100, SEVENTY, "fp16", 4096, users=64) == 4
    assert GpuGroup(H100, 1, "int8").users_that_fit(SEVENTY, 4096) == 8


def test_every_figure_has_a_source() -> None:
    """Peaks and overheads; an assumed value lies in its interval."""
    assert all(gpu.source for gpu in gpus().values())
    for entry in overhead_entries().values():
        assert entry["low"] <= entry["value"] <= entry["high"]
        assert entry["source"]


def test_an_unknown_gpu_is_told_in_one_line() -> None:
    """With the names that are known."""
    with pytest.raises(EstimateError, match="a100, h100"):
        find_gpu("abacus")
