"""A chip, its compiler, its simulator. Knows no text, no audio, no wall clock."""
