"""Demonstrations: what the assistant does, spoken with itself, for a person to watch or a script to read."""
