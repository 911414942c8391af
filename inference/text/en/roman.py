"""Roman numerals as words: ordinals behind names of rulers and before "century", else cardinals."""

from __future__ import annotations

import re

from inference.text.en.numerals import cardinal, ordinal

_RULER_NAMES = """
    Henry Louis Elizabeth George Edward Charles Richard James William Napoleon Philip Pius John Paul Benedict
    Frederick Catherine Nicholas Alexander Ferdinand Ramses Ramesses Rameses Wilhelm Leo Gregory Innocent Mary
    Thutmose Tuthmosis Amenhotep Seti Ptolemy Cleopatra Xerxes Darius Cyrus Artaxerxes Mehmed Murad Selim Suleiman
    Harald Olaf Haakon Gustav Christian Carl Karl Oscar Peter Ivan Alfonso Juan Felipe Carlos Pedro Isabella Margaret
    Victoria Anne Matilda Robert David Malcolm Kenneth Duncan Otto Conrad Rudolf Rudolph Leopold Joseph Franz
    Maximilian Sigismund Urban Clement Boniface Julius Sixtus Adrian Celestine Nikolaus Friedrich Albert Baldwin
    Umberto Emmanuel Victor Theodosius Constantine Justinian Valentinian Antiochus Seleucus Mithridates Tiberius
    Humbert Francis Harold Magnus Eric Erik Canute Sancho Ludwig Bela Stephen Vladislaus Casimir Sargon
    Nebuchadnezzar Mentuhotep Senusret Osorkon Shoshenq Psamtik Pepi Akbar Shapur Khosrow Basil Michael Romanos
    Alexios Manuel Hussein Abdullah Faisal Mohammed Hassan Farouk Rainier Hans-Adam Beatrix Juliana
"""
_RULERS = frozenset(_RULER_NAMES.split())
_TITLE = (
    r"(?:King|Queen|Pope|Emperor|Empress|Tsar|Czar|Kaiser|Pharaoh|Sultan|Shah|Prince|Duke|Count|Patriarch)"
)
_NOUN = (
    r"(?:World War|Super Bowl|Type|Part|Chapter|Phase|Stage|Volume|Vol\.|Book|Act|Scene|Class|Level|Grade|Section"
    r"|Article|Title|Tier|Division|Category|Appendix|Apollo|Canto|Psalm|Factor|Schedule|Group|Mark|Round|Episode"
    r"|Rocky|Final Fantasy|Star Wars|WrestleMania|Vatican|Lesson|Unit|Module|Step|Figure|Table|Olympiad|Page|Question)"
)
_VALID = r"(?=[MDCLXVI])(?:M{0,3}(?:CM|CD|DC{0,3}|C{1,3})?(?:XC|XL|LX{0,3}|X{1,3})?(?:IX|IV|VI{0,3}|I{1,3})?)"
_LOWER = r"(?=[xvi])(?:x{0,3}(?:ix|iv|vi{0,3}|i{1,3})?)"
_I_AS_WORD = (
    r"(?! (?:am|will|have|think|can|could|would|should|shall|do|did|know|want|like|love|met|saw|told|need|hope"
    r"|said|guess|believe|mean|feel|never|always|just|really|'|\w+'|played|wrote|read|enjoyed|liked|loved)\b"
    r"|')"
)
_CENTURY = re.compile(
    rf"\b(?P<roman>{_VALID})(?: ?(?P<join>and|to|or|[-–]) ?(?P<second>{_VALID}))? (?=[Cc]entur(?:y|ies)\b)"
)
_NOUN_ROMAN = re.compile(
    rf"\b(?P<before>{_NOUN}|(?-i:[A-Z][a-z]+ Bowl)) (?:(?P<roman>(?-i:{_VALID}))|(?P<lower>(?-i:{_LOWER})))"
    rf"(?![\w.]\w|\w|-\w)(?P<guard>{_I_AS_WORD})",
    re.IGNORECASE,
)
_NAME_ROMAN = re.compile(
    rf"\b(?P<title>{_TITLE} )?(?P<before>[A-Z][a-z]+(?: Paul)?) (?P<roman>{_VALID})(?![\w]|-\w){_I_AS_WORD}"
)
_NUMERAL = re.compile(r"\b(?:[MDCLXVI]+|[xvi]+)\b")
_SEVERAL = re.compile(
    r"(?!(?:CD|DC|CM|MC|LI|DI|MI|CI|CC|MD|MM|DVI|CV|XX|CL|MIX|CIV|LCD|XL|XI?X?L)$)[MDCLXVI]{2,}"
)
_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
_PLAIN_I = frozenset(
    {"type", "part", "level", "question", "section", "book", "unit", "class", "group", "step", "page"}
)
"""Nouns that, in lower case, often stand before the pronoun: "the part I like"."""


def value(roman: str) -> int:
    """Return the value of a Roman numeral in either case."""
    values = [_VALUES[letter] for letter in roman.upper()]
    pairs = zip(values, [*values[1:], 0], strict=True)
    return sum(-one if one < following else one for one, following in pairs)


def _say_century(match: re.Match[str]) -> str:
    words = ordinal(str(value(match["roman"])))
    if match["second"]:
        join = match["join"] if match["join"].isalpha() else "to"
        words += f" {join} {ordinal(str(value(match['second'])))}"
    return words + " "


def _say_noun(match: re.Match[str]) -> str:
    roman, before = match["roman"] or match["lower"], match["before"]
    pronoun = roman == "I" and before.lower() in _PLAIN_I and before[0].islower()
    medical = match.string[match.end() :].startswith((" error", " diabetes", " collagen", " supernova"))
    if (pronoun and not medical) or (roman in "CDLMX" and len(roman) == 1 and before.lower() in _PLAIN_I):
        return match[0]
    if roman == "i" and before.lower() not in {"page", "scene", "chapter", "act"}:
        return match[0]
    return f"{before} {cardinal(str(value(roman)))}"


def _say_name(match: re.Match[str]) -> str:
    roman, before = match["roman"], match["before"]
    known = match["title"] is not None or before.split()[0] in _RULERS
    spoken_of = (match["title"] or "") + before
    if len(roman) == 1 and not (known and roman in "IVX") or spoken_of == "Malcolm" and roman == "X":
        return match[0]
    if known:
        return f"{spoken_of} the {ordinal(str(value(roman)))}"
    return f"{spoken_of} {cardinal(str(value(roman)))}" if _SEVERAL.fullmatch(roman) else match[0]


def read_roman(text: str) -> str:
    """Return `text` with Roman numerals in words: "World War II", "Henry VIII", "the XIX century", "Scene iii"."""
    if not _NUMERAL.search(text):
        return text
    text = _CENTURY.sub(_say_century, text)
    text = _NOUN_ROMAN.sub(_say_noun, text)
    return _NAME_ROMAN.sub(_say_name, text)
