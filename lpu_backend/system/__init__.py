"""Many chips: topology, links, the scheduled network, collectives, clocks, faults."""
