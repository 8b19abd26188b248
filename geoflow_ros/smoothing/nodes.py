"""The frames of a drive that become nodes of the smoother, and what the sensors say about them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.errors import InputError
from geoflow_ros.planar import PlanarPose, compose, rotate, wrap_angle
from geoflow_ros.smoothing.recorded_drive import RecordedDrive
from geoflow_ros.smoothing.sensor_factors import POSE, STATE, NodeHeading, PlacedFix, SensorFactors, Step
from geoflow_ros.tracking.track import BeliefConfig

Floats = NDArray[np.float64]
SPACING_M, SPACING_RAD = 2.0, 0.3  # between nodes
MOST_NODES = 1500  # of a long drive: further apart then
HEADING_CORRELATION_S = 30.0  # headings within this time count as one together
AS_DOUBTFUL_M = 50.0  # of odometry, as a second without
FIX_NEAR_S, LEAST_FIXES = 0.5, 2  # a fix further than this from any frame is not placed


@dataclass(frozen=True, slots=True, eq=False)
class Nodes:
    """frames: (N,) indices of the frames that are nodes. factors: of the sensors. start: (N, STATE) to begin with."""

    frames: NDArray[np.int64]
    factors: SensorFactors
    start: Floats


def nodes_of(drive: RecordedDrive, noise: BeliefConfig, speed_sigma: float, heading_offset: float) -> Nodes:
    """The nodes of a drive; an InputError where fixes do not place it. heading_offset: added to the headings."""
    frames = _chosen(drive)
    reckoned = drive.dead_reckoned()
    steps = [_step(drive, reckoned, first, second) for first, second in pairwise(frames.tolist())]
    fixes = _placed(drive, reckoned, frames)
    if len(fixes) < LEAST_FIXES:
        raise InputError(
            f"{drive.bag}: {len(fixes)} of {len(drive.fixes)} fixes lie within {FIX_NEAR_S:g} s of an image, "
            f"{LEAST_FIXES} are needed: a drive is placed by them; is a clock off?"
        )
    headings = _headings(drive, frames, reckoned, heading_offset)
    factors = SensorFactors(steps, fixes, headings, noise, speed_sigma)
    start = np.zeros((len(frames), STATE))
    start[:, POSE] = _aligned(reckoned[frames], fixes, headings)
    return Nodes(frames, factors, start)


def interpolated(drive: RecordedDrive, nodes: Nodes, poses: Floats) -> Floats:
    """Poses (F, 3) of all frames from those of the nodes (N, 3): by odometry, its error shared out along the way.

    Where there is no odometry, along the time.
    """
    reckoned, way = drive.dead_reckoned(), drive.way + AS_DOUBTFUL_M * _without_odometry(drive)
    result = np.empty((len(reckoned), 3))
    node = np.clip(np.searchsorted(nodes.frames, np.arange(len(reckoned)), side="right") - 1, 0, len(poses) - 2)
    for index, first in enumerate(node.tolist()):
        start, end = nodes.frames[first], nodes.frames[first + 1]
        to_frame = PlanarPose(*reckoned[start]).inverse() @ PlanarPose(*reckoned[index])
        to_end = PlanarPose(*reckoned[start]).inverse() @ PlanarPose(*reckoned[end])
        error = (PlanarPose(*poses[first]) @ to_end).inverse() @ PlanarPose(*poses[first + 1])
        span = way[end] - way[start]
        share = float(np.clip((way[index] - way[start]) / span, 0.0, 1.0)) if span > 0.0 else 0.0
        partly = PlanarPose(share * error.x, share * error.y, share * error.yaw)
        result[index] = (PlanarPose(*poses[first]) @ to_frame @ partly).array()
    return result


def _chosen(drive: RecordedDrive) -> NDArray[np.int64]:
    """Frames about SPACING_M apart, the first and the last among them."""
    turned = np.concatenate([[0.0], np.cumsum([motion.turned for motion in drive.motions])])
    spacing = max(SPACING_M, drive.way[-1] / MOST_NODES)
    along = np.hypot(drive.way / spacing, turned / SPACING_RAD) + _without_odometry(drive)
    chosen, last = [0], along[0]
    for index in range(1, len(along)):
        if along[index] - last >= 1.0:
            chosen.append(index)
            last = along[index]
    if chosen[-1] != len(along) - 1:
        chosen.append(len(along) - 1)
    return np.array(chosen, dtype=np.int64)


def _without_odometry(drive: RecordedDrive) -> Floats:
    """Seconds (F,) until each frame in which nothing told the speed."""
    return np.concatenate([[0.0], np.cumsum([motion.unknown_s for motion in drive.motions])])


def _step(drive: RecordedDrive, reckoned: Floats, first: int, second: int) -> Step:
    between = drive.motions[first:second]
    way = rotate(-reckoned[first, 2], reckoned[second, :2] - reckoned[first, :2])
    displacement = np.array([*way, reckoned[second, 2] - reckoned[first, 2]])
    return Step(
        displacement,
        sum(motion.distance for motion in between),
        sum(motion.turned for motion in between),
        float(drive.stamps_ns[second] - drive.stamps_ns[first]) * 1e-9,
        sum(motion.unknown_s for motion in between),
        sum(motion.unknown_turn_s for motion in between),
    )


def _placed(drive: RecordedDrive, reckoned: Floats, frames: NDArray[np.int64]) -> list[PlacedFix]:
    """The fixes that were taken near a frame, each by the node nearest to that frame."""
    placed = []
    for fix in drive.fixes:
        near = int(np.argmin(abs(drive.stamps_ns - fix.stamp_ns)))
        if abs(int(drive.stamps_ns[near]) - fix.stamp_ns) > FIX_NEAR_S * 1e9:
            continue
        node = int(np.argmin(abs(frames - near)))
        at_node, at_fix = reckoned[frames[node]], _reckoned_at(drive, reckoned, fix.stamp_ns)
        lever = rotate(-at_node[2], at_fix[:2] - at_node[:2] + rotate(at_fix[2], fix.antenna))
        place = drive.frame.to_enu(fix.latitude, fix.longitude)[:2]
        placed.append(PlacedFix(node, place, lever, fix.covariance))
    return placed


def _reckoned_at(drive: RecordedDrive, reckoned: Floats, stamp_ns: int) -> Floats:
    """The dead-reckoned pose (3,) at a stamp: as fast, and turning as fast, as between the frames around it.

    A sensor may come half a second from the nearest frame, always on the same side of it: metres along the way.
    """
    first = int(np.clip(np.searchsorted(drive.stamps_ns, stamp_ns) - 1, 0, len(reckoned) - 2))
    start_ns, end_ns = drive.stamps_ns[first : first + 2].tolist()
    share = (stamp_ns - start_ns) / (end_ns - start_ns)
    x, y, turn = (PlanarPose(*reckoned[first]).inverse() @ PlanarPose(*reckoned[first + 1])).array()
    # Of a circle's arc, the chord of a part is turned by half of what the rest turns.
    step = rotate((share - 1.0) * turn / 2, share * np.array([x, y]))
    return compose(reckoned[first], np.array([*step, share * turn]))


def _headings(drive: RecordedDrive, frames: NDArray[np.int64], reckoned: Floats, offset: float) -> list[NodeHeading]:
    """A heading for each node that has one near in time, counting as much as its share of HEADING_CORRELATION_S."""
    if not drive.headings:
        return []
    stamps = np.array([heading.stamp_ns for heading in drive.headings])
    result, last = [], None
    for node, (frame, stamp) in enumerate(zip(frames.tolist(), drive.stamps_ns[frames].tolist(), strict=True)):
        heading = drive.headings[int(np.argmin(abs(stamps - stamp)))]
        if abs(heading.stamp_ns - stamp) > FIX_NEAR_S * 1e9 / 5:
            continue
        turned = float(reckoned[frame, 2] - _reckoned_at(drive, reckoned, heading.stamp_ns)[2])
        share = 1.0 if last is None else min(1.0, max((stamp - last) * 1e-9, 1e-3) / HEADING_CORRELATION_S)
        result.append(NodeHeading(node, wrap_angle(heading.yaw + turned + offset), heading.variance / share))
        last = stamp
    return result


def _aligned(reckoned: Floats, fixes: list[PlacedFix], headings: list[NodeHeading]) -> Floats:
    """Dead-reckoned poses (N, 3) turned and shifted onto the fixes; turned as a heading says where there is one."""
    nodes = [fix.node for fix in fixes]
    ours = reckoned[nodes, :2] + rotate(reckoned[nodes, 2], np.array([fix.lever for fix in fixes]))
    theirs = np.array([fix.place for fix in fixes])
    if headings:
        turn = headings[0].yaw - reckoned[headings[0].node, 2]
    else:
        a, b = ours - ours.mean(axis=0), theirs - theirs.mean(axis=0)
        turn = math.atan2(float((a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum()), float((a * b).sum()))
    shift = (theirs - rotate(turn, ours)).mean(axis=0)
    return compose(np.array([*shift, turn]), reckoned)
