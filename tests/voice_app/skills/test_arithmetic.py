"""Sums: exact against Python's fractions, bounded against hostile ones, read from words."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from voice_app.core.errors import ToolError
from voice_app.skills.calculator.arithmetic import LARGEST_BITS, evaluate
from voice_app.skills.calculator.calculator import Sum, calculate, follow
from voice_app.skills.number_words import canonical, spoken, value_of
from voice_app.skills.router import route
from voice_app.skills.skill import Called
from voice_app.skills.utterance import Utterance

Known = tuple[str, Fraction]


def asked(text: str) -> Sum | None:
    """Return the sum that a text is."""
    found = route(Utterance.of(text), (calculate,))
    assert found is None or isinstance(found.call, Sum)
    return found.call if found else None


def negative(inner: Known) -> Known:
    return f"-({inner[0]})", -inner[1]


def joined(parts: tuple[Known, str, Known]) -> Known:
    (left, a), sign, (right, b) = parts
    assume(sign not in ("/", "mod") or b != 0)
    value = {
        "+": lambda: a + b,
        "-": lambda: a - b,
        "*": lambda: a * b,
        "/": lambda: a / b,
        "mod": lambda: a % b,
    }
    return f"({left}) {sign} ({right})", value[sign]()


def attempt(expression: str) -> Fraction | str:
    """Return the value of a sum, or why it has none."""
    try:
        return evaluate(expression).value
    except ToolError as error:
        return str(error)


NUMBERS: st.SearchStrategy[Known] = st.decimals(0, 10**6, places=3, allow_nan=False).map(
    lambda number: (f"{number:f}", Fraction(number))
)
SUMS = st.recursive(
    NUMBERS,
    lambda inner: st.one_of(
        inner.map(negative),
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/", "mod"]), inner).map(joined),
        st.tuples(inner, st.integers(0, 3))
        .map(lambda p: (f"({p[0][0]})^{p[1]}", p[0][1] ** p[1]))
        .filter(lambda p: not p[0].endswith("^0")),
        inner.map(lambda known: (f"({known[0]})%", known[1] / 100)),
    ),
    max_leaves=6,
)


@given(SUMS)
def test_sums_are_exact(known: Known) -> None:
    """The same value as Python's fractions have, to the last digit, or a refusal of what is too large."""
    expression, value = known
    assume(len(expression) <= 200)
    assert attempt(expression) in (value, "That number is too large for me.")


@given(st.lists(st.tuples(st.sampled_from("+-*/"), st.integers(1, 99)), min_size=1, max_size=8))
def test_operations_bind_as_in_python(steps: list[tuple[str, int]]) -> None:
    """Times before plus, from left to right."""
    expression = "7" + "".join(sign + str(number) for sign, number in steps)
    in_python = "Fraction(7)" + "".join(f"{sign}Fraction({number})" for sign, number in steps)

    assert evaluate(expression).value == eval(in_python, {"Fraction": Fraction})


@given(st.text("0123456789.+-*/^%!() sqrtcbmodpi", max_size=240))
def test_hostile_sums_end_soon_with_a_number_or_a_sentence(expression: str) -> None:
    """Any run of signs: a bounded number, or ToolError; nothing else."""
    outcome = attempt(expression)

    if isinstance(outcome, str):
        assert outcome.endswith(".")
    else:
        assert max(abs(outcome.numerator), outcome.denominator).bit_length() <= LARGEST_BITS


@pytest.mark.parametrize(
    "expression",
    [
        "9^9^9",
        "9^9^9^9^9^9^9",
        "99999999!",
        "2^4097",
        "0.000001^-9999",
        "(((9^99)^99)^99)^99",
        "1.0000001^999999.5",
        "400!*400!*400!*400!*400!",
        "(" * 200,
        "-" * 200 + "1",
        "sqrt" * 49 + "2",
        "1/0",
        "5 mod 0",
        "0^-1",
        "sqrt(-4)",
        "(-8)^0.5",
        "2.5!",
        "1 2",
        "",
        "import os",
        "9" * 201,
    ],
)
def test_what_has_no_value_or_too_large_a_one_is_refused(expression: str) -> None:
    """With a sentence to be spoken, before it costs time or memory."""
    with pytest.raises(ToolError, match=r"\.$"):
        evaluate(expression)


@given(st.integers(0, 10**30), st.integers(1, 10**30), st.sampled_from([("sqrt", 2), ("cbrt", 3)]))
def test_roots_of_powers_are_exact(top: int, bottom: int, root: tuple[str, int]) -> None:
    """Square and cube roots of what is one; others to thirty digits."""
    name, degree = root
    root_of = Fraction(top, bottom)
    power = root_of**degree

    result = evaluate(f"{name}({power.numerator}/{power.denominator})")

    assert (result.value, result.exact) == (root_of, True)


@pytest.mark.parametrize(
    ("expression", "value"), [("sqrt 2", 2**0.5), ("2^0.5", 2**0.5), ("cbrt 10", 10 ** (1 / 3))]
)
def test_what_is_no_fraction_is_near_and_says_so(expression: str, value: float) -> None:
    """As near as floating point can tell."""
    result = evaluate(expression)

    assert float(result.value) == pytest.approx(value, rel=1e-15)
    assert not result.exact


