"""Judged answers: what the assistant says and does, on sets of questions, sayings and conversations."""
