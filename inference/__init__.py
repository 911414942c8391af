"""Models: one datum in, another out. Knows no clock, no turns, no sound card, no screen."""

from inference.threads import quiet_threads

quiet_threads()
