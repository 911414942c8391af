"""Settings of every test."""

from __future__ import annotations

import os

from hypothesis import settings

os.environ.setdefault("VOICE_APP_MODELS__LLM", "smollm2-135m-instruct")
"""Tests talk with the embedded model, whatever else this machine has; those of another one name it."""

settings.register_profile("any machine", deadline=None)  # a slow machine breaks no law
settings.load_profile("any machine")
