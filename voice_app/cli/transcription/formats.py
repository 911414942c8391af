"""A transcript as a file: text, SubRip, WebVTT, JSON. Pure; white space and control characters are single blanks."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from inference.types import HeardWord
from voice_app.cli.transcription.cues import SENTENCE_END, Cue, cues

PARAGRAPH_S = 2.0
"""A pause after a sentence that begins a paragraph."""


class TranscriptFormat(StrEnum):
    """What a transcript is written as; also the ending of its file's name, "txt" for text."""

    TEXT = "text"
    SRT = "srt"
    VTT = "vtt"
    JSON = "json"

    @property
    def suffix(self) -> str:
        return ".txt" if self is TranscriptFormat.TEXT else f".{self}"


@dataclass(frozen=True, slots=True)
class FileTranscript:
    """What is said in a file."""

    file: str
    words: tuple[HeardWord, ...]
    """As `clean_words` returns them."""
    seconds: float
    """Length of the sound."""
    compute_ms: float
    """Measured on this machine."""

    @property
    def text(self) -> str:
        return " ".join(word.text for word in self.words)


def clean_words(words: Iterable[HeardWord]) -> list[HeardWord]:
    """Return the words as printable characters without white space, which makes one several."""
    found = []
    for word in words:
        text = "".join(
            " " if unicodedata.category(sign) in ("Cc", "Zl", "Zp") else sign for sign in word.text
        )
        parts = text.split()
        each_s = (word.end_s - word.start_s) / max(1, len(parts))
        at_s = [word.start_s + place * each_s for place in range(len(parts))] + [word.end_s]
        found += [HeardWord(part, at_s[place], at_s[place + 1]) for place, part in enumerate(parts)]
    return found


def write(transcript: FileTranscript, form: TranscriptFormat) -> str:
    """Return the file's content in a format."""
    match form:
        case TranscriptFormat.TEXT:
            return "".join(f"{paragraph}\n" for paragraph in paragraphs(transcript.words))
        case TranscriptFormat.SRT:
            return srt(cues(transcript.words))
        case TranscriptFormat.VTT:
            return vtt(cues(transcript.words))
        case TranscriptFormat.JSON:
            return json.dumps(transcript_row(transcript) | details(transcript), ensure_ascii=False) + "\n"


def transcript_row(transcript: FileTranscript) -> dict[str, object]:
    """Return what was said as one line of JSON has it."""
    return {
        "file": transcript.file,
        "text": transcript.text,
        "seconds": round(transcript.seconds, 3),
        "compute_ms": round(transcript.compute_ms, 1),
    }


def details(transcript: FileTranscript) -> dict[str, object]:
    """Return the subtitles and words with their times."""
    return {
        "basis": "measured",
        "cues": [
            {"start_s": cue.start_ms / 1000, "end_s": cue.end_ms / 1000, "lines": list(cue.lines)}
            for cue in cues(transcript.words)
        ],
        "words": [
            {"text": word.text, "start_s": round(word.start_s, 3), "end_s": round(word.end_s, 3)}
            for word in transcript.words
        ],
    }


def paragraphs(words: Sequence[HeardWord]) -> list[str]:
    """Return the text cut where a speaker pauses after a sentence."""
    found: list[list[str]] = []
    end_s = 0.0
    for word in words:
        rests = word.start_s - end_s >= PARAGRAPH_S
        if not found or (rests and found[-1][-1].endswith(SENTENCE_END)):
            found.append([])
        found[-1].append(word.text)
        end_s = word.end_s
    return [" ".join(texts) for texts in found]


def srt(shown: Sequence[Cue]) -> str:
    """Return subtitles as SubRip. It knows no escapes: an arrow inside a text is taken apart."""
    return "\n".join(
        f"{number}\n{_stamp(cue.start_ms, ',')} --> {_stamp(cue.end_ms, ',')}\n{_srt_text(cue)}\n"
        for number, cue in enumerate(shown, 1)
    )


def vtt(shown: Sequence[Cue]) -> str:
    """Return subtitles as WebVTT, with the characters escaped that cue text reserves (W3C, section 3.4)."""
    return "WEBVTT\n" + "".join(
        f"\n{_stamp(cue.start_ms, '.')} --> {_stamp(cue.end_ms, '.')}\n{_vtt_text(cue)}\n" for cue in shown
    )


def _srt_text(cue: Cue) -> str:
    return re.sub(r"--(?=>)", "-- ", "\n".join(cue.lines))


def _vtt_text(cue: Cue) -> str:
    text = "\n".join(cue.lines)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _stamp(ms: int, point: str) -> str:
    seconds, ms = divmod(ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}{point}{ms:03}"
