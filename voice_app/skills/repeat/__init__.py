"""The last answer again."""
