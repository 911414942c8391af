"""The time and date, here and elsewhere."""
