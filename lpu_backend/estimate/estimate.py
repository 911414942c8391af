"""The main path of an estimate: a model on a number of chips → stages, cycles, tokens a second, watts.

    check → system → divide, with each size of group that fits → cycles of every stage → the quickest token

Everything on the chips is emulated, exact to the cycle: programs that `verify` has passed, exchanges in which every
Send has its cycle. A token goes through all stages one after the other; the host samples between two tokens.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lpu_backend.compiler.steps import LINK_BYTES_PER_S, TRANSFER_S
from lpu_backend.errors import EstimateError, LpuError
from lpu_backend.estimate.capacity import Capacity, capacity
from lpu_backend.estimate.costs import Costs, compiled_shape, default_folder
from lpu_backend.estimate.partition import Partition, Stage, divide, ways_to_try
from lpu_backend.estimate.shapes import Precision, PublishedModel
from lpu_backend.system.topology import System, system_of
from lpu_backend.system.wire import WIRE, WireSpec

CHUNK_ROWS = 16
"""Tokens of a prompt that go through a stage together."""
CHIP_W = 185.0
"""Average power of a chip, product brief; 215 W is its thermal limit."""
USD_PER_CHIP_HOUR = 1.0
"""Declared: no price, but a unit to scale by one's own."""
DEFAULT_CONTEXT, DEFAULT_PROMPT = 4096, 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question. `context`: tokens a user's cache holds, all seen by the token that is timed: the slowest."""

    model: PublishedModel
    chips: int
    context: int
    prompt: int
    precision: Precision = "int8"
    tp_degree: int | None = None
    """Chips that share a layer; None: the quickest."""
    usd_per_chip_hour: float = USD_PER_CHIP_HOUR
    cached: int = 0
    """Tokens before the prompt that are in the cache already."""


@dataclass(frozen=True, slots=True)
class StageTime:
    """One stage's cycles for one step."""

    stage: Stage
    program_cycles: int
    exchange_cycles: int
    """Inside the stage's group."""
    hand_over_cycles: int
    """To the next group; 0 for the last."""

    @property
    def cycles(self) -> int:
        """Return the cycles from the residual stream's arrival until it is at the next stage."""
        return self.program_cycles + self.exchange_cycles + self.hand_over_cycles

    @property
    def busy_cycles(self) -> int:
        """Return the cycles in which the stage can take no other token."""
        return self.program_cycles + self.exchange_cycles


