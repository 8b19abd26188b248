"""Which camera of several goes by another clock: none of those that merely come with it, or after a pause."""

from __future__ import annotations

import pytest

from geoflow_ros.tracking.clocks.arrivals import SILENT_S, Arrival, Arrivals
from geoflow_ros.tracking.clocks.rig_clocks import RigClocks

NAMES = ("front", "left", "rear", "right")


def blamed(
    cameras: tuple[str, ...], ahead_s: dict[str, float], sensors: tuple[str, ...] = (), gap_s: float = 0.1
) -> set[str]:
    """Who is blamed of cameras at 10 Hz, some of them ahead. gap_s: once, until anything comes again."""
    clocks, arrivals, found = RigClocks(), Arrivals(), set()
    for tick in range(20):
        at_s = tick / 10 + (gap_s - 0.1 if tick >= 10 else 0.0)
        for index, name in enumerate((*sensors, *cameras)):
            came_ns = round((at_s + 0.01 * index) * 1e9)
            stamp_ns = came_ns + round(ahead_s.get(name, 0.0) * 1e9)
            if arrivals.ends_silence(Arrival(came_ns, came_ns)):
                clocks.pause()
            if name in sensors:
                clocks.sensor(name, stamp_ns)
            elif clocks.image(name, stamp_ns):
                found.add(name)
    return found


@pytest.mark.parametrize("gap_s", [0.1, 0.4, 0.8, 2.5, 20.0])
@pytest.mark.parametrize("sensors", [(), ("imu",), ("imu", "odom", "fix")])
def test_a_pause_of_everybody_is_nobodys_clock(gap_s: float, sensors: tuple[str, ...]) -> None:
    assert blamed(NAMES, {}, sensors, gap_s) == set()
    assert blamed(NAMES, {"rear": 3600.0}, sensors, gap_s) == {"rear"}


@pytest.mark.parametrize("ahead_s", [-3600.0, -0.8, 0.8, 3600.0])
@pytest.mark.parametrize(("count", "sensors"), [(2, ("imu",)), (2, ("imu", "fix")), (3, ()), (3, ("imu",)), (4, ())])
def test_the_one_whose_clock_is_off_is_blamed_alone(count: int, sensors: tuple[str, ...], ahead_s: float) -> None:
    for name in NAMES[:count]:
        assert blamed(NAMES[:count], {name: ahead_s}, sensors) == {name}


def test_silence_is_of_all() -> None:
    arrivals, half = Arrivals(), round(SILENT_S * 1e9)
    heard = [arrivals.ends_silence(Arrival(at, at)) for at in (0, half, 2 * half, 3 * half + 1, 4 * half + 1)]
    assert heard == [False, False, False, True, False]
