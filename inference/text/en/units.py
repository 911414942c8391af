"""Tables of units, currencies and scales with their spoken forms."""

from __future__ import annotations

from typing import NamedTuple


class Currency(NamedTuple):
    """The spoken forms of a currency; no `cent` where it has none in use."""

    one: str
    many: str
    cent: str
    cents: str


CURRENCIES = {
    "$": Currency("dollar", "dollars", "cent", "cents"),
    "€": Currency("euro", "euros", "cent", "cents"),
    "£": Currency("pound", "pounds", "penny", "pence"),
    "¥": Currency("yen", "yen", "", ""),
    "₹": Currency("rupee", "rupees", "paisa", "paise"),
}
"""By the last character of the sign."""

SCALES = {
    "k": "thousand",
    "K": "thousand",
    "m": "million",
    "M": "million",
    "B": "billion",
    "bn": "billion",
    "x": "times",
}
"""What may stand right after a number."""

_METRIC = {
    "kilometer": "km",
    "centimeter": "cm",
    "millimeter": "mm",
    "micrometer": "μm",
    "nanometer": "nm",
    "meter": "m",
    "kilogram": "kg",
    "gram": "g",
    "milligram": "mg",
    "microgram": "μg",
    "milliliter": "ml mL",
    "deciliter": "dl dL",
    "liter": "l L",
}
_IMPERIAL = {"ounce": "oz", "yard": "yd yds", "mile": "mi", "pound": "lb lbs", "gallon": "gal"}
_TIME = {
    "second": "s sec secs",
    "minute": "min mins",
    "hour": "h hr hrs",
    "millisecond": "ms",
    "microsecond": "μs",
}
_DATA = {
    "byte": "bytes",
    "kilobyte": "kB KB",
    "megabyte": "MB",
    "gigabyte": "GB",
    "terabyte": "TB",
    "megabit per second": "Mbps",
    "gigabit per second": "Gbps",
}
_POWER = {
    "kilowatt-hour": "kWh",
    "kilowatt": "kW",
    "megawatt": "MW",
    "gigawatt": "GW",
    "watt": "W",
    "volt": "V",
    "calorie": "cal",
    "kilocalorie": "kcal",
    "decibel": "dB",
}
_IRREGULAR = {
    "ft": ("foot", "feet"),
    "mph": ("mile per hour", "miles per hour"),
    "km/h": ("kilometer per hour", "kilometers per hour"),
    "kmh": ("kilometer per hour", "kilometers per hour"),
    "kph": ("kilometer per hour", "kilometers per hour"),
    "Hz": ("hertz", "hertz"),
    "kHz": ("kilohertz", "kilohertz"),
    "MHz": ("megahertz", "megahertz"),
    "GHz": ("gigahertz", "gigahertz"),
    "°C": ("degree Celsius", "degrees Celsius"),
    "°F": ("degree Fahrenheit", "degrees Fahrenheit"),
    "°": ("degree", "degrees"),
    "tbsp": ("tablespoon", "tablespoons"),
    "tsp": ("teaspoon", "teaspoons"),
}


def _plural(name: str) -> str:
    head, per, rate = name.partition(" per ")
    return f"{head}s{per}{rate}"


UNITS = {
    symbol: (name, _plural(name))
    for table in (_METRIC, _IMPERIAL, _TIME, _DATA, _POWER)
    for name, symbols in table.items()
    for symbol in symbols.split()
} | _IRREGULAR
"""Symbol -> spoken singular and plural. "in" is missing: its surroundings tell it from the preposition."""
