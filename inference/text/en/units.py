"""Tables of units, currencies and scales with their spoken forms."""

from __future__ import annotations

from typing import NamedTuple


class Currency(NamedTuple):
    """The spoken forms of a currency; no `cent` where it has none in use."""

    one: str
    many: str
    cent: str
    cents: str


_DOLLARS = {
    "A": "Australian",
    "AU": "Australian",
    "C": "Canadian",
    "CA": "Canadian",
    "HK": "Hong Kong",
    "NZ": "New Zealand",
    "S": "Singapore",
    "NT": "Taiwan",
    "MX": "Mexican",
    "J": "Jamaican",
}
_POUND = Currency("British pound", "British pounds", "penny", "pence")
CURRENCIES = {
    "$": Currency("dollar", "dollars", "cent", "cents"),
    "€": Currency("euro", "euros", "cent", "cents"),
    "£": Currency("pound", "pounds", "penny", "pence"),
    "¥": Currency("yen", "yen", "", ""),
    "₹": Currency("rupee", "rupees", "paisa", "paise"),
    "₩": Currency("won", "won", "", ""),
    "₽": Currency("ruble", "rubles", "kopeck", "kopecks"),
    "₺": Currency("lira", "lira", "kurus", "kurus"),
    "₴": Currency("hryvnia", "hryvnias", "kopiyka", "kopiykas"),
    "₪": Currency("shekel", "shekels", "agora", "agorot"),
    "US$": Currency("dollar", "dollars", "cent", "cents"),
    "R$": Currency("Brazilian real", "Brazilian reais", "centavo", "centavos"),
    "USD": Currency("US dollar", "US dollars", "cent", "cents"),
    "EUR": Currency("euro", "euros", "cent", "cents"),
    "GBP": _POUND,
    "CHF": Currency("Swiss franc", "Swiss francs", "centime", "centimes"),
    "JPY": Currency("Japanese yen", "Japanese yen", "", ""),
    "INR": Currency("Indian rupee", "Indian rupees", "paisa", "paise"),
    "AUD": Currency("Australian dollar", "Australian dollars", "cent", "cents"),
    "CAD": Currency("Canadian dollar", "Canadian dollars", "cent", "cents"),
    "NZD": Currency("New Zealand dollar", "New Zealand dollars", "cent", "cents"),
    "SEK": Currency("Swedish krona", "Swedish kronor", "", ""),
    "NOK": Currency("Norwegian krone", "Norwegian kroner", "", ""),
    "DKK": Currency("Danish krone", "Danish kroner", "", ""),
    "PLN": Currency("Polish zloty", "Polish zlotys", "grosz", "groszy"),
    "CNY": Currency("Chinese yuan", "Chinese yuan", "", ""),
} | {
    f"{prefix}$": Currency(f"{name} dollar", f"{name} dollars", "cent", "cents")
    for prefix, name in _DOLLARS.items()
}
"""By the sign or the ISO 4217 code."""

RATE_WORDS = {"mo": "month", "yr": "year", "wk": "week", "d": "day", "pp": "person"}
"""What may stand after a slash alone."""

SCALES = {
    "k": "thousand",
    "K": "thousand",
    "m": "million",
    "M": "million",
    "B": "billion",
    "b": "billion",
    "bn": "billion",
    "mn": "million",
    "tn": "trillion",
    "trn": "trillion",
    "T": "trillion",
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
    "hectare": "ha",
    "square meter": "sqm",
}
_IMPERIAL = {
    "ounce": "oz",
    "yard": "yd yds",
    "mile": "mi",
    "pound": "lb lbs",
    "gallon": "gal",
    "pint": "pt",
    "quart": "qt qts",
    "nautical mile": "nmi",
    "pound per square inch": "psi",
    "mile per gallon": "mpg",
}
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
    "kilobit per second": "kbps",
    "dot per inch": "dpi",
    "frame per second": "fps",
    "revolution per minute": "rpm RPM",
    "beat per minute": "bpm BPM",
    "part per million": "ppm",
    "part per billion": "ppb",
    "petabyte": "PB",
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
    "megawatt-hour": "MWh",
    "gigawatt-hour": "GWh",
    "terawatt-hour": "TWh",
    "watt-hour": "Wh",
    "milliwatt": "mW",
    "millivolt": "mV",
    "kilovolt": "kV",
    "ampere": "A",
    "milliampere": "mA",
    "ampere-hour": "Ah",
    "milliampere-hour": "mAh",
    "joule": "J",
    "kilojoule": "kJ",
    "megajoule": "MJ",
    "newton": "N",
    "kilonewton": "kN",
    "newton meter": "Nm",
    "pascal": "Pa",
    "hectopascal": "hPa",
    "kilopascal": "kPa",
    "megapascal": "MPa",
    "bar": "bar",
    "millibar": "mbar",
    "atmosphere": "atm",
    "ohm": "Ω",
    "kilohm": "kΩ",
    "megohm": "MΩ",
    "mole": "mol",
    "lumen": "lm",
    "light-year": "ly",
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
    "hp": ("horsepower", "horsepower"),
    "lux": ("lux", "lux"),
    "mmHg": ("millimeter of mercury", "millimeters of mercury"),
    "N m": ("newton meter", "newton meters"),
    "fl oz": ("fluid ounce", "fluid ounces"),
    "fl. oz.": ("fluid ounce", "fluid ounces"),
    "sq ft": ("square foot", "square feet"),
    "sq. ft.": ("square foot", "square feet"),
    "sq m": ("square meter", "square meters"),
    "sq mi": ("square mile", "square miles"),
    "sq km": ("square kilometer", "square kilometers"),
    "sq in": ("square inch", "square inches"),
    "sq yd": ("square yard", "square yards"),
    "cu ft": ("cubic foot", "cubic feet"),
    "cu m": ("cubic meter", "cubic meters"),
    "mol/L": ("mole per liter", "moles per liter"),
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
