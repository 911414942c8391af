"""The benchmark: how long answers take, read from the sound, with what the budget allowed."""
