"""Clocks that differ are named; a stamp that leaps alone is not believed."""

from __future__ import annotations

import pytest

from geoflow_ros.tracking.clocks.clocks import Clocks

DAY = 86400.0
NOW = 1_700_000_000.0


def ns(seconds: float) -> int:
    return round(seconds * 1e9)


def heard(leads: dict[str, float], images: int = 5, start: float = NOW) -> Clocks:
    """Images at 10 Hz, and before each a message of every sensor, ahead of it by its lead (s)."""
    clocks = Clocks()
    for tick in range(images):
        for kind, lead in leads.items():
            clocks.sensor(kind, ns(start + tick / 10 + lead))
        assert clocks.image(ns(start + tick / 10)) is None
    return clocks


@pytest.mark.parametrize(
    ("leads", "expected"),
    [
        ({"fix": -0.9, "odom": 0.1, "imu": 0.0}, ""),
        ({"fix": 18.0, "odom": 0.0}, "fix is stamped 18.0 s ahead of the images: their clocks must agree"),
        ({"fix": 0.0, "imu": -7200.0}, "imu is stamped 2.0 h behind the images: their clocks must agree"),
        (
            {"fix": -3 * DAY, "imu": -3 * DAY},
            "images are stamped 3.0 days ahead of every sensor (fix, imu): their clocks must agree",
        ),
        (
            {"fix": 400.0, "odom": -400.0},
            "fix is stamped 6.7 min ahead of the images and odom is stamped 6.7 min behind the images: "
            "their clocks must agree",
        ),
    ],
)
def test_whose_clock_differs_is_named(leads: dict[str, float], expected: str) -> None:
    assert heard(leads).complaint == expected


@pytest.mark.parametrize(
    ("lead", "told"),
    [
        (1.5, None), (1.6, "1.6 s"), (119.0, "119.0 s"), (120.0, "2.0 min"), (7199.0, "120.0 min"), (7200.0, "2.0 h"),
        (2 * DAY - 1.0, "48.0 h"), (2 * DAY, "2.0 days"),
    ],
)  # fmt: skip
def test_how_far_clocks_are_apart_is_told_in_the_unit_that_fits(lead: float, told: str | None) -> None:
    clocks = Clocks()
    for tick in range(3):
        assert clocks.complaint == ""  # until three in a row agree
        clocks.sensor("imu", ns(tick))
        clocks.sensor("fix", ns(tick + lead))
        clocks.image(ns(tick))
    expected = "" if told is None else f"fix is stamped {told} ahead of the images: their clocks must agree"
    assert clocks.complaint == expected


def test_stamps_that_are_not_set_are_named() -> None:
    clocks = Clocks()
    for tick in range(5):
        clocks.sensor("fix", 0)
        clocks.sensor("odom", ns(NOW + tick / 10))
        clocks.image(ns(NOW + tick / 10))
    assert "its driver sets no stamp" in clocks.complaint
    assert "fix is stamped 19675.9 days behind the images" in clocks.complaint


def test_a_sensor_that_falls_silent_has_no_wrong_clock() -> None:
    clocks = heard({"fix": 0.0})
    for tick in range(5, 100):
        clocks.image(ns(NOW + tick / 10))
    assert clocks.complaint == ""


def test_an_image_that_leaps_alone_is_not_believed_and_the_next_is() -> None:
    clocks = heard({"odom": 0.0})
    told = clocks.image(ns(NOW + DAY))
    assert told is not None and "1440.0 min ahead of" not in told and "24.0 h ahead of the one before" in told
    clocks.sensor("odom", ns(NOW + 0.6))
    assert clocks.image(ns(NOW + 0.6)) is None


def test_a_leap_that_a_sensor_or_another_image_shares_is_believed() -> None:
    clocks = heard({"odom": 0.0})
    clocks.sensor("odom", ns(NOW + DAY))
    assert clocks.image(ns(NOW + DAY)) is None
    alone = heard({"odom": 0.0})
    assert alone.image(ns(NOW - DAY)) is not None
    assert alone.image(ns(NOW - DAY + 0.1)) is None


def test_images_alone_may_leap() -> None:
    clocks = heard({})
    assert clocks.image(ns(NOW + DAY)) is None
    assert clocks.complaint == ""


@pytest.mark.parametrize("views", [2, 6])
def test_a_leap_is_that_of_all_views_of_an_image(views: int) -> None:
    clocks = heard({"odom": 0.0})
    told = {clocks.image(ns(NOW + DAY)) for _ in range(views)}
    assert None not in told and len(told) == 1
    assert clocks.image(ns(NOW + 0.5)) is None
