"""Offsets of a drive that single frames do not tell."""

from __future__ import annotations

import numpy as np
from gaussian_volume import gaussian_volume

from geoflow_ros.smoothing.offset_search import search_offsets


def test_what_all_frames_share_is_found_for_the_first_of_them_too() -> None:
    """All are 8 m east and 3 m south of the fixes; half of the frames fit elsewhere, the first say nothing."""
    rng, count = np.random.default_rng(1), 12
    poses = np.column_stack([2.0 * np.arange(count), np.zeros(count), np.zeros(count)])
    volumes = []
    for node, (east, north, _) in enumerate(poses.tolist()):
        away = rng.uniform(-15.0, 15.0, 2) if node % 2 else np.array([8.0, -3.0])
        peak = (east + away[0], north + away[1], 0.0)
        volumes.append(gaussian_volume(node, peak, None if node < 3 else (0.7, 0.05), (east, north)))
    covariances = np.tile(np.diag([8.0, 8.0, 0.05]) ** 2, (count, 1, 1))
    time = 0.2 * np.arange(count)
    offsets, _ = search_offsets(poses, covariances, time, poses[:, 0], volumes, 1.0, 0.5)
    np.testing.assert_allclose(offsets[:, :2], np.tile([8.0, -3.0], (count, 1)), atol=0.7)
