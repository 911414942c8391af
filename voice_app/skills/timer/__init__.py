"""Timers and alarms."""
