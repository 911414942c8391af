"""Web and mail addresses as words: the domain alone, its dots spoken."""

from __future__ import annotations

import re

_TLDS = "com|org|net|edu|gov|io|ai|co|uk|de|fr|eu|us|ca|au|jp|info|dev|app|me|tv|biz|int|mil"
_TRAILING = re.compile(r"[.,;:!?)'\"\]]+$")
_URL = re.compile(r"\b(?:[a-zA-Z][a-zA-Z+.-]{1,15}://|www\.(?=\w))[^\s<>\"|]++")
_DOMAIN = re.compile(
    rf"(?<![\w@./-])(?:[A-Za-z0-9][A-Za-z0-9-]{{0,62}}\.){{1,6}}(?:{_TLDS})\b(?![@-])(?!\.\w)"
    r"(?::\d{1,5})?(?:/[^\s<>\"|]*+)?"
)
_EMAIL = re.compile(
    r"(?<![\w.+-])(?:mailto:)?(?P<name>[\w.+-]{1,64})@(?P<domain>[\w-]{1,63}(?:\.[\w-]{1,63}){1,6})"
)
_LINK_TAIL = re.compile(r"\]\([^)\s]*+\)?")  # its head was in an earlier clause
_HTTP = re.compile(r"http(s?)", re.IGNORECASE)
_SIGNS = {".": " dot ", "-": " dash ", "_": " underscore ", "+": " plus "}


def _spoken(address: str) -> str:
    return re.sub(r"[._+-]", lambda match: _SIGNS[match[0]], address.strip(".-"))


def _say_url(match: re.Match[str]) -> str:
    address = match[0]
    trailing = _TRAILING.search(address)
    address = address.removesuffix(trailing[0]) if trailing else address
    host = re.split(r"[/?#]", address.split("://")[-1], maxsplit=1)[0]
    host = host.rsplit("@")[-1].partition(":")[0].removeprefix("www.")
    return _spoken(host) + (trailing[0] if trailing else "")


def _say_email(match: re.Match[str]) -> str:
    return f"{_spoken(match['name'])} at {_spoken(match['domain'])}"


def read_addresses(text: str) -> str:
    """Return `text` with addresses in words: "https://www.example.com/a?b" -> "example dot com"."""
    text = _LINK_TAIL.sub(" ", text)
    text = _URL.sub(_say_url, text)
    text = _EMAIL.sub(_say_email, text)
    text = _DOMAIN.sub(_say_url, text)
    return _HTTP.sub(lambda match: "H T T P" + (" S" if match[1] else ""), text)
