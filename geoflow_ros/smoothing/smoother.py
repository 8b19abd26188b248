"""The smoother: from a recorded drive to where it was, at every frame, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.model.interface import LocalizationModel
from geoflow_ros.planar import PlanarPose, wrap_angle
from geoflow_ros.satellite.mosaic import SatelliteMap
from geoflow_ros.smoothing.frame_sites import Expected, Mixture, Site, damped, fitted, site_of, without
from geoflow_ros.smoothing.frame_volume import MOST_MISSING, FrameVolume, frame_volume, patch_around
from geoflow_ros.smoothing.nodes import Nodes
from geoflow_ros.smoothing.offset_search import search_offsets
from geoflow_ros.smoothing.recorded_drive import RecordedDrive
from geoflow_ros.smoothing.sensor_factors import BIAS, POSE, RATE, SCALE, STATE

Floats = NDArray[np.float64]
CORRELATION_M = 4.0  # frames within this distance count as one together
FIRST = Mixture(temperature=2.0, flat_share=0.5, share=0.5)
SEARCHED_STD = np.diag([0.5, 0.5, 0.02]) ** 2  # least uncertainty with which a search is followed
ROUNDS, ROUNDS_APART, FITTED_AT, LINEARISATIONS = 7, 4, (2, 4), 3
MOST_FITTED = 150  # frames by which is judged how far they are right
RECENTRED_M, RECENTRED_RAD, RECENTRINGS = 8.0, 0.07, 2
BLOCK_M = 30.0  # of a drive that are judged by the rest of it, and as much to either side is left out
LN2 = float(np.log(2.0))


@dataclass(frozen=True, slots=True, eq=False)
class Smoothed:
    """Where the nodes were. states: (N, STATE); covariances: (N, STATE, STATE). sites: by node. bits: by node, what a
    frame says where the rest of the drive expects it, against knowing nothing (log2).

    mixture: how far frames turned out to be right. volumes: of the frames, around where they were last expected.
    """

    states: Floats
    covariances: Floats
    sites: dict[int, Site]
    mixture: Mixture
    volumes: list[FrameVolume]

    @property
    def poses(self) -> Floats:
        """(N, 3) of base_link."""
        return self.states[:, POSE]

    @property
    def pose_covariances(self) -> Floats:
        """(N, 3, 3) of the poses."""
        return self.covariances[:, POSE, POSE]

    @property
    def bits(self) -> dict[int, float]:
        """What each frame says where the others expect it."""
        return {node: site.evidence / LN2 for node, site in self.sites.items()}

    @property
    def bias(self) -> tuple[Floats, Floats]:
        """Mean bias (2,) of the fixes against the imagery, east, north (m), and its standard deviation (2,)."""
        biases = self.states[:, BIAS]
        return biases.mean(axis=0), np.sqrt(np.diagonal(self.covariances[:, BIAS, BIAS].mean(axis=0)))

    @property
    def odometry(self) -> tuple[float, float]:
        """By how much odometry's distances are too short (share), and its rate of turn too small (rad/s)."""
        return float(self.states[-1, SCALE]), float(self.states[-1, RATE])


def smooth(drive: RecordedDrive, nodes: Nodes, model: LocalizationModel, satellite: SatelliteMap) -> Smoothed:
    """The nodes' poses from odometry, fixes, headings and what the network makes of the frames."""
    by_sensors = _solved(nodes, nodes.start, {})
    states, volumes = by_sensors[0], list[FrameVolume]()
    expected: list[Expected] | None = None
    for attempt in range(1 + RECENTRINGS):
        stale = _stale(states, volumes, len(nodes.frames))
        if attempt > 0 and len(stale) == 0:
            break
        fresh = _volumes(drive, nodes, model, satellite, states, stale)
        volumes = sorted([*(each for each in volumes if each.node not in stale), *fresh], key=lambda each: each.node)
        if attempt == 0:
            states, expected = _searched(drive, nodes, by_sensors, volumes)
        smoothed = propagate(nodes, states, volumes, expected)
        states, expected = smoothed.states, None
    return smoothed


