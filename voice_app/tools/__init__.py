"""Local tools: what time it is, timers, sums, units, the user's own notes; and answering more carefully."""
