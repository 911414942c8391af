"""What is said in the demonstrations."""

from __future__ import annotations

ITINERARY = (
    "I'd like to visit New York City for two days, and I'd like an itinerary that includes things that are not "
    "typically touristy. Can you make that itinerary for me?",
)
TABLE = (
    "Can you put this itinerary in a table?",
    "Please add a column with the approximate cost of each event.",
    "Now, can you do this for Atlanta, Georgia also?",
)
