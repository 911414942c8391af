"""What the user asked to remember: kept on disk, found again, forgotten, exported; one memory a persona."""
