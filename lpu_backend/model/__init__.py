"""A model: its file, its tensor operations, its quantised weights, and an engine that computes them fast."""
