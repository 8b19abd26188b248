"""A session that is told a wrong mount, and a localiser that sees by the true one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import tracking_support as sim
from numpy.typing import NDArray

from geoflow_ros.camera import CameraModel, Mount
from geoflow_ros.localization.pose import MountEvidence, PoseEstimate, PosePrior, Rejection, position_std
from geoflow_ros.planar import rotate, wrap_angle
from geoflow_ros.tracking.cameras import ONE, CameraSetup
from geoflow_ros.tracking.mount.estimate import MountEstimate, MountPrior
from geoflow_ros.tracking.sensors.sensor_inputs import SessionConfig
from geoflow_ros.tracking.session import Session
from geoflow_ros.tracking.settings import DatumConfig

DRIVE = sim.Drive()
KNOWN = MountPrior(0.026, 0.026, 0.026, 0.05)  # 1.5 degrees
HERE = DatumConfig(sim.DATUM.latitude, sim.DATUM.longitude, sim.DATUM.altitude)


class MountedLocalizer(sim.KnowingLocalizer):
    """Sees as if the camera looked `yaw` (rad) further left than the mount says, and pitched by `pitch`.

    aside: how far (m) to the left all that it sees is off, as imagery may be.
    """

    def __init__(self, yaw: float = 0.0, pitch: float = 0.0, drive: sim.Drive = DRIVE, aside: float = 0.0) -> None:
        super().__init__(drive, sigma=0.2)
        self.true, self.aside = Mount(yaw=yaw, pitch=pitch), aside

    def localize(
        self, image: NDArray[np.uint8], camera: CameraModel, prior: PosePrior, seed: int
    ) -> PoseEstimate | Rejection:
        answer = super().localize(image, camera, prior, seed)
        if isinstance(answer, Rejection):
            return answer
        forward = 50.0 * (camera.mount.pitch - self.true.pitch)
        yaw = answer.yaw + self.true.yaw - camera.mount.yaw
        off = rotate(yaw, np.array([forward, self.aside]))
        east, north = answer.east + off[0], answer.north + off[1]
        return sim.estimate(np.array([east, north, yaw]), self.sigma, self.sigma_yaw)

    def weigh_mounts(
        self, image: NDArray[np.uint8], camera: CameraModel, prior: PosePrior, mounts: Sequence[Mount]
    ) -> list[MountEvidence]:
        errors = [mount.pitch - self.true.pitch for mount in mounts]
        others = [math.hypot(mount.roll / 0.02, (mount.height - self.true.height) / 0.1) for mount in mounts]
        return [
            MountEvidence(-0.5 * (error / 0.01) ** 2 - other**2, 0.9, np.array([50.0 * error, 0.0]))
            for error, other in zip(errors, others, strict=True)
        ]


@dataclass(frozen=True)
class Straight(sim.Drive):
    """North, and on."""

    radius: float = math.inf

    def pose(self, seconds: float) -> tuple[float, float, float]:
        return 0.0, self.speed * seconds, math.pi / 2


def driven(
    localizer: Any,
    seconds: float,
    known: MountPrior = KNOWN,
    has_time: bool = True,
    kept: Mapping[str, MountEstimate] | None = None,
) -> tuple[Session, Any]:
    """A session with a mount known so well after a drive, with time between images or none, and its last answer.

    kept: of the mounts, from before a restart.
    """
    setup = CameraSetup(Mount(), prior=known)
    session = Session(SessionConfig(datum=HERE), lambda frame: localizer, 0, {ONE: setup})
    session.recall_mounts(kept or {})
    session.on_camera_info(sim.camera_info())
    answer = None
    for kind, message in sim.messages(localizer.drive, 0.0, seconds, np.random.default_rng(0)):
        if kind == "image":
            answer = session.process(message)
            while has_time and session.learn_mounts():
                pass
        else:
            getattr(session, f"on_{kind}")(message)
    return session, answer


@pytest.mark.parametrize(("yaw_deg", "pitch_deg"), [(2.0, 0.0), (-1.5, 1.5)])
def test_a_mount_stated_wrong_is_learnt_while_driving(yaw_deg: float, pitch_deg: float) -> None:
    session, answer = driven(MountedLocalizer(math.radians(yaw_deg), math.radians(pitch_deg)), 30.0)
    found = session.mount_estimates["camera"]
    assert math.degrees(found.correction[2]) == pytest.approx(yaw_deg, abs=0.5)  # odometry turns 0.1 deg/s too fast
    assert math.degrees(found.correction[1]) == pytest.approx(pitch_deg, abs=0.2)
    assert "camera.yaw is 0, frames say" in found.sentence
    east, north, yaw = DRIVE.pose(29.9)
    assert math.hypot(answer.track.pose.east - east, answer.track.pose.north - north) < 0.3
    assert math.degrees(wrap_angle(answer.track.pose.yaw - yaw)) == pytest.approx(0.0, abs=0.7)
    assert found.sentence in answer.warnings["mount"]


def test_the_right_mount_stays_as_stated_and_what_was_learnt_goes_on_after_a_restart() -> None:
    session, _ = driven(MountedLocalizer(), 15.0)
    found = session.mount_estimates["camera"]
    assert found.mount == Mount() and found.std[1] < 0.01
    other, _ = driven(MountedLocalizer(), 0.0)
    other.recall_mounts({"camera": found})
    assert other.mount_estimates["camera"].std[1] == pytest.approx(found.std[1])


def test_how_well_a_yaw_was_known_goes_on_after_a_restart_from_the_first_image_on() -> None:
    covariance = np.diag(np.square([0.026, 0.026, 0.005, 0.08]))
    kept = MountEstimate(Mount(), np.array([0.0, 0.0, 0.03, 0.0]), covariance)
    session, _ = driven(MountedLocalizer(yaw=0.03), 3.0, has_time=False, kept={"camera": kept})
    found = session.mount_estimates["camera"]
    assert found.correction[2] == 0.03
    assert found.std[2] < 0.007  # and what all frames err alike is a share of what they state


def test_a_yaw_that_is_recalled_after_a_pose_was_stated_is_as_certain_from_the_first_image_on() -> None:
    """As where TF tells the mount only with an image."""
    localizer, kept = MountedLocalizer(), np.diag(np.square([0.026, 0.026, 0.005, 0.08]))
    session = Session(SessionConfig(datum=HERE), lambda frame: localizer, 0, {ONE: CameraSetup(Mount(), prior=KNOWN)})
    session.on_camera_info(sim.camera_info())
    session.initialise(sim.stamp(0.0), PosePrior(*DRIVE.pose(0.0), np.diag([0.01, 0.01, 1e-4])))
    session.recall_mounts({"camera": MountEstimate(Mount(), np.zeros(4), kept)})
    sim.feed(session, sim.messages(DRIVE, 0.0, 3.0, np.random.default_rng(0)))
    assert session.mount_estimates["camera"].std[2] < 0.006


def test_what_is_not_known_of_a_mount_is_in_the_covariance_where_images_leave_no_time_to_learn_it() -> None:
    """As on a machine that is too slow for its cameras, where one always waits."""
    (_, exact), (_, busy) = (driven(MountedLocalizer(), 3.0, known, has_time=False) for known in (MountPrior(), KNOWN))
    assert position_std(exact.track.pose.covariance) < 0.2
    assert position_std(busy.track.pose.covariance) > 1.0  # a degree of pitch moves what is 9 m ahead by 0.9 m


def test_standing_for_a_minute_learns_no_more_than_its_first_second() -> None:
    here = sim.Drive(speed=0.0)
    begun, _ = driven(MountedLocalizer(drive=here), 1.0)
    stood, answer = driven(MountedLocalizer(drive=here), 60.0)
    found = stood.mount_estimates["camera"]
    assert found.mount == Mount()
    np.testing.assert_allclose(found.std[[0, 1, 3]], begun.mount_estimates["camera"].std[[0, 1, 3]], rtol=1e-6)
    assert found.std[2] > 0.8 * 0.026
    assert answer.track.pose is not None


def test_what_imagery_is_off_to_the_side_of_a_straight_road_is_no_yaw() -> None:
    session, answer = driven(MountedLocalizer(drive=Straight(), aside=0.5), 25.0)
    assert session.mount_estimates["camera"].mount == Mount()
    assert math.degrees(wrap_angle(answer.track.pose.yaw - math.pi / 2)) == pytest.approx(0.0, abs=0.3)
    assert math.hypot(answer.track.pose.east + 0.5, answer.track.pose.north - DRIVE.speed * 24.9) < 0.3
