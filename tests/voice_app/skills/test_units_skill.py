"""Units: against known constants, there and back, read from words."""

from __future__ import annotations

import contextlib
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice_app.core.errors import ToolError
from voice_app.skills.router import route
from voice_app.skills.skill import Called
from voice_app.skills.units.conversion import KIND_OF, UNITS, converted
from voice_app.skills.units.quantities import NAMES, Quantity, quantity_in_words
from voice_app.skills.units.units import AMOUNT_PATTERN, NO_CURRENCIES, Conversion, convert, follow
from voice_app.skills.utterance import Utterance


def asked(text: str) -> Conversion | None:
    """Return the conversion that a text asks for."""
    found = route(Utterance.of(text), (convert,))
    assert found is None or isinstance(found.call, Conversion)
    return found.call if found else None


@pytest.mark.parametrize(
    ("value", "source", "target", "known"),
    [
        # Definitions of the international yard and pound agreement, 1959, and of the US customary volumes.
        ("1", "inch", "centimeter", "2.54"),
        ("1", "yard", "meter", "0.9144"),
        ("1", "mile", "meter", "1609.344"),
        ("1", "nautical_mile", "meter", "1852"),
        ("1", "pound", "gram", "453.59237"),
        ("16", "ounce", "pound", "1"),
        ("1", "stone", "pound", "14"),
        ("1", "gallon", "liter", "3.785411784"),
        ("1", "gallon", "cubic_centimeter", "3785.411784"),
        ("1", "cup", "fluid_ounce", "8"),
        ("3", "teaspoon", "tablespoon", "1"),
        ("1", "hectare", "square_meter", "10000"),
        ("-40", "celsius", "fahrenheit", "-40"),
        ("0", "kelvin", "celsius", "-273.15"),
        ("212", "fahrenheit", "celsius", "100"),
        ("1", "kilowatt_hour", "joule", "3600000"),
        ("1", "kilocalorie", "joule", "4184"),
        ("1", "atmosphere", "pascal", "101325"),
        ("36", "kilometer_per_hour", "meter_per_second", "10"),
        ("1", "knot", "kilometer_per_hour", "1.852"),
        ("1", "week", "minute", "10080"),
        ("1", "byte", "bit", "8"),
        ("1", "gigabyte", "megabyte", "1000"),
    ],
)
def test_conversions_are_those_of_the_definitions(value: str, source: str, target: str, known: str) -> None:
    """To the last digit: the arithmetic is in fractions."""
    assert converted(Fraction(value), source, target) == Fraction(known)


@pytest.mark.parametrize("source", UNITS)
def test_a_unit_of_one_kind_is_turned_into_every_other(source: str) -> None:
    """No pair fails otherwise than by measuring different things."""
    for target in UNITS:
        with contextlib.suppress(ToolError):
            assert converted(converted(Fraction(2), source, target), target, source) == pytest.approx(2)

    assert converted(Fraction(2), "decade", "year") == 20


@given(st.fractions(-(10**9), 10**9, max_denominator=1000), st.sampled_from(UNITS), st.sampled_from(UNITS))
def test_there_and_back_is_the_same(value: Fraction, source: str, target: str) -> None:
    """For every pair of units of one kind; others are refused in a sentence that names both."""
    try:
        there = converted(value, source, target)
    except ToolError as error:
        refusal = str(error)
    else:
        refusal = ""
        assert converted(there, target, source) == pytest.approx(value, rel=1e-12, abs=1e-12)

    assert bool(refusal) == refusal.endswith("they measure different things.")


@given(st.from_regex(AMOUNT_PATTERN, fullmatch=True), st.sampled_from(UNITS))
def test_every_amount_of_every_unit_can_be_said(amount: str, unit: str) -> None:
    """A sentence comes out for the whole range of arguments."""
    said = convert(Conversion(amount=amount, source=unit, target=unit)).text

    assert said.endswith(".")
    assert "_" not in said


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("How many ounces are in two and a half pounds?", "40 ounces."),
        ("What is 5 miles in kilometers?", "About 8.05 kilometers."),
        (
            "Convert 100 degrees Fahrenheit to Celsius.",
            "About 37.78 degrees Celsius.",
        ),
        ("What's 70 degrees in Celsius?", "About 21.11 degrees Celsius."),
        ("How many ounces in a cup?", "8 fluid ounces."),
        ("What's 6 foot 2 in centimeters?", "About 188 centimeters."),
        ("How many seconds in 2 hours and 30 minutes?", "9,000 seconds."),
        (
            "What is minus 40 Celsius in Fahrenheit?",
            "Minus 40 degrees Fahrenheit.",
        ),
        (
            "60 miles per hour in kilometers per hour",
            "About 96.56 kilometers per hour.",
        ),
        ("How many teaspoons are in a tablespoon?", "3 teaspoons."),
        ("What is a mile and a half in meters?", "About 2,414 meters."),
        ("How many pounds is 80 kilos?", "About 176.4 pounds."),
        ("How many feet are in a mile?", "5,280 feet."),
    ],
)
def test_conversions_in_words(text: str, answer: str) -> None:
    """As speech to text writes them."""
    call = asked(text)

    assert call is not None
    assert convert(call).text == answer


