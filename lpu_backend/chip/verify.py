"""The proof, before execution, that the chip, which has no interlock, will compute what the program's labels say.

The chip delivers to a unit whatever is on the stream in that cycle. `verify` follows every value in space and time and
compares what arrives with what is meant; it sees counts, cycles and places, no data. What passes, runs without a fault
on the functional model, but for maps of Gather and Scatter that point outside their span, which are data; and two
schedules of the same labelled operations that pass compute the same bits.

  1. statics    every row is an instruction of its unit, in range; maps, SRAM regions (`rules.py`)
  2. queues     one issue a cycle and queue; an FP16 product takes two cycles of both planes; IW has its interval
  3. banks      a bank of a slice serves one access a cycle
  4. streams    no register is driven twice in a cycle; every operand is on its stream, at its slot, in its cycle
  5. labels     every value has a label of its own, so that what is meant is one thing
  6. ALUs       a chained operand is the result that its ALU gives in that very cycle
  7. SRAM       every word read has been written as often as the program says, or holds an input; so have the outputs
  8. MXM        (`verify_mxm.py`) tiles are loaded before they are installed, installed before they are used, not
                replaced while in use; products are taken when they arrive; accumulators hold what they should

Everything is an array: a million issues take about a second.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lpu_backend.chip.floorplan import MXM_QUEUES, QUEUE_NAMES, VXM_QUEUES, stream_name
from lpu_backend.chip.isa import Opcode
from lpu_backend.chip.issues import Ints, Issues, expand, failure, match, match_last, pick
from lpu_backend.chip.program import FIRST_ALU, FLOW, IMMEDIATE, NO_OPERAND, Kind, Program
from lpu_backend.chip.rules import MEM_OPCODES, SECOND_HALF, check_alone, check_homes, check_statics
from lpu_backend.chip.spec import ChipSpec
from lpu_backend.chip.timing import Timing, timing
from lpu_backend.chip.traffic import PLACES, driven, sampled
from lpu_backend.chip.verify_mxm import check_mxm
from lpu_backend.errors import ScheduleError

Mask = npt.NDArray[np.bool_]

WORDS = 8192
TOUCH_LIMIT = 8_000_000
"""Words that all Gathers and Scatters may touch together."""


def verify(program: Program, spec: ChipSpec, *, alone: bool = True) -> None:
    """Raise ScheduleError, with cycle, unit and instruction, for the earliest thing that would go wrong.

    A program that is not `alone` may send and receive; that both ends of links agree is for `links.verify_linked`.
    """
    check_statics(program)
    if alone:
        check_alone(program)
    check_homes(program)
    issues = expand(program.rows)
    checked = Checked(program, spec, timing(spec), issues)
    errors = []
    checks = (
        _check_queues,
        _check_banks,
        _check_labels,
        _check_streams,
        _check_chains,
        _check_words,
        _check_mxm,
    )
    for check in checks:
        try:
            check(checked)
        except ScheduleError as error:
            errors.append(error)
    if errors:
        raise min(errors, key=lambda error: error.cycle)


@dataclass(frozen=True, slots=True)
class Checked:
    """A program as every check sees it."""

    program: Program
    spec: ChipSpec
    timing: Timing
    issues: Issues

    def column(self, name: str) -> Ints:
        """Return a column of the rows, an entry an issue."""
        column: Ints = self.program.rows[name][self.issues.row].astype(np.int64)
        return column

    def delayed(self) -> Ints:
        """Return the cycle of every issue's result."""
        delay: Ints = np.array(self.timing.delay)[self.column("opcode")]
        return self.issues.cycle + delay

    def refuse(self, wrong: Mask, issue: Ints | None, what: str | Callable[[int], str]) -> None:
        """Fail at the earliest of the wrong ones; `issue` says which issue an entry of the mask belongs to."""
        if not wrong.any():
            return
        at = np.flatnonzero(wrong)
        issues = at if issue is None else issue[at]
        first = int(self.issues.cycle[issues].argmin())
        which = int(issues[first])
        text = what if isinstance(what, str) else what(int(at[first]))
        raise failure(self.program.rows, int(self.issues.row[which]), text, int(self.issues.cycle[which]))


