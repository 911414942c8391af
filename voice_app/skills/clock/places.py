"""Which time zone a spoken place has: cities and countries of the tz database, and large cities that it lacks."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from zoneinfo import ZoneInfo

from voice_app.core.errors import ToolError
from voice_app.skills.phrases import language_data


@functools.cache
def _data() -> Mapping[str, Mapping[str, str]]:
    """Return known places: by zone, and those of several zones with a city of each."""
    data: Mapping[str, Mapping[str, str]] = language_data(Path(__file__).parent, "places.")
    return data


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
    for zone, places in _data()["zones"].items():
        zones |= dict.fromkeys(places.split(", "), zone)
    return zones


def _table(text: str) -> list[list[str]]:
    return [line.split("\t") for line in text.splitlines() if line and not line.startswith("#")]


def zone_of(place: str) -> ZoneInfo:
    """Return the time zone of a city, a country or a name such as "eastern". Raises ToolError."""
    name = " ".join(re.sub(r"[^a-z' ]", " ", place.lower()).split())
    bare = re.sub(r"^(?:the )?(?:city of )?| (?:standard |daylight |summer )?time(?: zone)?$", "", name)
    known = next((each for each in (name, bare, "the " + bare) if each in _zones()), "")
    zone = _zones().get(known) or _zone_inside(name.split())
    if zone:
        return ZoneInfo(zone)
    several = _data()["several"]
    wide = next((each for each in (name, bare, "the " + bare) if each in several), "")
    if wide:
        raise ToolError(f"{place} has several time zones. Name a city, as {several[wide]}.")
    raise ToolError(f"I don't know the time zone of {place}. Name a large city near it.")


def _zone_inside(words: list[str]) -> str | None:
    """Return the zone of a place with its region: of the region, "Paris, Texas", unless that has several."""
    zones, several = _zones(), _data()["several"]
    for cut in range(1, len(words)):
        place, region = " ".join(words[:cut]), " ".join(words[cut:])
        if place in zones and (region in zones or region in several):
            return zones.get(region) or zones[place]
    return None


def is_place(place: str) -> bool:
    """Return whether a place has a time, or several of which one can be asked for."""
    try:
        zone_of(place)
    except ToolError as error:
        return "several" in str(error)
    return True