def propagate(
    nodes: Nodes, states: Floats, volumes: Sequence[FrameVolume], expected: Sequence[Expected] | None,
    left_out: frozenset[int] = frozenset(), mixture: Mixture | None = None,
) -> Smoothed:  # fmt: skip
    """Frames and sensors made to agree, from states that are near. expected: of each node at first, if not as there is.

    left_out: nodes whose frames are not heard; their evidence is of the others. mixture: if it is known.
    """
    sites: dict[int, Site] = {}
    rounds, fits = (ROUNDS, FITTED_AT) if mixture is None else (ROUNDS_APART, ())
    mixture = FIRST if mixture is None else mixture
    covariances = np.zeros((len(states), STATE, STATE))
    for turn in range(rounds):
        awaited = _awaited(volumes, states, covariances, sites, left_out, expected if turn == 0 else None)
        heard = [volume for volume in volumes if volume.node in awaited]
        if turn in fits and heard:
            some = heard[:: -(-len(heard) // MOST_FITTED)]
            mixture = fitted(some, [awaited[each.node] for each in some], _share(nodes, heard))
        new = {volume.node: site_of(volume, awaited[volume.node], mixture) for volume in heard}
        sites |= {node: damped(sites.get(node) if node not in left_out else None, site) for node, site in new.items()}
        used = {node: site for node, site in sites.items() if node not in left_out}
        states, covariances = _solved(nodes, states, used)
    return Smoothed(states, covariances, sites, mixture, list(volumes))


def cross_evidence(drive: RecordedDrive, nodes: Nodes, smoothed: Smoothed) -> Floats:
    """Bits (M,) of frames where blocks of the drive BLOCK_M away expect them: neighbours may be wrong alike.

    Around 0 or below where frames and imagery have nothing to do with each other.
    """
    block = (drive.way[nodes.frames] / BLOCK_M).astype(np.int64)
    bits: list[float] = []
    for part in range(4):
        judged = {volume.node for volume in smoothed.volumes if block[volume.node] % 4 == part}
        near = frozenset(volume.node for volume in smoothed.volumes if (block[volume.node] - part + 1) % 4 <= 2)
        apart = propagate(nodes, smoothed.states, smoothed.volumes, None, near, smoothed.mixture)
        bits += [site.evidence / LN2 for node, site in apart.sites.items() if node in judged]
    return np.array(bits)


def _awaited(
    volumes: Sequence[FrameVolume], states: Floats, covariances: Floats, sites: dict[int, Site],
    left_out: frozenset[int], expected: Sequence[Expected] | None,
) -> dict[int, Expected]:  # fmt: skip
    """What is expected of each node without its own frame."""
    awaited = {}
    for volume in volumes:
        node = volume.node
        if expected is not None:
            awaited[node] = expected[node]
        elif not covariances[node].any():
            awaited[node] = Expected(states[node, POSE].copy(), SEARCHED_STD * 4)
        else:
            marginal = Expected(states[node, POSE].copy(), covariances[node, POSE, POSE])
            cavity = without(marginal, None if node in left_out else sites.get(node))
            if cavity is not None:
                awaited[node] = cavity
    return awaited


def _solved(nodes: Nodes, states: Floats, sites: dict[int, Site]) -> tuple[Floats, Floats]:
    """States and covariances of the chain with the frames' Gaussians, linearised anew until it settles."""
    for _ in range(LINEARISATIONS):
        equations = nodes.factors.linearised(states)
        for node, site in sites.items():
            offset = states[node, POSE] - site.mean
            offset[2] = wrap_angle(offset[2])
            equations.diagonal[node, POSE, POSE] += site.information
            equations.gradient[node, POSE] += site.vector - site.information @ offset
        step, covariances = equations.solve()
        states = states + step
        if abs(step[:, POSE]).max() < 1e-3:
            break
    return states, covariances


def _searched(
    drive: RecordedDrive, nodes: Nodes, by_sensors: tuple[Floats, Floats], volumes: Sequence[FrameVolume]
) -> tuple[Floats, list[Expected]]:
    """States moved to where all frames together fit, and what to expect of each node there."""
    states, covariances = by_sensors
    poses, seconds = states[:, POSE], np.asarray(drive.stamps_ns[nodes.frames] * 1e-9, np.float64)
    metres, spread = drive.way[nodes.frames], covariances[:, POSE, POSE]
    means, around = search_offsets(poses, spread, seconds, metres, volumes, FIRST.temperature, FIRST.flat_share)
    moved = states.copy()
    moved[:, POSE] += means
    moved[:, BIAS] -= means[:, :2]
    return moved, [Expected(pose, one + SEARCHED_STD) for pose, one in zip(moved[:, POSE], around, strict=True)]


def _stale(states: Floats, volumes: Sequence[FrameVolume], count: int) -> set[int]:
    """Nodes whose volume is not around where they are now believed to be; all, while there are none."""
    if not volumes:
        return set(range(count))
    stale = set()
    for volume in volumes:
        centre = volume.frame.patch.pose @ volume.mount.inverse()
        off = states[volume.node, POSE] - centre.array()
        if np.hypot(*off[:2]) > RECENTRED_M or abs(wrap_angle(float(off[2]))) > RECENTRED_RAD:
            stale.add(volume.node)
    return stale


def _volumes(
    drive: RecordedDrive, nodes: Nodes, model: LocalizationModel, satellite: SatelliteMap, states: Floats,
    wanted: set[int],
) -> list[FrameVolume]:  # fmt: skip
    """Of the wanted nodes whose place has imagery, around where they are believed to be."""
    node_of = {int(frame): node for node, frame in enumerate(nodes.frames)}
    config = model.config
    images = drive.images(
        {int(nodes.frames[node]) for node in wanted}, (config.ground_width, config.ground_height), "frames"
    )
    volumes = []
    for frame, image in images:
        expected = PlanarPose(*states[node_of[frame], POSE]) @ drive.camera.mount.planar
        patch = patch_around(model, satellite, drive.frame, expected)
        if patch.missing <= MOST_MISSING:
            volumes.append(frame_volume(model, node_of[frame], image, drive.camera, patch))
    return volumes


def _share(nodes: Nodes, volumes: Sequence[FrameVolume]) -> float:
    """How much a frame says that its neighbours do not."""
    metres = sum(step.distance for step in nodes.factors.steps)
    return float(np.clip(metres / max(len(volumes), 1) / CORRELATION_M, 0.05, 1.0))
