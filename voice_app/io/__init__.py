"""Sound in and out: microphones, loudspeakers, files, typed text."""
