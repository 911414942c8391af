"""Which time zone a spoken place has: cities and countries of the tz database, and large cities that it lacks."""

from __future__ import annotations

import functools
import re
from importlib import resources
from zoneinfo import ZoneInfo

from voice_app.core.errors import ToolError

_CITIES = {
    "America/Los_Angeles": "san francisco, san diego, seattle, las vegas, portland, california, silicon valley,"
    " hollywood, oregon, nevada, la, pacific, the west coast",
    "America/New_York": "washington, washington dc, washington d c, boston, miami, atlanta, philadelphia,"
    " orlando, florida, georgia, massachusetts, virginia, ohio, eastern, the east coast, new york city, nyc,"
    " baltimore, pittsburgh",
    "America/Chicago": "dallas, houston, austin, texas, new orleans, minneapolis, st louis, illinois, memphis,"
    " nashville, central, kansas city, san antonio",
    "America/Denver": "salt lake city, colorado, utah, mountain, albuquerque",
    "America/Phoenix": "arizona, tucson",
    "Pacific/Honolulu": "hawaii, waikiki",
    "America/Anchorage": "alaska",
    "America/Toronto": "montreal, ottawa, quebec",
    "America/Edmonton": "calgary",
    "America/Sao_Paulo": "sao paulo, rio, rio de janeiro, brasilia",
    "America/Mexico_City": "guadalajara",
    "Europe/London": "england, scotland, wales, great britain, britain, the uk, uk, manchester, edinburgh, glasgow,"
    " liverpool, birmingham, the united kingdom, oxford, cambridge",
    "Europe/Paris": "lyon, marseille, nice",
    "Europe/Berlin": "munich, hamburg, frankfurt, cologne, stuttgart, germany",
    "Europe/Madrid": "barcelona, spain, valencia, seville",
    "Europe/Lisbon": "portugal, porto",
    "Europe/Rome": "milan, venice, florence, naples, turin",
    "Europe/Zurich": "geneva, bern, basel",
    "Europe/Amsterdam": "rotterdam, the hague, holland, the netherlands",
    "Europe/Kyiv": "kiev, kyiv, ukraine",
    "Europe/Warsaw": "krakow",
    "Europe/Moscow": "saint petersburg, st petersburg",
    "Europe/Istanbul": "ankara, turkey",
    "Asia/Shanghai": "china, beijing, shenzhen, guangzhou",
    "Asia/Kolkata": "india, mumbai, delhi, new delhi, bangalore, chennai, calcutta, hyderabad",
    "Asia/Tokyo": "osaka, kyoto",
    "Asia/Seoul": "south korea, korea, busan",
    "Asia/Pyongyang": "north korea",
    "Asia/Ho_Chi_Minh": "hanoi, vietnam, saigon",
    "Asia/Dubai": "abu dhabi, the emirates, the united arab emirates",
    "Asia/Jerusalem": "tel aviv",
    "Asia/Makassar": "bali",
    "Asia/Kuala_Lumpur": "malaysia",
    "Africa/Johannesburg": "cape town, pretoria, south africa",
    "Africa/Casablanca": "marrakesh, marrakech",
    "Australia/Sydney": "canberra",
    "Pacific/Auckland": "new zealand, wellington",
    "UTC": "utc, gmt, greenwich, universal, coordinated universal, zulu",
}
_SEVERAL = {
    "america": "New York",
    "the united states": "New York",
    "united states": "New York",
    "the us": "New York",
    "the usa": "New York",
    "usa": "New York",
    "canada": "Toronto",
    "russia": "Moscow",
    "australia": "Sydney",
    "brazil": "Sao Paulo",
    "mexico": "Mexico City",
    "indonesia": "Jakarta",
    "kazakhstan": "Almaty",
    "mongolia": "Ulaanbaatar",
    "greenland": "Nuuk",
    "europe": "Paris",
    "africa": "Cairo",
    "asia": "Tokyo",
}
"""Places of several time zones, and a city of each."""


@functools.cache
def _zones() -> dict[str, str]:
    """Return each known place in lower case, and its zone."""
    files = resources.files("tzdata.zoneinfo")
    codes = _table(files.joinpath("iso3166.tab").read_text(encoding="utf-8"))
    names = {code: name.lower() for code, name in codes}
    zones: dict[str, str] = {}
    by_country: dict[str, list[str]] = {}
    for code, _, zone, *_ in _table(files.joinpath("zone.tab").read_text(encoding="utf-8")):
        zones[zone.rpartition("/")[2].replace("_", " ").lower()] = zone
        by_country.setdefault(code, []).append(zone)
    for code, found in by_country.items():
        if len(found) == 1:
            zones.setdefault(names[code], found[0])
    for zone, places in _CITIES.items():
        zones |= dict.fromkeys(places.split(", "), zone)
    return zones


def _table(text: str) -> list[list[str]]:
    return [line.split("\t") for line in text.splitlines() if line and not line.startswith("#")]


def zone_of(place: str) -> ZoneInfo:
    """Return the time zone of a city, a country or a name such as "eastern". Raises ToolError."""
    name = re.sub(r"[^a-z' ]", "", place.lower()).strip()
    bare = re.sub(r"^(?:the )?(?:city of )?| (?:standard |daylight |summer )?time$", "", name)
    zones = _zones()
    for known in (name, bare, "the " + bare):
        if known in _SEVERAL:
            raise ToolError(f"{place} has several time zones. Name a city, as {_SEVERAL[known]}.")
        if known in zones:
            return ZoneInfo(zones[known])
    raise ToolError(f"I don't know the time zone of {place}. Name a large city near it.")


def is_place(place: str) -> bool:
    """Tell whether a place's time can be told, or be asked further for."""
    try:
        zone_of(place)
    except ToolError as error:
        return "several" in str(error)
    return True
