"""Which nodes of a smoothed drive are learnt from."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from geoflow_ros.adapt.labels import end_of, labels_of
from geoflow_ros.adapt.unlabelled_drive import UnlabelledDrive
from geoflow_ros.errors import InputError
from geoflow_ros.geodesy import Datum, LocalFrame
from geoflow_ros.smoothing.frame_sites import Site
from geoflow_ros.smoothing.smoother import Smoothed

DATUM = Datum(48.0, 11.0)


def _learnt_from(agrees: np.ndarray, east: np.ndarray | None = None, *other_ends: np.ndarray) -> list[int]:
    """Of the nodes of 600 m, 2 m apart, whose frames agree with this probability; east: of each, if not straight."""
    drive, smoothed = _smoothed(agrees, east)
    return [label.node for label in labels_of(drive, smoothed, other_ends)]


def _smoothed(
    agrees: np.ndarray, east: np.ndarray | None = None, datum: Datum = DATUM
) -> tuple[UnlabelledDrive, Smoothed]:
    count = len(agrees)
    way = 2.0 * np.arange(count)
    poses = np.column_stack([way if east is None else east, np.zeros((count, 2))])
    zero = np.zeros(3)
    sites = {node: Site(zero, np.eye(3), zero, float(agrees[node]), float(agrees[node])) for node in range(count)}
    bits = {node: site.evidence for node, site in sites.items()}
    covariances = np.tile(0.01 * np.eye(3), (count, 1, 1))
    smoothed = SimpleNamespace(poses=poses, pose_covariances=covariances, sites=sites, bits=bits)
    recorded, nodes = SimpleNamespace(way=way, frame=LocalFrame(datum)), SimpleNamespace(frames=np.arange(count))
    drive = SimpleNamespace(name="a", recorded=recorded, nodes=nodes)
    return cast(UnlabelledDrive, drive), cast(Smoothed, smoothed)


def test_frames_that_say_little_but_agree_are_learnt_from() -> None:
    """Held out are nodes 240 (478.4 m of 598) and on; nearer than 30 m to them is what lies beyond 450 m."""
    assert _learnt_from(np.linspace(0.6, 1.0, 300)) == list(range(226))


@pytest.mark.parametrize(("disagreeing", "left_out"), [(20, 20), (100, 45)])
def test_frames_that_disagree_are_left_out_but_not_more_than_a_fifth(disagreeing: int, left_out: int) -> None:
    agrees = np.ones(300)
    agrees[:disagreeing] = np.linspace(0.0, 0.4, disagreeing)
    assert _learnt_from(agrees) == list(range(left_out, 226))


def test_one_street_there_and_back_is_learnt_where_it_does_not_judge() -> None:
    """Turned at 298 m; held out is the way back from 120 m on: what lies within 30 m is seen on the way there, too."""
    east = 2.0 * np.minimum(np.arange(300), 299 - np.arange(300))
    assert _learnt_from(np.ones(300), east) == [node for node in range(240) if east[node] >= 150.0 - 2.0]


def test_nothing_is_learnt_where_another_drive_judges() -> None:
    """The other's map begins 101 m further west: its end, from 480 m of its way on, is from 379 m of this one's on."""
    latitude, longitude, _ = LocalFrame(DATUM).to_geodetic([-101.0, 0.0])
    other = _smoothed(np.ones(300), None, Datum(float(latitude), float(longitude)))
    assert _learnt_from(np.ones(300), None, end_of(*other)) == [node for node in range(226) if 2.0 * node <= 349.0]


def test_the_end_of_one_short_street_leaves_nothing_to_learn_from() -> None:
    east = 2.0 * np.minimum(np.arange(300) % 60, 59 - np.arange(300) % 60)
    with pytest.raises(InputError, match="a: 0 places are certain to 1 m and apart from its end"):
        _learnt_from(np.ones(300), east)
