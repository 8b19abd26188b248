"""Which nodes of a smoothed drive are learnt from, and which judge."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.adapt.cached_samples import PRIOR, Label, sample_at
from geoflow_ros.adapt.gates import FAR_M, HeldOut
from geoflow_ros.adapt.unlabelled_drive import UnlabelledDrive
from geoflow_ros.errors import InputError
from geoflow_ros.localization.pose import position_std
from geoflow_ros.model.matchflow import MatchFlow
from geoflow_ros.planar import PlanarPose
from geoflow_ros.satellite.patch import SatellitePatch
from geoflow_ros.smoothing.frame_volume import patch_around
from geoflow_ros.smoothing.smoother import Smoothed
from geoflow_ros.train.covariance_calibration import spread

Floats = NDArray[np.float64]
HELD_OUT_SHARE, GAP_M = 0.2, 30.0
LEAST_AGREES = 0.5  # probability of a frame's agreeing with the rest of the drive, below which it is not learnt from
MOST_LEFT_OUT = 0.2  # of the nodes: of a look that says little the frames that agree least have the most to teach
MOST_STD_M = 1.0
LEAST_LABELS = 30
JUDGES = 30


def end_of(drive: UnlabelledDrive, smoothed: Smoothed) -> Floats:
    """Latitude, longitude (M, 2) in degrees of the nodes that judge."""
    latitude, longitude, _ = drive.recorded.frame.to_geodetic(smoothed.poses[first_held_out(drive) :, :2])
    return np.column_stack([latitude, longitude])


def labels_of(drive: UnlabelledDrive, smoothed: Smoothed, other_ends: Sequence[Floats] = ()) -> list[Label]:
    """The nodes of the first part of a drive that are certain and whose frames do not disagree with it.

    Nodes near the held-out stretch, just before it or on an earlier round, are left out, as are those near the ends of
    other drives (see `end_of`): what is learnt on the same street would judge itself.
    """
    first, poses, covariances = first_held_out(drive), smoothed.poses, smoothed.pose_covariances
    usable = [node for node in smoothed.sites if node < first and position_std(covariances[node]) <= MOST_STD_M]
    usable = _apart(poses, usable, poses[first:, :2])
    doubted = _doubted(smoothed, usable)
    chosen = [node for node in usable if node not in doubted]
    if len(chosen) < LEAST_LABELS:
        raise InputError(
            f"{drive.name}: {len(chosen)} places are certain to {MOST_STD_M:g} m and apart from its end, which judges, "
            f"{LEAST_LABELS} are needed: give a longer drive, or several"
        )
    for end in other_ends:
        chosen = _apart(poses, chosen, drive.recorded.frame.to_enu(*end.T)[:, :2])
    return [Label(node, poses[node], covariances[node]) for node in chosen]


def _apart(poses: Floats, nodes: Sequence[int], judging: Floats) -> list[int]:
    """The nodes whose poses are GAP_M or more from places (M, 2)."""
    return [node for node in nodes if np.hypot(*(judging - poses[node, :2]).T).min() >= GAP_M]


def _doubted(smoothed: Smoothed, nodes: Sequence[int]) -> set[int]:
    """Those of which the frames rather say nothing than agree, the worst MOST_LEFT_OUT at most."""
    worst = sorted(nodes, key=lambda node: smoothed.sites[node].agrees)[: int(MOST_LEFT_OUT * len(nodes))]
    return {node for node in worst if smoothed.sites[node].agrees < LEAST_AGREES}


def held_out_of(drive: UnlabelledDrive, smoothed: Smoothed, model: MatchFlow) -> list[HeldOut]:
    """The end of a drive as samples, JUDGES of them, evenly apart."""
    nodes = [node for node in smoothed.bits if node >= first_held_out(drive)]
    of_frame = {int(drive.nodes.frames[nodes[index]]): nodes[index] for index in spread(len(nodes), JUDGES)}
    size = model.config.ground_width, model.config.ground_height
    held_out = []
    for frame, image in drive.recorded.images(set(of_frame), size, "held out"):
        node = of_frame[frame]
        sample = sample_at(drive, model, image, smoothed.poses[node], PRIOR.draw(node))
        held_out.append(HeldOut(sample, smoothed.pose_covariances[node], _elsewhere(drive, smoothed, model, node)))
    return held_out


def _elsewhere(drive: UnlabelledDrive, smoothed: Smoothed, model: MatchFlow, node: int) -> SatellitePatch | None:
    """The patch around the place of the drive that is farthest from a node, if that is another place."""
    away = np.hypot(*(smoothed.poses[:, :2] - smoothed.poses[node, :2]).T)
    farthest = int(away.argmax())
    if away[farthest] < FAR_M:
        return None
    camera = PlanarPose(*smoothed.poses[farthest].tolist()) @ drive.recorded.camera.mount.planar
    return patch_around(model, drive.satellite, drive.recorded.frame, camera)


def certain(labels: Sequence[Label]) -> float:
    """Mean standard deviation (m) of the labels along an axis."""
    return float(np.sqrt(np.mean([np.trace(label.covariance[:2, :2]) / 2 for label in labels])))


def first_held_out(drive: UnlabelledDrive) -> int:
    """The node that the stretch begins with which is not learnt from but judges."""
    way = drive.recorded.way[drive.nodes.frames]
    return int(np.searchsorted(way, (1.0 - HELD_OUT_SHARE) * way[-1]))
