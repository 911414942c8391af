"""The terminal's screen: the one package that imports Textual. Everything it shows comes from events alone."""