@dataclass(frozen=True, slots=True)
class Estimate:
    """The answer: a model on a system. Times are emulated, the host's link, power and price declared."""

    question: Question
    system: System
    capacity: Capacity
    partition: Partition
    decode: tuple[StageTime, ...]
    prefill: tuple[StageTime, ...]
    """Of a block of `CHUNK_ROWS` tokens."""
    clock_hz: int
    link_s: float
    notes: tuple[str, ...]

    @property
    def cycles_per_token(self) -> int:
        """Return the cycles of all stages, one after the other."""
        return sum(stage.cycles for stage in self.decode)

    @property
    def tpot_s(self) -> float:
        """Return the seconds from one token of a user to the next."""
        return self.cycles_per_token / self.clock_hz + self.link_s

    @property
    def bound(self) -> str:
        """Return what most of a token's cycles go to."""
        spent = {
            "programs": sum(stage.program_cycles for stage in self.decode),
            "exchanges": sum(stage.exchange_cycles for stage in self.decode),
            "hand-overs": sum(stage.hand_over_cycles for stage in self.decode),
        }
        return max(spent, key=lambda name: spent[name])

    @property
    def slowest_s(self) -> float:
        """Return the seconds after which a stage takes the next token."""
        return max(stage.busy_cycles for stage in self.decode) / self.clock_hz

    @property
    def ttft_s(self) -> float:
        """Return the seconds from a prompt to its first token: blocks follow one another through the stages."""
        blocks = -(-self.question.prompt // CHUNK_ROWS)
        through = sum(stage.cycles for stage in self.prefill)
        slowest = max(stage.busy_cycles for stage in self.prefill)
        return (through + (blocks - 1) * slowest) / self.clock_hz + self.link_s

    @property
    def depth(self) -> int:
        """Return the number of tokens in flight, each another user's, over all copies of the pipeline: one a stage."""
        return self.partition.copies * len(self.partition.stages)

    @property
    def users_with_full_caches(self) -> int:
        """Return the number of users in flight where each has all of the context in its cache, as far as these fit."""
        return self.partition.copies * self.partition.users_in_flight

    @property
    def aggregate_tokens_per_s(self) -> float:
        """Return the tokens a second over all users at the pipeline's depth, whose caches have to fit."""
        return self._aggregate(len(self.partition.stages))

    @property
    def aggregate_with_full_caches(self) -> float:
        """Return the tokens a second over as many users as fit with all of the context in their caches."""
        return self._aggregate(self.partition.users_in_flight)

    def _aggregate(self, users: int) -> float:
        return self.partition.copies * users / max(self.tpot_s, users * self.slowest_s)

    @property
    def watts(self) -> float:
        """Return the watts of all chips of the system at their average power, idle ones too."""
        return self.question.chips * CHIP_W

    @property
    def joules_per_token(self) -> float:
        """Return the energy of a token at the pipeline's depth, J."""
        return self.watts / self.aggregate_tokens_per_s

    @property
    def tokens_per_usd(self) -> float:
        """Return the tokens a dollar buys at the pipeline's depth, at the declared price."""
        usd_per_s = self.question.chips * self.question.usd_per_chip_hour / 3600
        return self.aggregate_tokens_per_s / usd_per_s


def estimate(
    question: Question, wire: WireSpec = WIRE, folder: Path | None = None, system: System | None = None
) -> Estimate:
    """Return what the model does on so many chips; on the smallest published arrangement of them unless one is given.

    Raises EstimateError for a context past the model's, a model that does not fit, groups that can't be; TopologyError
    for a number of chips that no system has.
    """
    model, chips = question.model, question.chips
    check(question)
    system = system or system_of(chips, wire)
    room = capacity(model, question.precision, chips, question.context, wire.chip)
    if not room.fits:
        raise EstimateError(room.why)
    shape, notes = compiled_shape(model, question.precision)
    costs = Costs(shape, system, folder or default_folder(), model.experts, model.experts_used)
    partition = _quickest(question, costs)
    return Estimate(
        question,
        system,
        room,
        partition,
        stage_times(costs, partition, 1, question.context),
        stage_times(costs, partition, CHUNK_ROWS, max(question.cached + question.prompt, CHUNK_ROWS)),
        wire.chip.clock_hz,
        link_s(model.vocabulary, partition.tp_degree),
        notes,
    )


def check(question: Question) -> None:
    """Raise EstimateError for a question that contradicts itself or the model."""
    question.model.check_context(question.context)
    if question.cached < 0 or not 1 <= question.prompt <= question.context - question.cached:
        raise EstimateError(
            f"a prompt of {question.prompt:,} tokens in a context of {question.context:,}; take 1 to its size"
        )
    if question.usd_per_chip_hour <= 0:
        raise EstimateError(f"a price of {question.usd_per_chip_hour} USD an hour; take one above 0")


def link_s(vocabulary: int, tp_degree: int) -> float:
    """Return the seconds on the host's links between two tokens: the token there, each chip's share of the logits back.

    Declared: GroqFlow's model of the link.
    """
    return 2 * TRANSFER_S + 4 * -(-vocabulary // tp_degree) / LINK_BYTES_PER_S


def _quickest(question: Question, costs: Costs) -> Partition:
    """Return the division with the least time a token: inside nodes, and over several only where nothing fits one.

    Where none fits at all, the last reason is raised.
    """
    inside, beyond = ways_to_try(question.chips, question.model.heads, costs.wire.node_chips)
    best: tuple[float, Partition] | None = None
    problem: LpuError | None = None
    for tp_degree in (question.tp_degree,) if question.tp_degree else (*inside, *beyond):
        if best is not None and tp_degree in beyond:
            break
        try:
            partition = division(question, costs, tp_degree)
        except LpuError as error:
            problem = error
            continue
        cycles = sum(stage.cycles for stage in stage_times(costs, partition, 1, question.context))
        seconds = cycles / costs.wire.chip.clock_hz + link_s(question.model.vocabulary, tp_degree)
        if best is None or seconds < best[0]:
            best = seconds, partition
    if best is None:
        assert problem is not None
        raise problem
    return best[1]


def division(question: Question, costs: Costs, tp_degree: int) -> Partition:
    """Divide the model over groups of `tp_degree` chips. Raises LpuError where it does not fit or can't be dealt."""
    model, room = question.model, costs.wire.chip.sram_bytes
    if not 1 <= tp_degree <= question.chips or question.chips % tp_degree:
        raise EstimateError(f"{question.chips} chips make no groups of {tp_degree}; take a divisor")
    if model.ffn_weights * model.experts // tp_degree > room:
        raise EstimateError(f"a layer of {model.name} does not fit {tp_degree} chips; take larger groups")
    return divide(
        question.chips, tp_degree, costs.parts(tp_degree, question.context, model.idle_layers), room
    )


def stage_times(costs: Costs, partition: Partition, rows: int, positions: int) -> tuple[StageTime, ...]:
    """Return the cycles of every stage for a step of `rows` tokens that sees `positions`."""
    times = []
    for number, stage in enumerate(partition.stages):
        program = exchange = onward = 0
        for part in stage.parts:
            if not part.idle:
                cycles, moved = costs.part_cycles(part.kind, partition.stages[0].chips, rows, positions)
                program, exchange = program + cycles, exchange + moved
        if number + 1 < len(partition.stages):
            onward = costs.hand_over(stage.chips, partition.stages[number + 1].chips, rows)
        times.append(StageTime(stage, program, exchange, onward))
    return tuple(times)
