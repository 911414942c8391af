"""Programs as text, written: all there is to know about a program, for people, and for `assembly.parse`, the inverse.

    .program "matmul-tile" "product"
    .op "matmul"
    .tensor "w"
    .map 1 0 3 2 4..319
    .region 0 constant MEM_E24 0 +20 "w" 0/16 w0
    5: MEM_E24   READ 0 -> E0   x20 /1 +1   {v1 region 0 op "matmul"}

A program's name and its chip description; names of tensor operations and of tensors; maps of the SXM, numbered from 0,
320 entries each, where a..b counts up and v*n repeats; regions: number, kind, slice, first address, words, tensor, its
first vector / step, how often the words have been written in the end.

A line of the last kind is a row: cycle, queue, instruction (opcode, address, +span, operands, -> result), then Repeat:
x count, / interval, + stride; in braces the labels: `a v2` and `b v3` are the values meant as operands, `v1` the value
made (v flow, or v flow.instant), then version, region, operation. What is zero, one or absent is left out. A semicolon
starts a comment. Rows may stand in any order; they are written by cycle, west to east.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from lpu_backend.chip.floorplan import QUEUE_NAMES, WEST_TO_EAST
from lpu_backend.chip.program import Kind, Program, instruction


def to_text(program: Program) -> str:
    """Return the whole program, in lines; raises ValueError for rows that hold no instruction."""
    rows = program.rows
    order = np.lexsort((rows["opcode"], np.argsort(WEST_TO_EAST)[rows["queue"]], rows["cycle"]))
    lines = [f".program {_quoted(program.name)} {_quoted(program.spec)}"]
    lines += [f".op {_quoted(name)}" for name in program.ops]
    lines += [f".tensor {_quoted(name)}" for name in program.tensors]
    lines += [f".map {_runs(lanes.tolist())}" for lanes in program.maps]
    lines += [_region_line(number, region, program.tensors) for number, region in enumerate(program.regions)]
    lines += [_row_line(rows[at], program.ops) for at in order]
    return "\n".join(lines) + "\n"


def _quoted(name: str) -> str:
    return json.dumps(name, ensure_ascii=True)


def _runs(values: list[int]) -> str:
    """Return 320 numbers as text, runs of equal ones and of ascending ones written short."""
    words, at = [], 0
    while at < len(values):
        same = up = at + 1
        while same < len(values) and values[same] == values[at]:
            same += 1
        while up < len(values) and values[up] == values[up - 1] + 1 and values[at] >= 0:
            up += 1
        if same - at > 1:
            words.append(f"{values[at]}*{same - at}")
        else:
            words.append(f"{values[at]}..{values[up - 1]}" if up - at > 2 else str(values[at]))
            same = up if up - at > 2 else at + 1
        at = same
    return " ".join(words)


def _region_line(number: int, region: Any, tensors: tuple[str, ...]) -> str:
    kind = Kind(int(region["kind"]))
    place = f"{QUEUE_NAMES[region['slice']]} {region['address']} +{region['words']}"
    name = _quoted(tensors[region["tensor"]]) if region["tensor"] >= 0 else "-"
    return f".region {number} {kind.name.lower()} {place} {name} {region['first']}/{region['step']} w{region['writes']}"


def _row_line(row: Any, ops: tuple[str, ...]) -> str:
    what = instruction(row)
    repeat = [f"x{row['count']}"] if row["count"] != 1 or row["interval"] != 1 or row["stride"] else []
    repeat += [f"/{row['interval']}"] if row["interval"] != 1 else []
    repeat += [f"{row['stride']:+}"] if row["stride"] else []
    labels = [f"{name} {_value(int(row['in_' + name]))}" for name in ("a", "b") if row["in_" + name]]
    labels += [_value(int(row["makes"]))] if row["makes"] else []
    labels += [f"version {row['version']}"] if row["version"] else []
    labels += [f"region {row['region']}"] if row["region"] >= 0 else []
    labels += [f"op {_quoted(ops[row['op']])}"] if row["op"] >= 0 else []
    head = f"{row['cycle']:>6}: {QUEUE_NAMES[row['queue']]:<17} {what!s:<32} {' '.join(repeat):<10}"
    return f"{head} {{{' '.join(labels)}}}" if labels else head.rstrip()


def _value(label: int) -> str:
    flow, instant = divmod(label, 1 << 32)
    return f"v{flow}.{instant}" if instant else f"v{flow}"
