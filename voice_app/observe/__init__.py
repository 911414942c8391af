"""Listeners of the event bus: the session log, traces, the lines on the terminal."""
