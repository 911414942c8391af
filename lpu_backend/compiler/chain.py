"""Macro-ops, here *chains*: instructions at fixed distances, since nothing waits between memory and memory.

A value's route over stream registers, here what a chain *carries*, is part of the resources that it takes.
"""

from __future__ import annotations

import numpy as np

from lpu_backend.chip.floorplan import EDGE_SLOT, MEM_QUEUES, SLOT_OF_QUEUE, is_east, transit
from lpu_backend.chip.isa import Instruction, Opcode, Streams, read, write
from lpu_backend.chip.program import ONCE, Labels, ProgramBuilder, Repeat
from lpu_backend.chip.spec import ChipSpec
from lpu_backend.chip.timing import timing
from lpu_backend.compiler.sram import Words
from lpu_backend.compiler.timeline import FIRST_QUEUE_ROW, Needs, Timeline, merged

_BANK_WORDS = 4096
_READ_HALF, _WRITE_HALF = 4, 8
_RECEIVE_HALF = 2
_WRITES = (Opcode.WRITE, Opcode.SCATTER)
Row = tuple[int, int, Instruction, Labels, Repeat]


class Chain:
    """Rows with cycles relative to a base, the resources they need, and the words they read and write."""

    def __init__(self, spec: ChipSpec) -> None:
        self.timing = timing(spec)
        self._rows: list[Row] = []
        self._cells: list[tuple[int, int, int, int, int]] = []
        """Resources it takes: row of the table, column, count, interval, bits."""
        self._reads: list[tuple[int, int, Words]] = []
        self._writes: list[tuple[int, int, Words]] = []
        self.start = 0
        """The first cycle in which anything happens, operands' sampling included; usually negative."""

    def issue(self, cycle: int, queue: int, what: Instruction, labels: Labels, repeat: Repeat = ONCE) -> None:
        """Add one row, and take its queue."""
        self._rows.append((cycle, queue, what, labels, repeat))
        self.start = min(self.start, cycle - self.timing.skew[what.opcode])
        if queue in MEM_QUEUES:
            self._bank(cycle, queue, what, repeat)
        else:
            half = _RECEIVE_HALF if what.opcode is Opcode.RECEIVE else 1
            for busy in range(self.timing.busy[what.opcode]):
                self._take(FIRST_QUEUE_ROW + queue, cycle + busy, half, repeat)

    def carry(self, streams: Streams, cycle: int, way: tuple[int, int], repeat: Repeat = ONCE) -> None:
        """Take the stream registers of a route: from queue way[0], which drives a value in `cycle`, to queue way[1]."""
        sign = 1 if is_east(streams.first) else -1
        first, last = (sign * SLOT_OF_QUEUE[queue] + EDGE_SLOT for queue in way)
        mask = (1 << last) - (1 << first)
        for stream in range(streams.first, streams.first + streams.width):
            self._take(stream, cycle - first, mask, repeat)

    def read(
        self, words: Words, first: int, out: Streams, arrival: tuple[int, int], repeat: Repeat
    ) -> Labels:
        """Read word `first` … so that queue arrival[1] samples it in cycle arrival[0]; `label_last` names it."""
        cycle = arrival[0] - transit(words.mem_slice, arrival[1], out.first) - 1
        cycle -= self.timing.delay[Opcode.READ] - 1
        return self._read_at(cycle, words, first, out, arrival[1], repeat)

    def _read_at(
        self, cycle: int, words: Words, first: int, out: Streams, user: int, repeat: Repeat
    ) -> Labels:
        self._reads.append((cycle, cycle + (repeat.count - 1) * repeat.interval, words))
        self.carry(out, cycle + self.timing.delay[Opcode.READ], (words.mem_slice, user), repeat)
        labels = Labels(region=words.region, version=words.version)
        self._rows.append((cycle, words.mem_slice, read(words.address + first, out), labels, repeat))
        self._bank(cycle, words.mem_slice, self._rows[-1][2], repeat)
        self.start = min(self.start, cycle)
        return labels

    def label_last(self, makes: int) -> None:
        """Label the value that the row issued last makes."""
        cycle, queue, what, labels, repeat = self._rows[-1]
        labels = Labels(labels.in_a, labels.in_b, makes, labels.version, labels.region)
        self._rows[-1] = (cycle, queue, what, labels, repeat)

    def write(
        self, words: Words, first: int, data: Streams, driven: tuple[int, int, int], repeat: Repeat
    ) -> None:
        """Write the value that queue driven[1] drives in cycle driven[0], labelled driven[2]; not its way."""
        cycle, queue, label = driven
        at = cycle + transit(queue, words.mem_slice, data.first)
        labels = Labels(in_a=label, region=words.region, version=words.version)
        self.touch(at, at + (repeat.count - 1) * repeat.interval, words)
        self.issue(at, words.mem_slice, write(words.address + first, data), labels, repeat)

    def touch(self, first: int, last: int, words: Words, *, reads: bool = False) -> None:
        """Note words that rows issued otherwise read or write from cycle `first` to cycle `last`."""
        (self._reads if reads else self._writes).append((first, last, words))

    def _bank(self, cycle: int, queue: int, what: Instruction, repeat: Repeat) -> None:
        half = _WRITE_HALF if what.opcode in _WRITES else _READ_HALF
        first = what.address
        last = first + (repeat.count - 1) * repeat.stride
        low, high = min(first, last) // _BANK_WORDS, (max(first, last) + max(what.span, 1) - 1) // _BANK_WORDS
        if low == high:
            self._take(FIRST_QUEUE_ROW + queue, cycle, half | 1 << low, repeat)
            return
        for issue in range(repeat.count):
            start = first + issue * repeat.stride
            end = start + max(what.span, 1) - 1
            bits = half | 1 << start // _BANK_WORDS | 1 << end // _BANK_WORDS
            self._take(FIRST_QUEUE_ROW + queue, cycle + issue * repeat.interval, bits, ONCE)

    def _take(self, row: int, column: int, mask: int, repeat: Repeat) -> None:
        self._cells.append((row, column, repeat.count, repeat.interval, mask))

    def needs(self) -> Needs | None:
        """Return the resources it takes; None where it conflicts with itself (no valid initiation interval)."""
        row, column, count, interval, mask = np.array(self._cells, np.int64).T
        which = np.repeat(np.arange(len(count)), count)
        issue = np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count)
        columns = column[which] + issue * interval[which]
        return merged(row[which], columns, mask[which].astype(np.uint32))

    def earliest(self, earliest: int) -> int:
        """Return the first base from `earliest` on at which what it reads is there, and what it overwrites was read."""
        earliest = max(earliest, -self.start)
        for first, _, words in self._reads:
            earliest = max(earliest, words.ready - first)
        for first, _, words in self._writes:
            earliest = max(earliest, words.writable - first)
        return earliest

    def commit(self, builder: ProgramBuilder, timeline: Timeline, needs: Needs, earliest: int = 0) -> int:
        """Place the chain at the first cycle possible from `earliest` on, and add its rows; return the base."""
        base = timeline.place(needs, self.earliest(earliest))
        for _, last, words in self._reads:
            words.read_until = max(words.read_until, base + last)
        for _, last, words in self._writes:
            words.ready = max(words.ready, base + last + self.timing.delay[Opcode.WRITE])
        for cycle, queue, what, labels, repeat in self._rows:
            builder.issue(base + cycle, queue, what, labels, repeat)
        return base
