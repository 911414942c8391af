"""English abbreviations: which of them end a sentence, and what they are spoken as."""

from __future__ import annotations

import re

from inference.text.language import FullStops

TITLES = {
    "dr": "Doctor",
    "mr": "Mister",
    "mrs": "Missus",
    "ms": "Miz",  # espeak-ng spells "Ms" as two letters
    "prof": "Professor",
    "st": "Saint",
    "mt": "Mount",
    "gen": "General",
    "capt": "Captain",
    "sgt": "Sergeant",
    "lt": "Lieutenant",
    "col": "Colonel",
    "rev": "Reverend",
    "gov": "Governor",
    "sen": "Senator",
    "rep": "Representative",
}
"""Before a name. Never the end of a sentence."""

_CONNECTIVES = {
    "e.g": "for example",
    "i.e": "that is",
    "vs": "versus",
    "v": "versus",
    "approx": "approximately",
    "cf": "compare",
    "fig": "figure",
    "vol": "volume",
    "ca": "about",
}
_TAILS = {
    "etc": "et cetera",
    "al": "al",
    "inc": "Incorporated",
    "ltd": "Limited",
    "co": "Company",
    "corp": "Corporation",
    "jr": "Junior",
    "sr": "Senior",
    "dept": "department",
    "ave": "Avenue",
    "blvd": "Boulevard",
    "rd": "Road",
    "jan": "January",
    "feb": "February",
    "mar": "March",
    "apr": "April",
    "aug": "August",
    "sept": "September",
    "sep": "September",
    "oct": "October",
    "nov": "November",
    "dec": "December",
    "tues": "Tuesday",
    "thurs": "Thursday",
}
_OTHER_TAILS = """
    a.m p.m a.d b.c b.c.e c.e ph.d m.d b.a m.a a.k.a esq est min hr hrs
    ft oz lb lbs tsp tbsp mon tue wed thu fri
"""
"""Those that are spoken as they are written, or that other steps read."""
FULL_STOPS = FullStops(
    never_last=frozenset(TITLES) | frozenset(_CONNECTIVES) | {"sq", "cu", "fl"},
    maybe_last=frozenset(_TAILS) | frozenset(_OTHER_TAILS.split()),
    before_number=frozenset(
        {
            "no",
            "nos",
            "fig",
            "figs",
            "vol",
            "p",
            "pp",
            "ca",
            "ch",
            "sec",
            "apt",
            "ste",
            "rm",
            "bldg",
            "eq",
            "tab",
        }
    ),
    before_capital=frozenset({"v"}),
    one_letter_words=frozenset({"I"}),
)

_ENDS = r"(?=(?P<last>\s*$|\s+(?-i:[A-Z])))?"
_TITLE = re.compile(
    r"(?<![\w.])(?P<word>" + "|".join(TITLES) + r")(?P<dot>\.?) (?=(?P<name>(?-i:[A-Z]))|[a-z])",
    re.IGNORECASE,
)
_PLAIN_TITLES = frozenset({"dr", "mr", "mrs", "ms"})
_STREET = re.compile(
    r"(?P<name>\b(?!(?:The|A|My|Our|Your|See)\b)[A-Z][a-z]+) (?P<word>St|Dr)\.(?! [A-Z][a-z])"
)
_ADDRESS = re.compile(r"(?P<name>\b\d+(?: [A-Z]\w+){1,3}) (?P<word>St|Dr|Ave|Rd|Blvd)\.")
_BARE_STREET = re.compile(
    r"(?P<name>\b\d+(?:st|nd|rd|th)|\b\d+[A-Za-z]?(?: [A-Z]\w+){1,3}) (?P<word>St|Dr|Ave|Rd|Blvd|Ln|Ct|Pl|Hwy|Pkwy)\b"
    r"(?!\.| [A-Z]\w+ (?:St|Ave))"
    r"|(?P<road>\b[A-Z][a-z]+) (?P<kind>Ave|Rd|Blvd|Ln|Hwy|Pkwy)\b\.?"
)
_REFERENCE = re.compile(
    r"(?<![\w.])(?P<word>pp?|PP?|[Cc]h(?:ap)?|[Ss]ec|[Ee]q|[Tt]ab)\. ?(?=\d)|§{1,2} ?(?=\w)"
)
_REFERENCES = {
    **{"p": "page", "pp": "pages", "ch": "chapter", "chap": "chapter", "sec": "section", "eq": "equation"},
    **{"tab": "table"},
}
_STREETS = {"St": "Street", "Dr": "Drive", "Ave": "Avenue", "Rd": "Road", "Blvd": "Boulevard"} | {
    **{"Ln": "Lane", "Ct": "Court", "Pl": "Place", "Hwy": "Highway", "Pkwy": "Parkway"}
}
_CONNECTIVE = re.compile(
    r"(?<![\w.])(?:(?P<eg>e\. ?g)|(?P<ie>i\. ?e)"
    r"|(?P<word>vs|approx|cf|fig|vol|ca(?=\. \d)|v(?=\. (?-i:[A-Z]))))\.",
    re.IGNORECASE,
)
_BARE_VERSUS = re.compile(r"(?<= )vs(?= )")
_TAIL = re.compile(r"(?<![\w.])(?P<word>" + "|".join(_TAILS) + r")\." + _ENDS, re.IGNORECASE)
_LOWER_TAILS = frozenset({"etc", "al", "dept"})
_NUMBER_SIGN = re.compile(r"(?<![\w.])([Nn])(o)s?\. ?(?=\d)")
_HALF_DAY = re.compile(r"(?<![\w.])([AaPp])\. ?[Mm]\." + _ENDS)
_DOTTED = re.compile(r"(?<![\w.])((?:[A-Za-z]\.){1,8}[A-Za-z]\.)")
_DOCTORATE = re.compile(r"(?<!\w)Ph\. ?D\.")
_INITIAL = re.compile(
    r"(?<![\w.'])([A-Z])\.(?= (?!(?:Th(?:e|en|is|at|ese|ere|ey)|It|He|She|We|You|If|In|On|And|But|So)\b)"
    r"[A-Z])"
)


