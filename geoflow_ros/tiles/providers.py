"""Where tiles come from: a URL template or a named provider, and whose terms forbid to take them in bulk."""

from __future__ import annotations

import difflib
import os
import re
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

import mercantile
import xyzservices
from xyzservices import TileProvider

from geoflow_ros.errors import InputError
from geoflow_ros.satellite.tile_grid import MAX_ZOOM, Tile, other_row

KEY_VARIABLE = "TILES_API_KEY"
SUBDOMAINS = "abc"
FORBIDDEN = {
    "openstreetmap.org": "the tile usage policy of OpenStreetMap forbids bulk download",
    "openstreetmap.de": "the tile usage policy of OpenStreetMap forbids bulk download",
    "openstreetmap.fr": "the tile usage policy of OpenStreetMap France forbids bulk download",
    "opentopomap.org": "OpenTopoMap asks not to download in bulk",
    "wikimedia.org": "Wikimedia's maps are for Wikimedia's own projects",
    "google.com": "the terms of Google Maps forbid to fetch ahead and to store",
    "google.cn": "the terms of Google Maps forbid to fetch ahead and to store",
    "googleapis.com": "the terms of Google Maps forbid to fetch ahead and to store",
    "virtualearth.net": "the terms of Bing Maps forbid to copy and to store",
    "bing.com": "the terms of Bing Maps forbid to copy and to store",
    "arcgisonline.com": "Esri's terms allow export only from its services for export",
    "arcgis.com": "Esri's terms allow export only from its services for export",
    "mapbox.com": "Mapbox's terms forbid bulk download and storage outside its own libraries",
    "maptiler.com": "MapTiler Cloud's terms forbid bulk download",
    "stadiamaps.com": "the terms of Stadia Maps forbid bulk download",
    "hereapi.com": "HERE's terms forbid bulk download",
    "here.com": "HERE's terms forbid bulk download",
    "yandex.net": "the terms of Yandex Maps forbid to store",
    "apple-mapkit.com": "the terms of Apple Maps forbid to store",
}
"""Hosts, their subdomains included, and why tiles must not be fetched from them in bulk."""

_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")
_ALIASES = {"TileMatrix": "z", "TileCol": "x", "TileRow": "y"}
_ADDRESSES = ({"z", "x", "y"}, {"z", "x", "-y"}, {"quadkey"}, {"bbox-epsg-3857"})
_WRITTEN_KEY = re.compile(r"[?&]([\w-]*(?:key|token|signature|password)[\w-]*)=[^{&][^&]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class TileSource:
    """A URL template with its key kept apart, so that neither a message nor a file shows it."""

    template: str
    attribution: str
    tile_px: int
    zooms: tuple[int, int]
    key: str = field(default="", repr=False)

    def url(self, tile: Tile) -> str:
        """The address of a tile, the key in it."""
        z, x, y = tile
        box = mercantile.xy_bounds(x, y, z)
        values = {
            "z": str(z),
            "x": str(x),
            "y": str(y),
            "-y": str(other_row(z, y)),
            "quadkey": mercantile.quadkey(x, y, z),
            "bbox-epsg-3857": f"{box.left},{box.bottom},{box.right},{box.top}",
            "s": SUBDOMAINS[(x + y) % len(SUBDOMAINS)],
            "r": "",
            "apikey": quote(self.key, safe=""),
        }
        return _PLACEHOLDER.sub(lambda match: values[match[1]], self.template)

    def redacted(self, text: str) -> str:
        """A text without the key."""
        for spelling in filter(None, (self.key, quote(self.key, safe=""))):
            text = text.replace(spelling, "***")
        return text


def tile_source(text: str, *, attribution: str = "", tile_px: int | None = None, may_bulk: bool = False) -> TileSource:
    """The source that a URL template, or the name of a provider in xyzservices, stands for.

    may_bulk: the user has the right to fetch in bulk where the provider's terms forbid it.
    """
    provider = None if "://" in text else _provider(text)
    template = _ours(text if provider is None else _filled(provider))
    _check_template(template)
    _check_terms(template, may_bulk)
    provider = provider or TileProvider(name="", url=text, attribution="")
    key = os.environ.get(KEY_VARIABLE, "")
    if "{apikey}" in template and not key:
        raise InputError(f"{text} wants a key: put it into the environment variable {KEY_VARIABLE}")
    return TileSource(
        template,
        attribution or str(provider["attribution"]),
        tile_px or int(provider.get("tileSize", 256)),
        (int(provider.get("min_zoom", 0)), int(provider.get("max_zoom", MAX_ZOOM))),
        key if "{apikey}" in template else "",
    )


def _provider(name: str) -> TileProvider:
    try:
        provider = xyzservices.providers.query_name(name)
    except ValueError:
        close = difflib.get_close_matches(name, list(xyzservices.providers.flatten()), n=3)
        hint = f"; near it are {', '.join(close)}" if close else ""
        raise InputError(
            f"source {name} is neither a URL with {{z}}/{{x}}/{{y}} nor a provider of xyzservices{hint}"
        ) from None
    if provider.get("crs", "EPSG:3857") != "EPSG:3857":
        raise InputError(f"provider {name} has tiles in {provider['crs']}: choose one in Web Mercator, EPSG:3857")
    return provider


def _filled(provider: TileProvider) -> str:
    """A provider's URL with its own options in it, and {apikey} where it wants a key."""

    def option(match: re.Match[str]) -> str:
        value = provider.get(match[1])
        if value is None:
            return match[0]
        return "{apikey}" if str(value).startswith("<insert") else str(value)

    return _PLACEHOLDER.sub(option, provider.url)


def _ours(template: str) -> str:
    """A template with the names of WMTS replaced by z, x and y."""
    return _PLACEHOLDER.sub(lambda match: "{" + _ALIASES.get(match[1], match[1]) + "}", template)


def _check_template(template: str) -> None:
    if not _is_web_address(template):
        raise InputError(f"source {template} is not an http or https address")
    if written := _WRITTEN_KEY.search(template):
        raise InputError(
            f"the source has its {written[1]} written out, which would end up in files and logs: write {{apikey}} in "
            f"its place and put it into the environment variable {KEY_VARIABLE}"
        )
    if "@" in urlsplit(template).netloc:
        raise InputError("the source has a user and password in its address, which would end up in files: leave them")
    names = set(_PLACEHOLDER.findall(template))
    if not any(address <= names for address in _ADDRESSES):
        raise InputError(f"source {template} does not say which tile: expected {{z}}/{{x}}/{{y}} or {{quadkey}}")
    known = set().union(*_ADDRESSES, {"s", "r", "apikey"})
    if unknown := sorted(names - known):
        raise InputError(f"source {template} has {{{unknown[0]}}}, expected only {', '.join(sorted(known))}")


def _is_web_address(template: str) -> bool:
    try:
        return urlsplit(template).scheme in ("http", "https") and bool(urlsplit(template).hostname)
    except ValueError:  # a bracket that opens no address of IPv6
        return False


def _check_terms(template: str, may_bulk: bool) -> None:
    host = (urlsplit(template).hostname or "").rstrip(".")
    for name, reason in FORBIDDEN.items():
        if (host == name or host.endswith(f".{name}")) and not may_bulk:
            raise InputError(f"{host}: {reason}; choose another source, or state your right with --i-have-the-right")
