"""Addresses of tiles, named providers, keys, and whose terms forbid bulk download."""

from __future__ import annotations

import pytest
import xyzservices

from geoflow_ros.errors import InputError
from geoflow_ros.tiles.providers import FORBIDDEN, tile_source


@pytest.mark.parametrize(
    ("template", "url"),
    [
        ("https://a.example/{z}/{x}/{y}.png", "https://a.example/3/3/5.png"),
        ("https://a.example/{z}/{x}/{-y}", "https://a.example/3/3/2"),
        ("https://a.example/{quadkey}.jpg", "https://a.example/213.jpg"),  # Bing's own example: tile 3, 5 of level 3
        ("https://{s}.example/{z}/{x}/{y}{r}", "https://c.example/3/3/5"),
        ("https://a.example/{TileMatrix}/{TileRow}/{TileCol}", "https://a.example/3/5/3"),
        # a tile of zoom 3 is 5009377.0857 m wide
        (
            "https://a.example/?bbox={bbox-epsg-3857}",
            "https://a.example/?bbox=-5009377.085697311,-10018754.171394622,0.0,-5009377.085697311",
        ),
    ],
)
def test_addresses(template: str, url: str) -> None:
    assert tile_source(template).url((3, 3, 5)).split("=")[0] == url.split("=")[0]
    for given, expected in zip(tile_source(template).url((3, 3, 5)).split("=")[1:], url.split("=")[1:], strict=True):
        assert [float(v) for v in given.split(",")] == pytest.approx([float(v) for v in expected.split(",")], abs=1e-6)


def test_a_named_provider_brings_address_zooms_and_attribution() -> None:
    source = tile_source("SwissFederalGeoportal.SWISSIMAGE")
    provider = xyzservices.providers.SwissFederalGeoportal.SWISSIMAGE
    assert source.attribution == provider.attribution != "" and source.zooms == (2, 19)
    assert source.url((17, 5, 6)) == provider.build_url(x=5, y=6, z=17)
    assert tile_source("SwissFederalGeoportal.SWISSIMAGE", attribution="mine").attribution == "mine"


def test_an_unknown_provider_is_told_its_neighbours() -> None:
    with pytest.raises(InputError, match="near it are.*SwissFederalGeoportal.SWISSIMAGE"):
        tile_source("SwissFederalGeoportal.SWISIMAGE")


def test_a_provider_in_another_projection_is_refused() -> None:
    other = [name for name, each in xyzservices.providers.flatten().items() if each.get("crs", "") == "EPSG:3413"]
    with pytest.raises(InputError, match="EPSG:3413"):
        tile_source(other[0])


def test_a_providers_key_is_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TILES_API_KEY", raising=False)
    with pytest.raises(InputError, match="TILES_API_KEY"):
        tile_source("Jawg.Streets")
    monkeypatch.setenv("TILES_API_KEY", "s3cr3t")
    source = tile_source("Jawg.Streets")
    assert source.url((1, 0, 1)) == "https://tile.jawg.io/jawg-streets/1/0/1.png?access-token=s3cr3t"
    assert "s3cr3t" not in repr(source) + source.template and source.redacted("a s3cr3t b") == "a *** b"


def test_a_key_of_any_letters_stays_one_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TILES_API_KEY", "a&b=c/#")
    source = tile_source("https://a.example/{z}/{x}/{y}?k={apikey}&v=1")
    assert source.url((1, 0, 1)) == "https://a.example/1/0/1?k=a%26b%3Dc%2F%23&v=1"
    assert source.redacted("a&b=c/# or a%26b%3Dc%2F%23") == "*** or ***"


@pytest.mark.parametrize("name", ["OpenStreetMap.Mapnik", "Esri.WorldImagery", "MapBox"])
def test_providers_whose_terms_forbid_bulk_download(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="--i-have-the-right"):
        tile_source(name)
    monkeypatch.setenv("TILES_API_KEY", "s3cr3t")
    assert tile_source(name, may_bulk=True).attribution


@pytest.mark.parametrize("host", sorted(FORBIDDEN))
def test_forbidden_hosts_in_any_spelling(host: str) -> None:
    for address in (host, f"{{s}}.tile.{host}", host.upper(), f"mt1.{host}.:443"):
        with pytest.raises(InputError, match="--i-have-the-right"):
            tile_source(f"https://{address}/{{z}}/{{x}}/{{y}}")
    assert tile_source(f"https://not{host}/{{z}}/{{x}}/{{y}}").template
