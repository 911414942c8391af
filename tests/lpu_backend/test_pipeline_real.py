"""The embedded model on 2, 4 and 8 chips: the tokens and the bits of the logits of one."""

from __future__ import annotations

import pytest

from inference.models.store import ModelStore
from lpu_backend.chip.links import verify_linked
from lpu_backend.chip.lockstep_links import run_linked
from lpu_backend.chip.simulate import simulate
from lpu_backend.chip.spec import PRODUCT
from lpu_backend.compiler import image
from lpu_backend.compiler.compile import compile_placed
from lpu_backend.model.fast import FastEngine
from lpu_backend.model.gguf_file import open_gguf
from lpu_backend.model.graph import build_graph
from lpu_backend.model.quantise import QuantisedModel, quantise
from lpu_backend.model.shape import read_shape
from lpu_backend.run_tokens import Written, greedy
from lpu_backend.system.pipeline import link_up, pipeline
from lpu_backend.system.pipeline_engine import PipelineEngine
from tests.lpu_backend.test_compile import equal_bits
from tests.lpu_backend.test_quality import EMBEDDED

pytestmark = pytest.mark.model
PROMPT = [504, 11, 260, 3575, 282]


@pytest.fixture(scope="module")
def model() -> QuantisedModel:
    """The embedded model."""
    gguf = open_gguf(ModelStore().find(EMBEDDED, "llm").path)
    return quantise(gguf, read_shape(gguf), 64)


@pytest.fixture(scope="module")
def alone(model: QuantisedModel) -> Written:
    """What one chip writes."""
    return greedy(FastEngine(model), PROMPT, 24)


@pytest.mark.parametrize("chips", [2, 4, 8])
@pytest.mark.parametrize("threads", [1, 2])
def test_tokens_and_logits_are_those_of_one_chip(
    model: QuantisedModel, alone: Written, chips: int, threads: int
) -> None:
    """24 tokens, and the SHA-256 of all their logits."""
    parts = pipeline(model.shape, chips, 64).parts
    assert greedy(PipelineEngine(model, parts, threads=threads), PROMPT, 24) == alone


@pytest.mark.parametrize("chips", [2, 8])
def test_the_whole_model_in_lockstep(model: QuantisedModel, chips: int) -> None:
    """Every instruction of all programs on streams: the logits of the definition, in as many cycles as foretold."""
    made = pipeline(model.shape, chips, 64)
    graphs = [build_graph(model.shape, "decode", 1, 64, part) for part in made.parts]
    programs, placements, _ = zip(*(compile_placed(graph, PRODUCT) for graph in graphs), strict=True)
    linked = link_up(programs, made.wires)
    verify_linked(linked, PRODUCT)
    images = [
        {
            **image.constants(model, placement),
            **image.empty_state(placement),
            **image.inputs(model, graph, [504], 0),
        }
        for graph, placement in zip(graphs, placements, strict=True)
    ]
    runs = run_linked(linked, images, PRODUCT)
    wanted = FastEngine(model).step([504], 0)

    assert wanted is not None
    assert equal_bits(image.logits_of(runs[-1].outputs["logits"], model.shape.vocabulary), wanted)
    assert [run.cycles for run in runs] == [simulate(program, PRODUCT).cycles for program in programs]