def number_in_words(number: int) -> str:
    """Return a number as num2words writes it."""
    from num2words import num2words

    return str(num2words(number))


@given(st.integers(0, 10**12 - 1))
def test_number_words_are_read(number: int) -> None:
    """Every whole number that an independent library writes in words; with "and" and hyphens."""
    words = number_in_words(number).replace(",", "")

    assert canonical(f"what is {words} plus") == f"what is {number} plus"


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("What's one hundred and five divided by 2 1/2?", "what's 105 divided by 2.5"),
        ("two-and-a-half pounds", "2.5 pounds"),
        ("half an hour", "0.5 an hour"),
        ("half a dozen eggs", "6 eggs"),
        ("a dozen times a hundred", "12 times 100"),
        ("three point one four", "3.14"),
        ("one and three quarters of a mile", "1.75 of a mile"),
        ("2.5 million", "2500000"),
        ("two thirds of ninety", "2/3 of 90"),
        ("1,234,567 + 1", "1234567 + 1"),
        ("one two three", "1 2 3"),
        ("12:30 p.m.", "12 : 30 pm"),
        ("½ cup", "0.5 cup"),
        ("2-3 of 90", "2/3 of 90"),
    ],
)
def test_numbers_of_speech_become_digits(text: str, read: str) -> None:
    """As speech to text writes them, and as people do."""
    assert canonical(text) == read


@given(st.text(max_size=600))
def test_any_text_is_read(text: str) -> None:
    """Whatever a turn says; a text that is too long says nothing, and no text is read as a sum by accident."""
    words = canonical(text)

    assert len(text) <= 400 or words == ""
    assert asked(text) is None or any(character.isdecimal() for character in words)


@given(st.fractions(), st.booleans())
def test_spoken_numbers_are_near(value: Fraction, exact: bool) -> None:
    """What is said differs from the value by less than its last digit; where it differs, it says "about"."""
    said = spoken(value, exact=exact)
    assume("power" not in said)
    number = value_of(said.removeprefix("about ").removeprefix("minus ").replace(",", ""))

    assert number == pytest.approx(abs(value), rel=1e-3)
    assert ("minus" in said) == (value < 0)
    assert "about" in said or number == abs(value)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("What is twelve times seven?", "12 times 7 is 84."),
        ("What's 15% of 80?", "15 percent of 80 is 12."),
        ("How much is a 20% tip on $45?", "20 percent of 45 is 9 dollars."),
        ("Divide 100 by 8.", "100 divided by 8 is 12.5."),
        ("What percent of 80 is 12?", "12 divided by 80 is 15 percent."),
        ("What is two thirds of 90?", "2 divided by 3 times 90 is 60."),
        ("What is the average of 3, 4 and 8?", "That is 5."),
        ("What's 2 to the 10th power?", "2 to the power of 10 is 1,024."),
        ("What is 100 divided by 3?", "100 divided by 3 is about 33.3333."),
        ("What is 80 plus 15 percent?", "80 plus 15 percent is 92."),
        ("What is a million times a billion?", "1000000 times 1000000000 is 10 to the power of 15."),
    ],
)
def test_sums_in_words_are_answered_in_words(text: str, answer: str) -> None:
    """The sum is said again, so that the user hears what was understood."""
    call = asked(text)

    assert call is not None
    assert calculate(call).text == answer


@pytest.mark.parametrize(
    "text",
    [
        "How many legs does a dog have?",
        "What happened on 9/11?",
        "What is 24/7?",
        "Who won 5 times in 2010?",
        "What is 20 20?",
        "Tell me about the 2000 - 2010 decade",
        "What is pi?",
        "5%",
        "minus 5",
    ],
)
def test_questions_with_numbers_are_no_sums(text: str) -> None:
    """They are left to the language model."""
    assert asked(text) is None


def test_a_sum_is_json() -> None:
    """A call survives the round trip."""
    call = Sum(expression="12 * 7")

    assert Sum.model_validate_json(call.model_dump_json()) == call


@pytest.mark.parametrize(
    ("before", "text", "value"),
    [
        ("12 * 8", "times two", 192),
        ("90", "and divided by three?", 30),
        ("40 + 2", "Plus ten.", 52),
        ("3 - 8", "square it", 25),
        ("7 * 6", "what's half of that", 21),
        ("100 / 3", "times 3", 100),
        ("100 / 3", "and multiply that by 6", 200),
        ("15 % * 80", "and 20 percent?", 16),
        ("60 - 18 %", "and off 100", 82),
        ("5 * 5", "split that between 10 people", Fraction(5, 2)),
        ("5 * 5", "and in Tokyo?", None),
        ("5 * 5", "20 percent", None),
        ("5 * 5", "add 5 minutes to the timer", None),
        ("5 * 5", "that's two more than I thought", None),
        ("1 / 0", "times two", None),
    ],
)
def test_what_goes_on_from_a_sum(before: str, text: str, value: Fraction | int | None) -> None:
    """From its exact value, or with one number of it replaced; other words are none of it."""
    call = follow(Utterance.of(text), Called("calculator", {"expression": before, "unit": ""}, ""))

    assert (call and evaluate(call.expression).value) == value
