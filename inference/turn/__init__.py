"""Turn taking: has the user finished, or only paused?"""
