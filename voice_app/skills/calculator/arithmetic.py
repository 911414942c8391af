"""Sums, exactly: a parser of expressions over fractions, bounded in time and memory.

sum     = product (("+" | "-") product ["%"])*      80 + 15% adds fifteen hundredths of 80
product = signed (("*" | "/" | "mod") signed)*
signed  = "-" signed | power
power   = postfix ["^" signed]
postfix = atom ("%" | "!")*
atom    = number | "(" sum ")" | ("sqrt" | "cbrt") atom | "pi"
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction

from voice_app.core.errors import ToolError

LONGEST_EXPRESSION = 200
"""Characters."""
DEEPEST = 40
"""Brackets and signs inside each other."""
LARGEST_BITS = 4096
"""Of the numerator and of the denominator of every intermediate result: 1233 decimal digits."""
LARGEST_FACTORIAL = 400
ROOT_DIGITS = 30
"""Significant digits of what is no fraction, as the square root of 2."""

_TOKEN = re.compile(r"\s*(?:(\d+(?:\.\d+)?|\.\d+)|(sqrt|cbrt|mod|pi)|([-+*/^%!()]))")


@dataclass(frozen=True, slots=True)
class Result:
    """A number, and whether it is exactly that."""

    value: Fraction
    exact: bool = True


def evaluate(expression: str) -> Result:
    """Return the value of an expression. Raises ToolError, with a line to be spoken, for everything that has none."""
    if len(expression) > LONGEST_EXPRESSION:
        raise ToolError("That is too long a sum for me.")
    parser = _Parser(_tokens(expression))
    result = parser.sum()
    if parser.token is not None:
        raise ToolError("I can't make out that sum.")
    return result


def _tokens(expression: str) -> list[str]:
    tokens, at = [], 0
    expression = expression.rstrip()
    while at < len(expression):
        match = _TOKEN.match(expression, at)
        if match is None:
            raise ToolError("I can't make out that sum.")
        tokens.append(match[0].strip())
        at = match.end()
    return tokens


class _Parser:
    """Recursive descent; every intermediate result is bounded."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens, self._at, self._depth = tokens, 0, 0

    @property
    def token(self) -> str | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _take(self, *wanted: str) -> str | None:
        if self.token in wanted:
            self._at += 1
            return self._tokens[self._at - 1]
        return None

    def sum(self) -> Result:
        left = self._product()
        while sign := self._take("+", "-"):
            start = self._at
            right = self._product()
            if self._tokens[start + 1 : self._at] == [
                "%"
            ]:  # a bare percentage is one of what stands before it
                right = Result(right.value * left.value, right.exact)
            value = left.value + right.value if sign == "+" else left.value - right.value
            left = _bounded(value, left.exact and right.exact)
        return left

    def _product(self) -> Result:
        left = self._signed()
        while sign := self._take("*", "/", "mod"):
            right = self._signed()
            exact = left.exact and right.exact
            if sign == "*":
                left = _bounded(left.value * right.value, exact)
                continue
            if right.value == 0:
                raise ToolError("Nothing can be divided by zero.")
            left = _bounded(
                left.value / right.value if sign == "/" else left.value % right.value,
                exact,
            )
        return left

    def _signed(self) -> Result:
        self._enter()
        if self._take("-"):
            inner = self._signed()
            result = Result(-inner.value, inner.exact)
        else:
            result = self._power()
        self._depth -= 1
        return result

    def _power(self) -> Result:
        base = self._postfix()
        return _power(base, self._signed()) if self._take("^") else base

    def _postfix(self) -> Result:
        result = self._atom()
        while mark := self._take("%", "!"):
            result = _bounded(result.value / 100, result.exact) if mark == "%" else _factorial(result)
        return result

    def _atom(self) -> Result:
        self._enter()
        token = self.token
        self._at += 1
        if token in ("sqrt", "cbrt"):
            result = _root(self._atom(), 2 if token == "sqrt" else 3)
        elif token == "pi":
            result = Result(Fraction(math.pi), exact=False)
        elif token == "(":
            result = self.sum()
            if not self._take(")"):
                raise ToolError("A bracket of that sum is not closed.")
        elif token and token[-1].isdecimal():
            result = _bounded(Fraction(token), exact=True)
        else:
            raise ToolError("I can't make out that sum.")
        self._depth -= 1
        return result

    def _enter(self) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise ToolError("That sum has too many brackets for me.")


def _bounded(value: Fraction, exact: bool) -> Result:
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > LARGEST_BITS:
        raise ToolError("That number is too large for me.")
    return Result(value, exact)


def _factorial(of: Result) -> Result:
    if of.value.denominator != 1 or of.value < 0:
        raise ToolError("Only whole numbers have a factorial.")
    if of.value > LARGEST_FACTORIAL:
        raise ToolError("That number is too large for me.")
    return _bounded(Fraction(math.factorial(int(of.value))), of.exact)


def _power(base: Result, exponent: Result) -> Result:
    """Raise to a power: exactly for whole exponents, else to ROOT_DIGITS. The size is known before it is computed."""
    value, power = base.value, exponent.value
    if value == 0 and power <= 0:
        raise ToolError("Zero has only positive powers.")
    bits = max(value.numerator.bit_length(), value.denominator.bit_length())
    if value not in (0, 1, -1) and abs(power) * (bits - 1) > LARGEST_BITS:
        raise ToolError("That number is too large for me.")
    exact = base.exact and exponent.exact
    if power.denominator == 1:
        if value in (1, -1):
            return Result(Fraction(1) if power % 2 == 0 else value, exact)
        return _bounded(value ** int(power), exact)
    if value < 0:
        raise ToolError("A negative number has no such power.")
    if value == 0:
        return Result(Fraction(0), exact)
    if power in (Fraction(1, 2), Fraction(1, 3)):
        return _root(Result(value, exact), power.denominator)
    with localcontext() as context:
        context.prec = ROOT_DIGITS
        result = _decimal(value) ** _decimal(power)
    return _bounded(Fraction(result), exact=False)


def _root(of: Result, degree: int) -> Result:
    """Return a square or cube root: exactly where it is a fraction."""
    value = of.value
    if value < 0 and degree == 2:
        raise ToolError("A negative number has no square root.")
    top, bottom = (_whole_root(abs(part), degree) for part in (value.numerator, value.denominator))
    sign = -1 if value < 0 else 1
    if top is not None and bottom is not None:
        return Result(Fraction(sign * top, bottom), of.exact)
    with localcontext() as context:
        context.prec = ROOT_DIGITS
        size = _decimal(abs(value))
        root = size.sqrt() if degree == 2 else size ** (Decimal(1) / 3)
    return Result(sign * Fraction(root), exact=False)


def _whole_root(value: int, degree: int) -> int | None:
    """Return the whole root of a whole number, None where it has none."""
    if degree == 2:
        root = math.isqrt(value)
    else:
        root = 1 << -(-value.bit_length() // degree) if value else 0
        while root and (closer := (2 * root + value // root**2) // 3) < root:
            root = closer
    return root if root**degree == value else None


def _decimal(value: Fraction) -> Decimal:
    return Decimal(value.numerator) / Decimal(value.denominator)
