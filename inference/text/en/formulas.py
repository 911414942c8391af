"""LaTeX and starred products as plain symbols, before Markdown takes their backslashes and stars for its own."""

from __future__ import annotations

import re

_MAX_NESTING = 5
_GREEK = """
    alpha α beta β gamma γ delta δ epsilon ε varepsilon ε zeta ζ eta η theta θ kappa κ lambda λ mu μ nu ν xi ξ
    pi π rho ρ sigma σ tau τ phi φ varphi φ chi χ psi ψ omega ω Gamma Γ Delta Δ Theta Θ Lambda Λ Pi Π
    Sigma Σ Phi Φ Psi Ψ Omega Ω
"""
_SILENT = "left right big Big bigg quad qquad displaystyle limits nonumber"
_SAID = "sin cos tan log ln exp max min det gcd mod"
_COMMANDS = dict(zip(_GREEK.split()[::2], _GREEK.split()[1::2], strict=True)) | {
    **{"times": "×", "cdot": "×", "ast": "×", "div": "÷", "pm": "±", "mp": "±", "infty": "∞"},
    **{"leq": "≤", "le": "≤", "geq": "≥", "ge": "≥", "neq": "≠", "ne": "≠", "approx": "≈", "sim": "≈"},
    **{"to": "→", "rightarrow": "→", "Rightarrow": "→", "implies": "implies", "iff": "if and only if"},
    **{
        "in": "in",
        "cup": "union",
        "cap": "intersection",
        "subset": "is a subset of",
        "equiv": "is equivalent to",
    },
    **{"lt": "<", "gt": ">", "ldots": ", and so on", "dots": ", and so on", "cdots": ", and so on"},
    **{"sum": "sum of", "prod": "product of", "int": "integral of", "partial": "partial", "nabla": "nabla"},
    **{"forall": "for all", "exists": "there is", "propto": "is proportional to", "circ": "°", "degree": "°"},
    **dict.fromkeys(_SILENT.split(), ""),
    **{name: name for name in _SAID.split()},
}
_COMMANDS |= {
    "sqrt": "square root of",
    "lfloor": "floor of",
    "lceil": "ceiling of",
    "rfloor": "",
    "rceil": "",
}
_NAMES = {"sum": "sum", "prod": "product", "int": "integral"}
_FORMULA = re.compile(r"\$\$([^$]{1,600})\$\$|(?<![\w$\\])\$(?=\S)([^$\n]{0,299}[^\s$])\$(?![\d$])")
_PROSE = re.compile(r"(?<!\\)\b[A-Za-z]{4,}")
_SIGN = re.compile(r"[\\^_=+*/<>{}()!|-]|^[A-Za-z]$")
_DELIMITER = re.compile(r"\\[()\[\]]")
_ARGUMENT = r"\{([^{}]{0,200})\}"
_SCRIPT = r"(?:\{([^{}]{0,60})\}|(\w))"
_FRACTION = re.compile(rf"\\[dt]?frac\s?{_ARGUMENT}\s?{_ARGUMENT}")
_ROOT = re.compile(rf"\\sqrt(?:\[(\w{{1,3}})\])?\s?{_ARGUMENT}")
_STYLED = re.compile(rf"\\(?:text\w{{0,6}}|math\w{{1,6}}|operatorname|boxed|overline|hat|vec|bar){_ARGUMENT}")
_BOUNDED = re.compile(rf"\\(sum|prod|int)_{_SCRIPT}(?:\^{_SCRIPT})?")
_LIMIT = re.compile(rf"\\lim_{_SCRIPT}")
_DEGREES = re.compile(r"\^\{?\\circ\}?")
_SPACING = re.compile(r"\\[,;:! ]|\\\\")
_COMMAND = re.compile(r"\\([A-Za-z]{1,12})(?![A-Za-z])")
_MINUS = re.compile(r"(?<=[\w)}]) ?- ?(?=[\w(\\{])")
_FACTORIAL = re.compile(r"(?<=[\w)])!(?!=)")
_ABSOLUTE = re.compile(r"\|([^|]{1,40})\|")
_PRODUCT = re.compile(r"(?<=[\d)])(?:\*| \* )(?=[\d(]|[a-z]\b)|(?<=\b[a-z])(?:\*| \* )(?=[a-z]\b|\d)")


def _say_fraction(match: re.Match[str]) -> str:
    above, below = match.groups()
    return f" {above}/{below} " if above.isdigit() and below.isdigit() else f" {above} over {below} "


def _say_root(match: re.Match[str]) -> str:
    degree, inner = match.groups()
    name = {None: "square", "2": "square", "3": "cube"}.get(degree, f"{degree}th")
    return f" {name} root of {inner} "


def _say_bounds(match: re.Match[str]) -> str:
    start, end = match[2] or match[3], match[4] or match[5]
    return f" {_NAMES[match[1]]} " + (f"from {start} to {end} of " if end else f"over {start} of ")


def _symbols(text: str) -> str:
    """Return LaTeX source with its commands as symbols or words; unknown commands stay."""
    text = _SPACING.sub(" ", _DEGREES.sub("°", text))
    for _ in range(_MAX_NESTING):
        before = text
        text = _STYLED.sub(r" \1 ", text)
        text = _BOUNDED.sub(_say_bounds, text)
        text = _LIMIT.sub(lambda match: f" limit as {match[1] or match[2]} of ", text)
        text = _ROOT.sub(_say_root, _FRACTION.sub(_say_fraction, text))
        if text == before:
            break
    text = _COMMAND.sub(lambda m: f" {_COMMANDS[m[1]]} " if m[1] in _COMMANDS else m[0], text)
    return text.replace(" ° ", "° ")


def _signs(source: str) -> str:
    source = _ABSOLUTE.sub(r" absolute value of \1 ", _FACTORIAL.sub(" factorial ", source))
    return _MINUS.sub(" − ", source)


def _say_formula(match: re.Match[str]) -> str:
    source = match[1] or match[2]
    if match[2] and (_PROSE.search(source) and "\\" not in source or not _SIGN.search(source)):
        return match[0]  # "$5 and costs 3$"
    return f" {_symbols(_signs(source))} ".replace("\\", " ").replace("*", " × ").rstrip() + (
        "" if match.string[match.end() : match.end() + 1] in ".,;:!?" else " "
    )


def read_formulas(text: str) -> str:
    r"""Return Markdown with formulas as plain symbols: "$\frac{7}{10}$" -> "7/10", "2*3*4" -> "2 × 3 × 4". Linear."""
    if "$" in text:
        text = _FORMULA.sub(_say_formula, text)
    if "\\" in text:
        text = _symbols(_DELIMITER.sub(" ", text)) if _COMMAND.search(text) else _DELIMITER.sub(" ", text)
    return _PRODUCT.sub(" × ", text) if "*" in text else text
