"""Speech to text: the words of an utterance."""
