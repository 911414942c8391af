"""The memory map as text."""

from __future__ import annotations

from collections import defaultdict

from lpu_backend.chip.floorplan import QUEUE_NAMES
from lpu_backend.compiler.place import Placement
from lpu_backend.compiler.sram import Sram, Words


def memory_map(sram: Sram, placement: Placement) -> str:
    """Return what each slice holds, and how full it is."""
    holds: defaultdict[int, list[tuple[Words, str]]] = defaultdict(list)
    named = {**placement.constants, **placement.state, **placement.inputs}
    for matrix, blocks in placement.blocks.items():
        for number, parts in enumerate(blocks):
            named.update({f"{matrix}@{number}.{part}": block.weights for part, block in enumerate(parts)})
    for name, vectors in named.items():
        for words in vectors:
            holds[words.mem_slice].append((words, name))
    lines = []
    for mem_slice in range(sram.spec.mem_slices):
        used = sram.used[mem_slice]
        lines.append(f"{QUEUE_NAMES[mem_slice]}: {used} of {sram.spec.mem_words} words")
        seen: set[int] = set()
        for words, name in sorted(holds[mem_slice], key=lambda held: held[0].address):
            if words.region not in seen:
                lines.append(f"  {words.address:5} … {words.address + words.count - 1:5}  {name}")
            seen.add(words.region)
    return "\n".join(lines) + "\n"
