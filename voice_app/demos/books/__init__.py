"""A book, written page by page."""
