"""Ways of writing in the one that later steps know: decimal commas, durations, angles, spans, formulas."""

from __future__ import annotations

import re

from inference.text.en.dates import MONTHS
from inference.text.en.numerals import cardinal
from inference.text.en.units import UNITS

_PLACE = (
    r"(?:apt|apartment|unit|gate|room|rm|seat|bus|flat|form|platform|suite|ste|highway|exit|section|row|block|bldg"
    r"|building|model|track|bay|stall|locker|pier|terminal|door|route|zone|lot|hall|question|exercise|figure|fig|box"
    r"|desk|booth|bed|ward|cabin|berth|interstate|grade|class|appendix|schedule|part|carriage|stand|hangar|pen)"
)
_LETTERED = re.compile(
    rf"\b(?P<noun>{_PLACE})\.?(?P<more> number| room is| is)? (?P<number>\d{{1,4}})(?P<letter>[A-Za-z])\b(?![-/'])",
    re.IGNORECASE,
)
_HOTEL = re.compile(r"\b(?P<noun>room|seat|gate) is (?P<number>\d{1,4})(?P<letter>[A-Za-z])\b", re.IGNORECASE)
_HOUSE = re.compile(
    r"(?<![\w.,$€£-])(?P<number>\d{1,4})(?P<letter>[A-H])"
    r"(?=,? (?:bus|train|tram|gate|seat|room|exit|flat|unit|apartment|form)\b"
    r"|,? [A-Z][a-z]+ (?:St|Street|R(?:oa)?d|Ave|Avenue|Lane|Drive|Way)\b)"
)
_MODEL = re.compile(
    r"(?<![\w.,$€£])(\d{1,3}(?:\.\d)?)B(?=[ -](?:[Mm]odel|version|variant|[Cc]hat|[Ii]nstruct|LLM))"
)
_PER = re.compile(r"(?<=[a-z]s)/(min|hr|h|s|sec|day|week|month|year)\b")
_FULL = {"apt": "apartment", "rm": "room", "ste": "suite", "bldg": "building", "fig": "figure"}

_UNIT = "|".join(re.escape(unit) for unit in sorted(UNITS, key=len, reverse=True))
_END = r"(?![\d\w]|[.,]\d)"
_MEASURED = rf"(?=\s?(?:[€$£¥%°]|percent\b|(?:EUR|USD|GBP|CHF)\b|(?:{_UNIT})(?![\w'])))"
_GROUPED = re.compile(rf"(?<![\w.,])(\d{{1,3}}(?:\.\d{{3}})++),(\d{{1,2}}){_END}")
_SPACED = re.compile(rf"(?<![\w.,])(\d{{1,3}}(?: \d{{3}})++),(\d{{1,2}}){_END}")
_DOTTED = re.compile(rf"(?<![\w.,])(\d{{1,3}}(?:\.\d{{3}}){{2,5}}){_MEASURED}")
_COMMA = re.compile(
    rf"(?<![\w.,])(?P<whole>\d{{1,4}}),(?P<part>\d{{1,2}}(?!\d){_MEASURED}|\d{{4,9}}{_END})"
    rf"|(?<![\w.,])(?P<zero>0),(?P<small>\d{{1,9}}){_END}|(?<=[€£$])(?P<price>\d{{1,4}}),(?P<cents>\d\d){_END}"
    rf"|(?<![\w.,:] )(?<![\w.,:])(?P<one>\d),(?P<two>\d\d){_END}"
)

_DURATION_UNITS = {
    **dict.fromkeys(("d",), "day"),
    **dict.fromkeys(("h", "hr", "hrs"), "hour"),
    **dict.fromkeys(("m", "min", "mins"), "minute"),
    **dict.fromkeys(("s", "sec", "secs"), "second"),
}
_ORDER = ("day", "hour", "minute", "second")
_DURATION = re.compile(
    r"(?<![\w.,])\d{1,4}\s?(?:d|hrs?|h|mins?|m)(?:,?\s?\d{1,2}\s?(?:hrs?|h|mins?|m|secs?|s)(?![A-Za-z])){1,3}"
)
_PART = re.compile(r"(\d+)\s?([a-z]+)")
_HALF = re.compile(r"(?<![\w.,])(\d{1,2})\s?h\s?(\d\d)(?!\w|[.,]\d)")
_ANGLE = re.compile(
    r"(?<![\w.,])(?P<degrees>\d{1,3}(?:\.\d{1,8})?)° ?(?:(?P<minutes>\d{1,2}(?:\.\d{1,6})?)'(?!') ?)?"
    r"(?:(?P<seconds>\d{1,2}(?:\.\d{1,6})?)(?:\"|'') ?)?(?P<way>[NSEW]\b)?"
)
_WAYS = {"N": "north", "S": "south", "E": "east", "W": "west"}

