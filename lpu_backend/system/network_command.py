"""`network` on the command line: a system of chips, an exchange on it, and what clocks, noise and failures do to it."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from lpu_backend.errors import TopologyError
from lpu_backend.system.faults import Failure
from lpu_backend.system.network_report import (
    Trial,
    exchange_of,
    exchange_report,
    published_latencies,
    system_report,
)
from lpu_backend.system.topology import System, system_of
from lpu_backend.system.topology_file import read_topology

EXCHANGES = ("all-reduce", "all-gather", "hand-over", "reduce-over")
MOST_VECTORS, MOST_SEEDS, MOST_CHIPS, MOST_CLOCKS = 4096, 1000, 10_440, 100_000


def network_options(command: argparse.ArgumentParser) -> None:
    """Add the options of `network`."""
    command.add_argument("--chips", type=int, default=8, help="working chips (default %(default)s)")
    command.add_argument("--spares", action="store_true", help="the last node of every rack stays idle")
    command.add_argument("--topology", type=Path, metavar="FILE", help="chips and cables from a TOML file")
    command.add_argument("--do", choices=EXCHANGES, help="an exchange: schedule it, prove it, play it")
    command.add_argument("--group", metavar="CHIPS", help="who takes part, like 0-7,12 (default: all chips)")
    command.add_argument("--to", metavar="CHIPS", help="where a hand-over goes")
    command.add_argument("--vectors", type=int, default=32, help="vectors of 320 bytes (default %(default)s)")
    command.add_argument("--seeds", type=int, default=0, help="play it with so many draws of drifting clocks")
    command.add_argument(
        "--noise", type=float, default=0.0, metavar="RATE", help="share of bits that links flip"
    )
    command.add_argument("--fail", metavar="WHAT", help="chip:5 or link:2@300: dead, from a cycle on")
    command.add_argument("--published", action="store_true", help="latencies beside the published ones")
    command.add_argument("--json", action="store_true")


def run_network_command(options: argparse.Namespace) -> str:
    """Return what the command prints; raises LpuError."""
    if options.published:
        rows = published_latencies()
        return json.dumps({"latencies": rows}) if options.json else _latencies(rows)
    system = _system(options)
    found: dict[str, Any] = system_report(system)
    if options.do:
        found["exchange"] = exchange_report(_exchange(system, options), _trial(options, system.installed))
    return json.dumps(found) if options.json else "\n".join(_lines(found))


def _system(options: argparse.Namespace) -> System:
    if options.topology is not None:
        return read_topology(options.topology)
    return system_of(options.chips, spares=options.spares)


def _exchange(system: System, options: argparse.Namespace) -> Any:
    group = _chips(options.group) if options.group else list(system.working)
    target = _chips(options.to) if options.to else []
    if not 1 <= options.vectors <= MOST_VECTORS:
        raise TopologyError(f"{options.vectors} vectors: take 1 to {MOST_VECTORS}")
    return exchange_of(system, options.do, group, target, options.vectors)


def _chips(text: str) -> list[int]:
    """Return chips from 0-7,12."""
    found: list[int] = []
    for part in text.split(","):
        first, dash, last = part.partition("-")
        if (
            not (first.isdecimal() and (last.isdecimal() or not dash))
            or len(part) > 11
            or len(found) > MOST_CHIPS
        ):
            raise TopologyError(f"{text[:40]!r} names no chips; write 0-7,12")
        found += range(int(first), min(int(last or first), int(first) + MOST_CHIPS) + 1)
    return found


def _trial(options: argparse.Namespace, chips: int) -> Trial:
    if not 0 <= options.seeds <= MOST_SEEDS or not 0 <= options.noise < 0.5:
        raise TopologyError(f"take 0 to {MOST_SEEDS} seeds, and a share of flipped bits from 0 to below 0.5")
    if options.seeds * chips > MOST_CLOCKS:
        most = MOST_CLOCKS // chips
        raise TopologyError(f"{options.seeds} seeds of {chips:,} clocks take too long; take {most} or fewer")
    return Trial(options.seeds, options.noise, _failure(options.fail) if options.fail else None)


def _failure(text: str) -> Failure:
    kind, _, rest = text.partition(":")
    number, _, cycle = rest.partition("@")
    if (
        kind not in ("chip", "link")
        or not number.isdecimal()
        or not (cycle or "0").isdecimal()
        or len(rest) > 20
    ):
        raise TopologyError(f"{text[:40]!r} names nothing that may fail; write chip:5, or link:2@300")
    return Failure("chip" if kind == "chip" else "link", int(number), int(cycle or 0))


def _lines(found: dict[str, Any], indent: str = "") -> list[str]:
    lines = []
    for name, value in found.items():
        if isinstance(value, dict):
            lines += [f"{indent}{name}", *_lines(value, indent + "  ")]
        else:
            shown = f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
            lines.append(f"{indent}{name.replace('_', ' '):28} {shown}")
    return lines


def _latencies(rows: list[dict[str, Any]]) -> str:
    lines = [f"{'':62} {'published':>9} {'emulated':>9}"]
    for row in rows:
        note = "an input" if row["input"] else f"{row['cycles']:,} cycles"
        lines.append(f"{row['what']:62} {row['published_us']:6.3f} µs {row['ours_us']:6.3f} µs  {note}")
    return "\n".join(lines)
