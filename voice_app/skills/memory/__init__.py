"""What the user asked to remember."""