_MARK = re.compile(r"[-–—−=+*~#^(!×/_]|[vV]\.?\d|\dx")
"""What every rule below needs."""
_SPOKEN_X = r"(?: (?:plus|minus|times|equals|is|and|or|when|where|for|if|over|to|by|squared|cubed)\b)"
_MATHS = (
    (re.compile(r"(?<!\w)[-=+*_~#]{4,}(?!\w)|^={2,3}(?= )|(?<= )={2,3}$"), " "),  # a rule
    (re.compile(r"\b([Vv]ersion|[Rr]elease) [vV]\.?(?=\d)"), r"\1 "),
    (re.compile(r"(?<=\d)-(?=(?:alpha|beta|rc|dev)(?![a-z]))"), " "),
    (re.compile(r"\^\{([23])\}"), r"^\1"),
    (re.compile(r"\^(?:\{([^{}]{1,24})\}|\(([^()]{2,24})\)|(-\d{1,4}))"), r" to the power of \1\2\3"),
    (re.compile(r"_\{([^{}]{1,24})\}"), r" \1"),
    (re.compile(r"\b([fgh])\(([a-z])\)"), r"\1 of \2"),
    (re.compile(r"(?<![\w.,])(\d{1,3})!(?= ?[=+*/×-])"), r"\1 factorial"),
    (re.compile(r"(?<=(?<![\w'])[a-z]) [-−] (?=(?:\d|[a-z](?![\w'])))"), " minus "),
    (re.compile(r"(?<=\d[xyznabc]) [-−] (?=[\d(]|[a-z](?![\w']))"), " minus "),
    (re.compile(r"\(([a-z])-([a-z]|\d+)\)"), r"(\1 minus \2)"),
    (
        re.compile(r"(?<![\w/])(?:a/b(?! test)|[pq]/[pq]|m/n|d/t)(?![\w/])"),
        lambda m: " over ".join(m[0].split("/")),
    ),
    (re.compile(r"\b([nk])!(?= ?[=+*/×-])"), r"\1 factorial"),
    (re.compile(r"(?<=[\d)]) [-−] (?=[b-hj-z](?![\w']))"), " minus "),
    (re.compile(r"(?<=(?<![\w'])[xyzn])-(?=\d+ ?[=<>])"), " minus "),
    (re.compile(r"\)\("), "), "),
    (re.compile(r"(?<=\d) ?/ ?(?=\()"), " divided by "),
    (re.compile(r"(?:^|(?<=[=(])|(?<=[=(] ))-(?=[b-hj-z](?![\w'-]))"), "minus "),
    (re.compile(r"(?<=\)) ?[*×·] ?(?=\w)|(?<=[\w)]) ?[*×] ?(?=\()"), " times "),
    (re.compile(r"(?<=(?<![\w'])[a-vxyz])/(?=\d)|(?<=\)) ?/ ?(?=[\w(])|(?<=\b[xyz])/(?=[xyz]\b)"), " over "),
    (re.compile(rf"(?<![\w.,–-])(\d{{1,4}}(?:\.\d+)?)x(?=\^|{_SPOKEN_X}| ?[^\w ]|$)"), r"\1 x"),
)

