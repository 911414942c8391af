"""The realtime core: one session from frames and commands to events and sound. It knows protocols only."""
