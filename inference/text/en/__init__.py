"""English, as it is spoken: numbers, dates, units, symbols and abbreviations as words."""

from __future__ import annotations

from inference.text.en.abbreviations import FULL_STOPS
from inference.text.en.announcements import CODE_TEXT, table_text
from inference.text.en.formulas import read_formulas
from inference.text.en.normalise import normalise
from inference.text.en.phrases import phrase_end
from inference.text.language import Language

ENGLISH = Language("en", normalise, FULL_STOPS, phrase_end, table_text, CODE_TEXT, read_formulas)