_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday"
_SPAN_NAMES = {name[:3]: name for name in [*_DAYS.split(), *MONTHS]}
_SPAN_WORD = (
    r"(?:Mon(?:day)?|Tue(?:s|sday)?|Wed(?:nesday)?|Thu(?:rs?|rsday)?|Fri(?:day)?|Sat(?:urday)?|Sun(?:day)?"
    r"|Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?"
    r"|Nov(?:ember)?|Dec(?:ember)?)\b"
)
_SPAN = re.compile(rf"\b(?P<first>{_SPAN_WORD})\.? ?[-–—] ?(?P<second>{_SPAN_WORD})(?P<dot>\.(?= ?[a-z\d]))?")
_LETTER_SPAN = re.compile(r"(?<![\w-])(?:A[-–]Z|a[-–]z|A[-–]F)(?![\w-])")
_UNIT_SPAN = re.compile(
    rf"(?P<first>(?<![\w.,])\d{{1,9}}(?:[.,]\d{{1,6}})? ?(?P<unit>%|{_UNIT})) ?[-–—] ?"
    rf"(?=\d{{1,9}}(?:[.,]\d{{1,6}})? ?(?P=unit)(?![\w']))"
)


def _say_lettered(match: re.Match[str]) -> str:
    noun, number = match["noun"], cardinal(match["number"])
    full = _FULL.get(noun.lower(), noun)
    full = full.capitalize() if noun[0].isupper() else full
    more = match.groupdict().get("more")
    return f"{full}{more or ''} {number} {match['letter']}"


def _say_comma(match: re.Match[str]) -> str:
    whole, decimals = (part for part in match.groups() if part is not None)
    return f"{whole}.{decimals}"


def _ungroup(match: re.Match[str]) -> str:
    return ".".join(re.sub(r"\D", "", part) for part in match.groups())


def _say_duration(match: re.Match[str]) -> str:
    parts = [(count, _DURATION_UNITS[unit]) for count, unit in _PART.findall(match[0])]
    places = [_ORDER.index(unit) for _, unit in parts]
    if any(one >= two for one, two in zip(places, places[1:], strict=False)):
        return match[0]
    return " ".join(f"{count} {unit}{'' if int(count) == 1 else 's'}" for count, unit in parts)


def _counted(count: str | None, name: str) -> str:
    if not count:
        return ""
    return f" {count.lstrip('0') or '0'} {name}{'' if count.lstrip('0') == '1' else 's'}"


def _say_angle(match: re.Match[str]) -> str:
    if not (match["minutes"] or match["seconds"] or match["way"]):
        return match[0]
    words = _counted(match["degrees"], "degree") + _counted(match["minutes"], "minute")
    words += _counted(match["seconds"], "second") + (f" {_WAYS[match['way']]}" if match["way"] else "")
    return words.strip() + (" " if match[0].endswith(" ") else "")


def _read_numbers(text: str) -> str:
    for pattern in (_LETTERED, _HOUSE):
        text = pattern.sub(
            lambda m: (
                _say_lettered(m) if "noun" in m.groupdict() else f"{cardinal(m['number'])} {m['letter']}"
            ),
            text,
        )
    text = _PER.sub(lambda m: " per " + UNITS.get(m[1], (m[1],))[0], _MODEL.sub(r"\1 B", text))
    text = _HOTEL.sub(lambda m: f"{m['noun']} is {cardinal(m['number'])} {m['letter']}", text)
    for pattern in (_GROUPED, _SPACED, _DOTTED):
        text = pattern.sub(_ungroup, text)
    text = _COMMA.sub(_say_comma, text)
    text = _DURATION.sub(_say_duration, text)
    text = _HALF.sub(lambda m: _counted(m[1], "hour").strip() + f" {m[2]}", text)
    text = _ANGLE.sub(_say_angle, text)
    return _UNIT_SPAN.sub(lambda m: f"{m['first']} to ", text)


def read_notation(text: str) -> str:
    """Return `text` with numbers, spans and formulas as the later steps read them: "1h 5m" -> "1 hour 5 minutes"."""
    if any(map(str.isdigit, text)):
        text = _read_numbers(text)
    if not _MARK.search(text):
        return text
    for pattern, words in _MATHS:
        text = pattern.sub(words, text)
    text = _LETTER_SPAN.sub(lambda m: f"{m[0][0]} to {m[0][-1]}", text)
    return _SPAN.sub(lambda m: f"{_SPAN_NAMES[m['first'][:3]]} to {_SPAN_NAMES[m['second'][:3]]}", text)
