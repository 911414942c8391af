"""Settings of every test."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("any machine", deadline=None)  # a slow machine breaks no law
settings.load_profile("any machine")
