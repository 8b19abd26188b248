"""A drive through the town: a smooth line along the right-hand lanes, and how fast a careful driver follows it."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.errors import InputError
from geoflow_ros.town.path import Path
from geoflow_ros.town.road_network import HALF_SIZE, Network, Street
from geoflow_ros.town.world import Town

Floats = NDArray[np.float64]
MARGIN_M = 85.0
"""A drive stays this far inside the modelled square."""
SIDEWAYS_ACCELERATION, ACCELERATION, BRAKING = 2.2, 1.6, 2.2
SLOWEST, FASTEST = 7.0, 12.5
"""m/s: between these is what a driver aims for on a straight street."""
SHARPEST_TURN_COS = math.cos(math.radians(115.0))


@dataclass(frozen=True, slots=True, eq=False)
class Drive:
    """base_link over time: arc lengths `travelled` (m) along `path` at `times` (s, from 0)."""

    path: Path
    times: Floats
    travelled: Floats

    def pose(self, times: Floats) -> Floats:
        """East, north, yaw (n, 3) at times (n,); yaw is continuous, not wrapped."""
        s = np.interp(times, self.times, self.travelled)
        yaw = np.unwrap(self.path.yaw(self.path.stations))
        return np.column_stack([self.path.at(s), np.interp(s, self.path.stations, yaw)])

    def speed(self, times: Floats) -> Floats:
        """Metres per second (n,)."""
        return np.asarray(np.interp(times, self.times, np.gradient(self.travelled, self.times)))


def plan_drive(town: Town, seed: int, seconds: float) -> Drive:
    """A random drive of at least `seconds`."""
    rng = np.random.default_rng([seed, 77])
    streets = _through_streets(town.network)
    if not streets:
        raise InputError(f"town {town.seed} has no round trip inside its modelled square: take another seed")
    lanes = _random_lanes(rng, town.network, streets, FASTEST * seconds + 30.0)
    return _timed(rng, _smooth(lanes), seconds)


def _through_streets(network: Network) -> list[Street]:
    """The streets well inside the modelled square from which one can always drive on without turning back."""
    inside = np.abs(network.junctions).max(axis=1) < HALF_SIZE - MARGIN_M
    streets = [street for street in network.streets if inside[street.start] and inside[street.end]]
    while True:
        ends = Counter(node for street in streets for node in (street.start, street.end))
        kept = [street for street in streets if ends[street.start] > 1 and ends[street.end] > 1]
        if len(kept) == len(streets):
            return kept
        streets = kept


def _random_lanes(rng: np.random.Generator, network: Network, streets: list[Street], length: float) -> list[Path]:
    """Lanes from junction to junction, `length` metres in all, with sharp turns only where there is no other."""
    street = streets[rng.integers(len(streets))]
    node, lanes, total = street.end, [_lane(network, street, True)], 0.0
    while total < length:
        onward = [other for other in streets if other is not street and node in (other.start, other.end)]
        options = [(other, _lane(network, other, other.start == node)) for other in onward]
        heading = lanes[-1].tangents[-1]
        gentle = [option for option in options if float(heading @ option[1].tangents[0]) > SHARPEST_TURN_COS]
        street, lane = (gentle or options)[rng.integers(len(gentle or options))]
        node = street.end if street.start == node else street.start
        total += lane.length
        lanes.append(lane)
    return lanes


def _lane(network: Network, street: Street, forward: bool) -> Path:
    """The lane nearest to the middle in one direction, without the junctions at its ends."""
    path = street.path
    start, end = network.radii[street.start] + 3.0, path.length - network.radii[street.end] - 3.0
    if end - start < 4.0:
        start, end = path.length / 2 - 2.0, path.length / 2 + 2.0
    s = np.linspace(start, end, max(4, int((end - start) / 2.0)))
    offset = street.profile.lane_offset
    return Path.through(path.at(s, -offset) if forward else path.at(s[::-1], offset))


def _smooth(lanes: list[Path]) -> Path:
    """One line through all lanes, rounded across the junctions."""
    pieces = [lanes[0].points]
    for before, after in zip(lanes, lanes[1:], strict=False):
        pieces += [_turn(before, after), after.points]
    points = Path.through(np.concatenate(pieces)).resampled(0.5).points
    kernel = np.exp(-0.5 * (np.arange(-12, 13) / 4.0) ** 2)
    padded = np.pad(points, ((12, 12), (0, 0)), mode="reflect", reflect_type="odd")
    smooth = np.stack([np.convolve(padded[:, axis], kernel / kernel.sum(), mode="valid") for axis in (0, 1)], axis=-1)
    return Path.through(smooth)


def _turn(before: Path, after: Path) -> Floats:
    """A Bezier curve (n, 2) from the end of one lane to the start of the next, both ends left out."""
    start, end = before.points[-1], after.points[0]
    reach = 0.4 * float(np.hypot(*(end - start)))
    control = np.stack([start, start + reach * before.tangents[-1], end - reach * after.tangents[0], end])
    t = np.linspace(0.0, 1.0, 12)[1:-1]
    bernstein = np.stack([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3], axis=1)
    return np.asarray(bernstein @ control)


def _timed(rng: np.random.Generator, path: Path, seconds: float) -> Drive:
    """Speed limited by curves, by the pedals and by a wish that changes along the way."""
    s = path.stations
    wish = np.interp(s, np.arange(0.0, s[-1] + 60.0, 60.0), rng.uniform(SLOWEST, FASTEST, int(s[-1] / 60.0) + 2))
    curvature = np.abs(np.gradient(np.unwrap(path.yaw(s)), s))
    limit = np.minimum(wish, np.sqrt(SIDEWAYS_ACCELERATION / np.maximum(curvature, 1e-4)))
    limit[0] = min(limit[0], 3.0)
    step = np.diff(s)
    for index in range(1, len(s)):
        limit[index] = min(limit[index], math.sqrt(limit[index - 1] ** 2 + 2 * ACCELERATION * step[index - 1]))
    for index in range(len(s) - 2, -1, -1):
        limit[index] = min(limit[index], math.sqrt(limit[index + 1] ** 2 + 2 * BRAKING * step[index]))
    arrival = np.concatenate([[0.0], np.cumsum(2 * np.diff(s) / (limit[1:] + limit[:-1]))])
    times = np.arange(0.0, min(seconds + 0.5, arrival[-1]), 0.02)
    return Drive(path, times, np.interp(times, arrival, s))
