"""A real-time voice assistant for the terminal: turns, sound cards, the screen, the numbers."""

__version__ = "0.1.0"
