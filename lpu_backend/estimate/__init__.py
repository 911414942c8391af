"""What a system of chips would do with a model of any size: room, time, energy, and how far that can be believed."""
