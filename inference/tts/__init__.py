"""Text to speech: clauses in, sound out, the first of it early.

scripted.py   a fake with declared durations
split.py      cuts a Piper voice in three and runs the parts over windows
piper.py      the real thing: phonemes, word times, silence, volume
"""
