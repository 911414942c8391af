"""Voice activity detection: which 32 ms frames hold speech."""