def _check_queues(c: Checked) -> None:
    """Check that a queue issues one instruction a cycle; MEM and a link one of each half."""
    opcode, queue = c.column("opcode"), c.column("queue")
    odd = np.flatnonzero(opcode == Opcode.ABC_F16)
    which = np.concatenate([np.arange(len(opcode)), odd])
    lane = np.concatenate([queue * 2 + np.isin(opcode, SECOND_HALF), (queue[odd] + 3) * 2])
    first_of_pair = (queue[odd] - MXM_QUEUES.start) // 3 % 2 == 0
    c.refuse(~first_of_pair, odd, "FP16 goes through planes 0 and 1, or 2 and 3: issue it at the even one")
    cycle = c.issues.cycle[which]
    order = np.lexsort((cycle, lane))
    busy = np.array(c.timing.busy)[opcode[which[order]]]
    late = cycle[order][1:] < (cycle[order] + busy)[:-1]
    clash = late & (lane[order][1:] == lane[order][:-1])
    sends = opcode[which[order]][1:] == Opcode.SEND
    c.refuse(clash & ~sends, which[order][1:], "the queue issues two instructions in one cycle")
    c.refuse(clash & sends, which[order][1:], "its link still carries the vector before")


def _check_banks(c: Checked) -> None:
    """Check that a bank has one access a cycle."""
    mem = np.flatnonzero(np.isin(c.column("opcode"), MEM_OPCODES))
    first = c.issues.address[mem] // c.spec.mem_words_per_bank
    last = (c.issues.address[mem] + np.maximum(c.column("span")[mem], 1) - 1) // c.spec.mem_words_per_bank
    which = np.concatenate([mem, mem[last > first]])
    bank = np.concatenate([first, last[last > first]])
    key = (c.issues.cycle[which] * 88 + c.column("queue")[which]) * 2 + bank
    order = np.argsort(key, kind="stable")
    c.refuse(key[order][1:] == key[order][:-1], which[order][1:], "its bank is used twice in this cycle")


def _check_streams(c: Checked) -> None:
    """Check that every operand is, at its place and in its cycle, the value that is meant."""
    used, made = sampled(c.program.rows, c.issues, c.timing), driven(c.program.rows, c.issues, c.timing)
    c.refuse(used.cycle < 0, used.issue, "an operand would be sampled before the program starts")
    end = int(max(made.cycle.max(initial=0), used.cycle.max(initial=0)))
    sources = made.track(end)
    order = np.argsort(sources, kind="stable")
    sources = sources[order]
    twice = sources[1:] == sources[:-1]
    c.refuse(
        twice, made.issue[order][1:], "drives a stream that another unit drives in the same cycle and slot"
    )
    found = match_last(sources, used.track(end), PLACES)
    wrong = pick(made.label[order], found) != used.label

    def arriving(i: int) -> str:
        """Return what there is in place of the value meant."""
        stream = stream_name(int(used.stream[i]))
        if found[i] < 0:
            return f"nothing arrives on {stream}"
        maker = int(made.issue[order[found[i]]])
        unit, cycle = QUEUE_NAMES[int(c.column("queue")[maker])], int(c.issues.cycle[maker])
        return f"{stream} carries what {unit} made in cycle {cycle}, another value is meant"

    c.refuse(wrong, used.issue, arriving)


def _check_labels(c: Checked) -> None:
    """Check that a label is made once: on a stream, or as a product or an ALU's result that goes onto none."""
    made = driven(c.program.rows, c.issues, c.timing)
    alone = np.flatnonzero((c.column("out") == NO_OPERAND) & (c.column("makes") > 0))
    label = np.concatenate([made.label, (c.column("makes") + c.issues.age)[alone]])
    issue = np.concatenate([made.issue, alone])
    order = np.lexsort((c.issues.cycle[issue], label))
    label, issue = label[order], issue[order]
    c.refuse(
        (label[1:] == label[:-1]) & (label[1:] >= FLOW),
        issue[1:],
        "makes a value that another instruction makes",
    )
    for name in ("a", "b"):
        given = (c.column(name) < IMMEDIATE) & (c.column("in_" + name) < FLOW)
        c.refuse(given, None, f"does not say which value operand {name} is meant to be")


