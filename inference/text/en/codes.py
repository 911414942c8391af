"""Digits that are read one by one, because they name something: telephone, ZIP, tracking and emergency numbers."""

from __future__ import annotations

import re

from inference.text.en.numerals import spell_digits

_NAMED = (
    r"(?:zip|(?:zip|post(?:al)?|tracking|area|access|door|gate|garage|security|confirmation|verification|promo"
    r"|country|booking|error|dialing|dialling)? ?code|postcode|pass ?code|pin|password|extension|ext\.?"
    r"|tracking|(?:flight|booking|order)? ?confirmation|phone|telephone|tel\.?|fax|mobile|cell"
    r"|(?:account|order|serial|confirmation|reference|routing|phone|telephone|fax|mobile|cell|ticket|tracking"
    r"|invoice|case|booking|policy|member|membership|customer|card|license|licence|passport|contact|social security"
    r"|room|batch|lot|patent|employee|student|parcel|id)"
    r" (?:number|no\.?|id|#))"
)
_COUNTED = r"(?! ?(?:[€$£%°]|[a-z]{2,}(?<!ss)(?<!is|as|us)s\b|people|of\b|percent))(?![\w.,:/]\w|\w)"
_LABELLED = re.compile(
    rf"\b(?P<label>{_NAMED}(?: (?:is|was)| number)?:? ?#? ?)(?P<digits>\d{{3,12}}"
    rf"(?:[ -]\d{{2,8}}){{0,4}}){_COUNTED}",
    re.IGNORECASE,
)
_NUMBERED = re.compile(r"#(?P<digits>\d{5,12})(?![\w.,]\w|\w)")
_NATIONAL = re.compile(r"(?<![\w.,:/-])(?<!\d )0\d{1,4}(?:[ -]\d{3,8}){1,3}(?![\w.,:/-]\w|\w)")
_STATES = (
    r"(?:A[KLRZ]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|PA|RI|S[CD]|T[NX]|UT|V[AT]"
    r"|W[AIVY])"
)
_STATE_ZIP = re.compile(rf"(?<=, )({_STATES}) (\d{{5}}(?:-\d{{4}})?)(?![\w.,-]\w|\w)")
_LONG = re.compile(rf"(?<![\w.,$€£¥:/=+*×÷^#-])(?<![$€£=] )(?!\d+0000(?!\d))\d{{10,15}}{_COUNTED}(?! \d)")
_EMERGENCY = r"(?:911|999|112|988|000|[2-8]11|101|111|110|118|119|105|116)"
"""Emergency and service numbers: ITU-T E.161.1 and the North American N11 codes."""
_DIALLED = re.compile(
    rf"\b(?P<verb>call(?:ing|ed)?|dial(?:ing|ling|ed)?|ring|phone|text) (?P<digits>{_EMERGENCY})"
    rf"(?P<other> or {_EMERGENCY})?"
    r"(?! ?(?:[a-z]{3,}(?<!ss)s\b(?<!always)|people|times))(?![\w.,:/-]\w|\w)",
    re.IGNORECASE,
)
_EMERGENCY_CALL = re.compile(r"(?<![\w.,-])(?P<digits>911|999|112) (?=call|operator|dispatch|emergenc)")
_GROUP = re.compile(r"\d+")


def _spelt(digits: str) -> str:
    return ", ".join(spell_digits(group) for group in _GROUP.findall(digits))


def _other(second: str | None) -> str:
    return f" or {_spelt(second)}" if second else ""


def read_codes(text: str) -> str:
    """Return `text` with numbers that are names read digit by digit: "ZIP code 90210", "Call 911 now"."""
    text = _LABELLED.sub(lambda m: m["label"].replace("#", " ") + _spelt(m["digits"]), text)
    text = _NUMBERED.sub(lambda m: f"number {_spelt(m['digits'])}", text)
    text = _NATIONAL.sub(lambda m: _spelt(m[0]), text)
    text = _STATE_ZIP.sub(lambda m: f"{m[1]} {_spelt(m[2])}", text)
    text = _DIALLED.sub(lambda m: f"{m['verb']} {_spelt(m['digits'])}{_other(m['other'])}", text)
    text = _EMERGENCY_CALL.sub(lambda m: f"{_spelt(m['digits'])} ", text)
    return _LONG.sub(lambda m: _spelt(m[0]), text)
