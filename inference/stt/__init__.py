"""Speech to text: the words of an utterance."""

from inference.stt.batch import BatchRecognizer, transcribe

__all__ = ["BatchRecognizer", "transcribe"]
