"""How the voice speaks."""
