"""Characters: what is dropped before words are read, and what the remaining symbols are called."""

from __future__ import annotations

import re
import unicodedata

_PLAIN = str.maketrans(
    {
        "‘": "'",
        "’": "'",
        "ʼ": "'",
        "“": '"',
        "”": '"',
        "„": '"',
        "«": '"',
        "»": '"',
        "′": "'",
        "″": '"',
        "‐": "-",
        "‑": "-",
        "‒": "–",
        "―": "—",
        "⁄": "/",
        "。": ". ",
        "，": ", ",
        "、": ", ",
        "！": "! ",
        "？": "? ",
        "；": "; ",
        "：": ": ",
        "•": ", ",
        "·": " ",
        "™": "",
        "®": "",
        "©": "",
        "º": "°",
        "˚": "°",
        "\u00ad": "",
        "\u200b": "",
        "\u200c": "",
        "\u200d": "",
        "\ufeff": "",
    }
)
_VULGAR = re.compile(r"(?<=\d)(?=[¼-¾⅐-⅞])")
_MIDDLE_DOT = re.compile(r"(?<=\d) ?[·⋅] ?(?=\d)")
_SUPERSCRIPT = re.compile(r"(?<=[\w)])[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+")
_STRANGE = re.compile(r"[^\x20-\x7e]")
_KEPT_SYMBOLS = frozenset("§°€£¥¢₹₩₽₺₴₪±×÷≈≃≤≥≠→⇒−–—√∞")


def _keep(match: re.Match[str]) -> str:
    character = match[0]
    category = unicodedata.category(character)
    if category == "Nd":
        return str(unicodedata.decimal(character))
    if category[0] in "LM" and not "\ufe00" <= character <= "\ufe0f" or character in _KEPT_SYMBOLS:
        return character
    return " "


def clean(text: str) -> str:
    """Return one line of letters, ASCII and a few known symbols: no pictograph, no control character."""
    text = _MIDDLE_DOT.sub("×", text)
    text = _VULGAR.sub(" ", text.translate(_PLAIN))
    text = _SUPERSCRIPT.sub(
        lambda match: "^" + unicodedata.normalize("NFKC", match[0]).replace("−", "-"), text
    )
    text = unicodedata.normalize("NFKC", text).translate(_PLAIN)
    text = _STRANGE.sub(_keep, text)
    return re.sub(r"\s+", " ", text).strip()


_BEFORE_NUMBERS = (
    (re.compile(r"\s?\[\d{1,3}\]"), ""),  # a reference
    (re.compile(r"(?<=\d) (?=000(?!\d))"), ""),  # "1 000 000"
    (re.compile(r"#\s?(?=\d)"), "number "),
    (re.compile(r"(?<=\b[A-G])#"), " sharp"),
    (re.compile(r"(?<=[\w)]) [≈≃] "), " is about "),
    (re.compile(r"[~≈≃]\s?(?=[-$€£¥\d])"), " about "),
    (re.compile(r"\+/-|±"), " plus or minus "),
)
_POWER = re.compile(r"\^\(?((?:minus )?[A-Za-z-]{1,24})\)?")
_POWER_NAMES = {"two": " squared", "three": " cubed"}

_NAMES = (
    (r"!=|≠", " does not equal "),
    (r"<=(?!>)|≤", " is at most "),
    (r">=|≥", " is at least "),
    (r"[-=]+>|[→⇒]", " to "),
    (r"={1,3}", " equals "),
    (r"(?<=\s)<(?=\s)|<(?=\s?\d)", " less than "),
    (r"(?<=\s)>(?=\s)|>(?=\s?\d)", " greater than "),
    (r"&", " and "),
    (r"@", " at "),
    (r"%", " percent "),
    (r"\+", " plus "),
    (r"−", " minus "),
    (r"×", " times "),
    (r"÷", " divided by "),
    (r"√", " square root of "),
    (r"∞", " infinity "),
    (r"°", " degrees "),
    (r"≈|≃", " about "),
    (r"\bw/ ", " with "),
)
_NAMED = tuple((re.compile(pattern), words) for pattern, words in _NAMES)


def mark_numbers(text: str) -> str:
    """Return `text` with the symbols in words whose meaning hangs on a digit beside them."""
    for pattern, words in _BEFORE_NUMBERS:
        text = pattern.sub(words, text)
    return text


def read_powers(text: str) -> str:
    """Return `text` with exponents in words: "x^two" -> "x squared". Numbers are read before."""
    return _POWER.sub(lambda match: _POWER_NAMES.get(match[1]) or f" to the power of {match[1]}", text)


def read_symbols(text: str) -> str:
    """Return `text` with the remaining symbols in words."""
    for pattern, words in _NAMED:
        text = pattern.sub(words, text)
    return text


_PUNCTUATION_RUN = re.compile(r"[.,;:!?](?:\s?[.,;:!?])+")
_DROP = (
    (re.compile(r"\s+"), " "),
    (re.compile(r"[\w'-]{60}(?=[\w'-])"), r"\g<0> "),  # no word is that long, and pieces end at spaces
    (re.compile(r"\((e?s)?\)"), r"\1"),
    (re.compile(r"\s\("), ", "),
    (re.compile(r"\)(?=\s[\w'])"), ","),
    (re.compile(r"(?<!\w)-+|-+(?!\w)|--+|[–—]"), ", "),
    (re.compile(r"(?<!\w)'+|'+(?!\w)|''+"), ""),
    (re.compile(r'"'), ""),
    (re.compile(r"_"), " "),
)
_UNSPOKEN = re.compile(r"[^\w\s.,;:!?'-]")
_PUNCTUATE = (
    (re.compile(r"\s+"), " "),
    (re.compile(r"(?<=[a-z])\.(?=[A-Z][a-z])"), ". "),
    (re.compile(r"(?<=\w)\.(?=\w)"), " dot "),
    (re.compile(r"(?<=[,;:!?])(?=\w)"), " "),
    (re.compile(r"\s(?=[.,;:!?])"), ""),
)


def _strongest(match: re.Match[str]) -> str:
    run = match[0]
    for mark in "?!":
        if mark in run:
            return mark
    follows = match.string[match.end() :].lstrip()[:1]
    if "." in run:
        return "," if ".." in run and follows.islower() else "."
    return ";" if ";" in run else ":" if ":" in run else ","


def tidy(text: str) -> str:
    """Return one line of letters and `. , ; : ! ? ' -`, punctuated as a voice expects; '' without letters."""
    for pattern, replacement in _DROP:
        text = pattern.sub(replacement, text)
    # Combining marks are part of their letter, though no \w.
    text = _UNSPOKEN.sub(lambda m: m[0] if unicodedata.category(m[0])[0] == "M" else " ", text)
    for pattern, replacement in _PUNCTUATE:
        text = pattern.sub(replacement, text)
    text = _PUNCTUATION_RUN.sub(_strongest, text)
    text = re.sub(r" (?=[.,;:!?])", "", re.sub(r"\s+", " ", text))
    text = text.lstrip(" .,;:!?-'").rstrip(" -")
    return unicodedata.normalize("NFC", text) if any(map(str.isalpha, text)) else ""
