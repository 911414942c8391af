"""Tables and itineraries."""
