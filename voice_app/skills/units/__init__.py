"""Conversion of units."""
