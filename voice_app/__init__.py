"""A real-time voice assistant for the terminal: turns, sound cards, the screen, the numbers."""

import inference  # noqa: F401  (before numpy: it says how many threads numpy gets)

__version__ = "0.1.0"