def _full_stop(match: re.Match[str]) -> str:
    return "." if match["last"] is not None else ""


def _stop_after(match: re.Match[str]) -> str:
    return "." if not match.string[match.end() :].strip() else ""


def _say_title(match: re.Match[str]) -> str:
    word = match["word"]
    title = word.lower() in _PLAIN_TITLES
    known = word[0].isupper() and (title or match["dot"]) and (match["name"] or (title and match["dot"]))
    return TITLES[word.lower()] + " " if known else match[0]


def _say_connective(match: re.Match[str]) -> str:
    if match["eg"]:
        words = _CONNECTIVES["e.g"]
    elif match["ie"]:
        words = _CONNECTIVES["i.e"]
    else:
        words = _CONNECTIVES[match["word"].lower()]
    return words.capitalize() if match[0][0].isupper() else words


def _say_tail(match: re.Match[str]) -> str:
    word = match["word"].lower()
    # In lower case "co.", "mar." or "dec." is more likely a word at the end of a sentence.
    if word not in _LOWER_TAILS and match["word"][0].islower():
        return match[0]
    return _TAILS[word] + _full_stop(match)


def _say_street(match: re.Match[str]) -> str:
    stop = _stop_after(match) if match[0].endswith(".") else ""
    return f"{match['name'] or match['road']} {_STREETS[match['word'] or match['kind']]}{stop}"


def _say_reference(match: re.Match[str]) -> str:
    if not match["word"]:
        return "sections " if match[0].startswith("§§") else "section "
    words = _REFERENCES[match["word"].lower()]
    return (words.capitalize() if match["word"][0].isupper() else words) + " "


def read_abbreviations(text: str) -> str:
    """Return `text` with abbreviations in words; a dot that also ends the sentence stays."""
    for pattern in (_ADDRESS, _STREET):
        text = pattern.sub(lambda m: f"{m['name']} {_STREETS[m['word']]}{_stop_after(m)}", text)
    text = _BARE_STREET.sub(_say_street, text)
    text = _REFERENCE.sub(_say_reference, text)
    text = _TITLE.sub(_say_title, text)
    text = _CONNECTIVE.sub(_say_connective, text)
    text = _BARE_VERSUS.sub("versus", text)
    text = _NUMBER_SIGN.sub(lambda match: "Number " if match[1] == "N" else "number ", text)
    text = _TAIL.sub(_say_tail, text)
    text = _HALF_DAY.sub(lambda m: ("a-m" if m[1] in "aA" else "p m") + _full_stop(m), text)
    text = _DOCTORATE.sub(lambda match: "PhD" + _stop_after(match), text)
    text = _DOTTED.sub(lambda match: match[1].replace(".", "") + _stop_after(match), text)
    return _INITIAL.sub(r"\1", text)
