"""Models: one datum in, another out. Knows no clock, no turns, no sound card, no screen."""

from inference.threads import shorten_spinning

shorten_spinning()
