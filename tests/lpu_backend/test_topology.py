"""Nodes, racks and cables: the published counts, found by search; files of cables, also hostile ones."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lpu_backend
from lpu_backend.chip.spec import table
from lpu_backend.errors import SpecError, TopologyError
from lpu_backend.system.topology import UNWIRED, System, diameter, distances, node_distances, system_of
from lpu_backend.system.topology_file import parse_topology, read_topology
from lpu_backend.system.wire import START, WIRE, WireSpec

SIZES = (1, 2, 4, 8, 16, 24, 64, 72, 88, 264, 272, 576, 1440)
LARGEST = system_of(10_440)


def test_row_5_the_largest_system() -> None:
    """16 links of 4 × 30 Gb/s both ways are 3.84 Tb/s; 145 racks are 10,440 chips within 5 hops of routers."""
    assert WIRE.chip.c2c_links * 2 * WIRE.chip.c2c_link_bytes_per_s * 8 == 3_840_000_000_000
    assert (LARGEST.racks, LARGEST.nodes, LARGEST.chips) == (145, 1305, 10_440)
    assert diameter(LARGEST).router_hops == 5
    assert LARGEST.chips * WIRE.chip.sram_bytes > 2e12


def test_row_5_one_rack_sees_what_all_racks_see() -> None:
    """The search from the first rack stands for all: a search from chips of others finds the same distances."""
    here = [sorted(distances(LARGEST, chip).tolist()) for chip in (0, 13)]
    there = [sorted(distances(LARGEST, 72 * rack + chip).tolist()) for rack, chip in ((77, 0), (144, 13))]

    assert here == there
    assert max(map(max, here)) == 7 == diameter(LARGEST).links, "every link from chip to chip counted"


def test_33_nodes_are_wired_to_each_other() -> None:
    """A node is a router of 32 ports: 264 chips, one link between any two nodes, three links at most."""
    system = system_of(264)

    assert all(sorted(node_distances(system, node)) == [0] + [1] * 32 for node in range(33))
    assert diameter(system).links == 3 == diameter(system).router_hops


@pytest.mark.parametrize("chips", SIZES)
def test_every_chip_has_its_links(chips: int) -> None:
    """7 to its node (fewer in part of one), up to 4 beyond; cables join two chips; all chips are reached."""
    system = system_of(chips)
    peers = system.peers.reshape(-1, WIRE.ports)
    wired = np.flatnonzero(system.peers != UNWIRED)
    local = peers[:, :7] // WIRE.ports // 8

    assert system.chips == chips
    assert (system.peers[system.peers[wired]] == wired).all()
    assert (system.peers[wired] // WIRE.ports != wired // WIRE.ports).all()
    assert ((peers[:, :7] != UNWIRED).sum(axis=1) == min(chips, 8) - 1).all()
    assert (local == np.arange(system.installed)[:, None] // 8)[peers[:, :7] != UNWIRED].all()
    assert (distances(system, 0) >= 0).all()


@pytest.mark.parametrize(("chips", "each"), [(16, 32), (72, 4), (264, 1)])
def test_cables_are_divided_evenly(chips: int, each: int) -> None:
    """Between any two nodes of a flat system lie equally many cables, on different chips where there are enough."""
    system = system_of(chips)
    links = np.flatnonzero(system.peers != UNWIRED)
    ends = zip(links // 88, system.peers[links] // 88, strict=True)
    counts = Counter((int(a), int(b)) for a, b in ends if a != b)
    chips_used = {int(link) // 11 for link in links if link // 88 == 0 and system.peers[link] // 88 == 1}

    assert set(counts.values()) == {each}
    assert len(chips_used) == min(each, 8)


def test_racks_are_wired_to_each_other() -> None:
    """In the largest system one cable joins any two racks, two any two nodes of a rack."""
    links = np.flatnonzero(LARGEST.peers != UNWIRED)
    a, b = links // 88, LARGEST.peers[links] // 88
    racks = Counter(
        zip((a // 9)[a // 9 != b // 9].tolist(), (b // 9)[a // 9 != b // 9].tolist(), strict=True)
    )
    inside = (a // 9 == b // 9) & (a != b)
    nodes = Counter(zip(a[inside].tolist(), b[inside].tolist(), strict=True))

    assert len(racks) == 145 * 144
    assert set(racks.values()) == {1}
    assert set(nodes.values()) == {2}


def test_spares_stay_idle() -> None:
    """With spares the last node of every rack is idle: 576 chips take nine racks, 64 one."""
    for chips, racks in ((64, 1), (576, 9), (8, 1)):
        system = system_of(chips, spares=True)
        idle = set(range(system.installed)) - set(system.working)
        assert (system.chips, system.racks) == (chips, racks)
        assert all(any(chip // 72 == rack for chip in idle) for rack in range(racks))


def test_constants_of_a_wire_have_to_make_sense() -> None:
    """A hop that is shorter than its link is refused, and what is not positive."""
    with pytest.raises(SpecError, match="shorter than its link"):
        WireSpec(hop_ns=200)
    with pytest.raises(SpecError, match="positive"):
        WireSpec(link_cycles=0)


def test_the_readme_shows_the_constants() -> None:
    """The table in the room's README is that of the links' constants."""
    readme = (Path(lpu_backend.__file__).parent / "README.md").read_text()

    assert (
        readme.split("<!-- wire constants -->\n")[1].split("\n<!-- /wire constants -->")[0]
        == f"{table(WIRE)}\n\n{table(START)}"
    )


def test_a_file_of_cables(tmp_path: Path) -> None:
    """Cables one by one, or a published arrangement less some cables."""
    path = tmp_path / "bench.toml"
    path.write_text('name = "bench"\nchips = 3\nspares = 1\ncables = [[0, 0, 1, 0], [1, 1, 2, 0]]\n')
    bench = read_topology(path)
    less = parse_topology({"like": 8, "without": [[0, 0]]})

    assert (bench.name, bench.chips, bench.installed, bench.links) == ("bench", 2, 3, 2)
    assert distances(bench, 0).tolist() == [0, 1, 2]
    assert less.links == system_of(8).links - 1


BROKEN: dict[str, dict[str, Any]] = {
    "chips": {"chips": 0},
    "whole number": {"chips": 2.5, "cables": []},
    "2,016": {"like": 10_440},
    "cut off": {"chips": 3, "cables": [[0, 0, 1, 0]]},
    "already": {"chips": 3, "cables": [[0, 0, 1, 0], [0, 0, 2, 0]]},
    "itself": {"chips": 2, "cables": [[0, 0, 0, 1]]},
    "cable 1: chip": {"chips": 2, "cables": [[0, 0, 2, 0]]},
    "cable 1: port": {"chips": 2, "cables": [[0, 11, 1, 0]]},
    "lists of 4": {"chips": 2, "cables": [[0, 0, 1]]},
    "no key": {"chips": 2, "cabels": []},
    "either": {"like": 8, "chips": 8},
    "no cable is at": {"like": 8, "without": [[0, 9]]},
    "whole nodes": {"like": 7},
    "spares": {"like": 8, "spares": 8},
    "text": {"name": 3, "like": 8},
}


@pytest.mark.parametrize("what", BROKEN)
def test_broken_files_are_refused_in_one_line(what: str) -> None:
    """The line says what is wrong."""
    with pytest.raises(TopologyError, match=what) as caught:
        parse_topology(BROKEN[what])
    assert "\n" not in str(caught.value)


def test_what_is_no_topology_is_refused(tmp_path: Path) -> None:
    """No file, no TOML, no text, too large."""
    for name, content in (
        ("a", b"chips = "),
        ("b", b"\xff\xfe"),
        ("c", b"x" * (5 << 20)),
        ("d", b"a=" + b"[" * 9000),
    ):
        (tmp_path / name).write_bytes(content)
    for name in ("a", "b", "c", "d", "missing"):
        with pytest.raises(TopologyError, match=name):
            read_topology(tmp_path / name)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 20) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.lists(st.integers(-1, 12), min_size=4, max_size=4),
    max_leaves=20,
)


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(
    st.dictionaries(st.sampled_from(["name", "chips", "spares", "cables", "like", "without", "x"]), VALUES)
)
def test_any_tables_make_a_system_or_one_error(found: dict[str, Any]) -> None:
    """Whatever stands in a file, the answer is a connected system or a TopologyError."""
    try:
        system = parse_topology(found)
    except TopologyError:
        return
    assert isinstance(system, System)
    assert (distances(system, 0) >= 0).all()
