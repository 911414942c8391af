"""Books by a small language model: an outline, then pages that could be written in any order."""
