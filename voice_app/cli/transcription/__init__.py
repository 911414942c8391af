"""Sound files of any length as text and subtitles."""