def _check_chains(c: Checked) -> None:
    """Check that a chained operand is the result that its ALU gives in this cycle."""
    queue = c.column("queue")
    alus = np.flatnonzero((queue >= VXM_QUEUES.start) & (queue < VXM_QUEUES.stop))
    given = (c.issues.cycle[alus] + c.spec.vxm_alu_cycles) * 16 + queue[alus] - VXM_QUEUES.start
    order = np.argsort(given)
    given, labels = given[order], (c.column("makes") + c.issues.age)[alus][order]
    for name in ("a", "b"):
        code = c.column(name)
        users = np.flatnonzero((code >= FIRST_ALU) & (code < IMMEDIATE))
        wanted = c.issues.cycle[users] * 16 + code[users] - FIRST_ALU
        found = match(given, wanted)
        c.refuse(found < 0, users, f"the ALU of operand {name} has no result in this cycle")
        meant = (c.column("in_" + name) + c.issues.age)[users]
        c.refuse(pick(labels, found) != meant, users, f"operand {name} is another result than meant")


def _check_mxm(c: Checked) -> None:
    check_mxm(c.program.rows, c.issues, c.spec)


def _words_touched(c: Checked, opcodes: tuple[Opcode, ...]) -> tuple[Ints, Ints]:
    """Issue and global number of every word that the issues of these opcodes touch."""
    which = np.flatnonzero(np.isin(c.column("opcode"), opcodes))
    span = np.maximum(c.column("span")[which], 1)
    if int(span.sum()) > TOUCH_LIMIT:
        raise ScheduleError(
            f"Gathers and Scatters touch more than {TOUCH_LIMIT:,} words", 0, "MEM", "the program"
        )
    issue = np.repeat(which, span)
    step = np.arange(len(issue)) - np.repeat(np.cumsum(span) - span, span)
    return issue, c.column("queue")[issue] * WORDS + c.issues.address[issue] + step


def _check_words(c: Checked) -> None:
    """Check versions of words: what is read is what was written, and the last version wanted has been."""
    writer, written = _words_touched(c, (Opcode.WRITE, Opcode.SCATTER))
    reader, read = _words_touched(c, (Opcode.READ, Opcode.GATHER))
    visible = c.delayed()
    span = int(max(visible.max(initial=0), c.issues.cycle.max(initial=0))) + 1
    key = written * span + visible[writer]
    order = np.argsort(key, kind="stable")
    key, writer, written = key[order], writer[order], written[order]
    first = np.searchsorted(key, written * span)
    version = c.column("version")
    wrong = version[writer] != np.arange(len(key)) - first + 1
    c.refuse(wrong, writer, "writes a word for another time than the program says")
    wanted = read * span + c.issues.cycle[reader]
    seen = np.searchsorted(key, wanted, side="right") - np.searchsorted(key, read * span)
    c.refuse(seen != version[reader], reader, lambda i: _wrong_version(int(seen[i]), int(version[reader[i]])))
    kind = c.program.regions["kind"][c.column("region")[reader]] if len(reader) else np.zeros(0)
    blank = (seen == 0) & np.isin(kind, (Kind.SCRATCH, Kind.OUTPUT))
    c.refuse(blank, reader, "reads a word that nothing has been written to")
    _check_results(c.program, np.bincount(written, minlength=88 * WORDS))


def _wrong_version(seen: int, meant: int) -> str:
    return f"reads a word that has been written {seen} times by then, {meant} are meant"


def _check_results(program: Program, writes: npt.NDArray[np.int64]) -> None:
    """Check that regions with data have been written as often as they say when the program ends."""
    for number, region in enumerate(program.regions):
        start = int(region["slice"]) * WORDS + int(region["address"])
        times = writes[start : start + int(region["words"])]
        if region["kind"] != Kind.SCRATCH and (times != region["writes"]).any():
            unit, wanted = QUEUE_NAMES[region["slice"]], int(region["writes"])
            name = f"region {number} of {program.tensors[region['tensor']]!r}"
            text = f"written {int(times[times != wanted][0])} times, {wanted} are meant"
            raise ScheduleError(text, 0, unit, name)