@pytest.mark.parametrize(
    "text",
    [
        "How many days are there in one year?",
        "How many months are there in a year?",
        "How many legs does a dog have?",
        "How many miles is it to the moon?",
        "How many calories are in an apple?",
        "How many feet does a centipede have?",
        "How many hours did you sleep last week?",
        "Who walked 500 miles?",
        "I ran 5 miles in 40 minutes",
    ],
)
def test_questions_that_name_units_are_no_conversions(text: str) -> None:
    """They are left to the language model."""
    assert asked(text) is None


def test_units_that_measure_different_things_are_told_apart() -> None:
    """In a sentence that can be spoken."""
    with pytest.raises(ToolError, match="Kilometers can't be turned into pounds"):
        convert(Conversion(amount="5", source="kilometer", target="pound"))


@pytest.mark.parametrize(
    "text",
    [
        "Convert 100 dollars to euros.",
        "How much is 20 euros in pounds?",
        "How many yen is five bucks?",
        "$5 in euros",
    ],
)
def test_currencies_are_refused(text: str) -> None:
    """Plainly: there are no exchange rates."""
    call = asked(text)

    assert call is not None
    with pytest.raises(ToolError, match=NO_CURRENCIES):
        convert(call)


@pytest.mark.parametrize("unit", UNITS)
def test_the_kind_of_a_unit_is_that_of_its_dimension(unit: str) -> None:
    """Kinds are known without pint; units of one kind have a ratio, or a formula."""
    for other in UNITS:
        if KIND_OF[other] == KIND_OF[unit]:
            converted(Fraction(1), unit, other)


def test_every_name_is_one_of_a_unit() -> None:
    """And a unit is called by its own name."""
    assert set(NAMES.values()) == set(UNITS)
    assert all(NAMES[unit.replace("_", " ")] == unit for unit in UNITS)


@pytest.mark.parametrize(
    ("text", "amount", "source", "target"),
    [
        ("and in kelvin?", "350", "fahrenheit", "kelvin"),
        ("and 20?", "20", "fahrenheit", "celsius"),
        ("What about minus 5 degrees?", "-5", "fahrenheit", "celsius"),
        ("the other way round", "350", "celsius", "fahrenheit"),
        ("and 300 kelvin", "300", "kelvin", "celsius"),
    ],
)
def test_what_goes_on_from_a_conversion(text: str, amount: str, source: str, target: str) -> None:
    """In another unit, of another amount, or back."""
    before = {"amount": "350", "source": "fahrenheit", "target": "celsius"}
    call = follow(Utterance.of(text), Called("units", before, ""))

    assert call == Conversion(amount=amount, source=source, target=target)


@pytest.mark.parametrize(
    "text", ["and in miles?", "and in Tokyo?", "and five minutes?", "thanks", "and in Fahrenheit?"]
)
def test_what_does_not_go_on_from_a_conversion(text: str) -> None:
    """Units of another kind, the same unit, other words."""
    before = {"amount": "350", "source": "fahrenheit", "target": "celsius"}

    assert follow(Utterance.of(text), Called("units", before, "")) is None


@pytest.mark.parametrize(
    ("words", "amount", "unit"),
    [
        ("5 foot 10", 70, "inch"),
        ("6 lb 4 oz", 100, "ounce"),
        ("2 hours and 30 seconds", 7230, "second"),
        ("1 m 80 cm", 180, "centimeter"),
    ],
)
def test_an_amount_of_two_units_is_one_of_the_smaller(words: str, amount: int, unit: str) -> None:
    """Known without pint, which takes a while to load."""
    assert quantity_in_words(words) == Quantity(Fraction(amount), unit)


@pytest.mark.parametrize("words", ["5 feet 3 feet", "5 feet 3 pounds", "5 kg 10", "5", "miles"])
def test_what_is_no_amount_of_a_unit(words: str) -> None:
    """Two of one unit, units of two kinds, and a number that counts nothing."""
    assert quantity_in_words(words) is None
