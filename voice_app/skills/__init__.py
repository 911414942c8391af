"""What the assistant can do beside chatting: a folder each."""
