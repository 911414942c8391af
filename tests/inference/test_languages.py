"""The languages that replies are spoken in: resolved by code, and used wherever words of a language are."""

from __future__ import annotations

from dataclasses import replace

import pytest

from inference.errors import InferenceError, UnknownLanguage
from inference.text import ClauseSplitter, speakable
from inference.text.en import ENGLISH
from inference.text.languages import LANGUAGES, find_language

OTHER = replace(
    ENGLISH,
    code="xx",
    normalise=lambda text: text.upper().strip(),
    full_stops=replace(ENGLISH.full_stops, never_last=frozenset({"usw"})),
    table_text=lambda rows, whole=True: f"{len(rows)} {whole}",
    code_text="code",
    phrase_end=lambda text, words: None,
)
REPLY = "Usw. Berlin bleibt es. Gut so.\n```\nx\n```\n|a|\n|-|\n|b|\n"


def test_english_is_the_language_where_none_is_named() -> None:
    """Naming it changes nothing."""
    assert (
        speakable("Dr. Who has $5.") == speakable("Dr. Who has $5.", "en") == "Doctor Who has five dollars."
    )


@pytest.mark.parametrize(
    "use", [find_language, lambda code: speakable("", code), lambda code: ClauseSplitter(language=code)]
)
def test_an_unknown_language_is_one_clear_error(use) -> None:  # type: ignore[no-untyped-def]
    """Wherever a language is named: what was asked for, and what there is."""
    with pytest.raises(UnknownLanguage) as raised:
        use("tlh")

    assert isinstance(raised.value, InferenceError)
    assert raised.value.code == "tlh"
    assert "'tlh'" in str(raised.value)
    assert "en" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_all_words_of_a_reply_are_those_of_its_language(monkeypatch: pytest.MonkeyPatch) -> None:
    """Normalisation, full stops, tables and code: nothing of English is left in another language."""
    monkeypatch.setitem(LANGUAGES, "xx", OTHER)
    splitter = ClauseSplitter(language="xx")
    clauses = [*splitter.push(REPLY), *splitter.flush()]

    assert [clause.text for clause in clauses] == ["USW. BERLIN BLEIBT ES.", "GUT SO.", "code", "2 TRUE"]
    assert speakable("```\nx\n```", "xx") == "CODE"
