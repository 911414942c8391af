"""Sound files of any length as text, subtitles and JSON."""
