"""The mounts of a rig's cameras together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from geoflow_ros.camera import Mount
from geoflow_ros.localization.mount_evidence import MountEvidence
from geoflow_ros.tracking.motion import MotionBuffer
from geoflow_ros.tracking.mount.estimate import MountPrior
from geoflow_ros.tracking.mount.rig_mounts import CameraMounts

PRIOR = MountPrior(0.026, 0.026, 0.0, 0.1)
STATED = Mount(height=1.6)


def test_a_camera_whose_frames_fit_nothing_has_no_part_in_the_place() -> None:
    mounts = CameraMounts({"front": PRIOR, "left": PRIOR})
    for name in ("front", "left"):
        mounts.mount(name, STATED, (0.0, 0.0))
    before = mounts["front"].place_covariance
    np.testing.assert_allclose(mounts.place_covariance, before)  # both as unknown as each other

    def heard(of: Sequence[Mount]) -> list[MountEvidence]:
        pitches = np.array([mount.pitch for mount in of])
        return [MountEvidence(-0.5 * (pitch / 0.003) ** 2, 0.9, np.array([50.0 * pitch, 0.0])) for pitch in pitches]

    mounts.ask("front", STATED, (0.0, 0.0), 0, MotionBuffer(), heard)
    mounts.ask(
        "left", STATED, (0.0, 0.0), 0, MotionBuffer(), lambda of: [MountEvidence(0.0, 0.0, np.zeros(2))] * len(of)
    )
    while mounts.hear():
        pass
    mounts.learn()
    front = mounts["front"].place_covariance
    assert front[0, 0] < 0.5 * before[0, 0] and mounts["left"].frames == 0
    np.testing.assert_allclose(mounts.place_covariance, front)
