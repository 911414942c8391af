"""From a model graph to a program of the chip."""
