"""A drive of messages, and a localiser that knows it: fusion is tested apart from the network."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.camera import CameraModel, Mount
from geoflow_ros.geodesy import Datum, LocalFrame
from geoflow_ros.localization.pose import MountEvidence, PoseEstimate, PosePrior, Rejection
from geoflow_ros.planar import wrap_angle
from geoflow_ros.satellite.patch import SatellitePatch
from geoflow_ros.tracking.answer import Answer
from geoflow_ros.tracking.cameras import ONE, CameraSetup
from geoflow_ros.tracking.session import Session

DATUM = Datum(49.0, 8.4, 100.0)
FRAME = LocalFrame(DATUM)
START_NS = 1_700_000_000 * 10**9
WIDTH, HEIGHT = 16, 12
CAMERA = {ONE: CameraSetup(Mount())}
REACH_M, REACH_YAW = 24.0, math.radians(12.0)


def stamp(seconds: float) -> int:
    """Nanoseconds of a time since the start of the drive."""
    return START_NS + round(seconds * 1e9)


def header(stamp_ns: int, frame_id: str = "camera") -> SimpleNamespace:
    seconds, nanoseconds = divmod(stamp_ns, 10**9)
    return SimpleNamespace(stamp=SimpleNamespace(sec=seconds, nanosec=nanoseconds), frame_id=frame_id)


@dataclass(frozen=True)
class Drive:
    """A circle of 100 m radius, driven at `speed` (m/s), from the east, heading north."""

    speed: float = 8.0
    radius: float = 100.0

    def pose(self, seconds: float) -> tuple[float, float, float]:
        angle = self.speed * seconds / self.radius
        return self.radius * math.cos(angle), self.radius * math.sin(angle), wrap_angle(angle + math.pi / 2)


def image(seconds: float, covered: bool = False) -> SimpleNamespace:
    """An image whose first pixels hold the time (ms) it was taken; a covered one is black."""
    pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    if not covered:
        pixels[0, :2] = 200
        pixels[1, 0] = [(round(seconds * 1000) >> shift) & 255 for shift in (16, 8, 0)]
    return SimpleNamespace(
        header=header(stamp(seconds)),
        width=WIDTH,
        height=HEIGHT,
        encoding="rgb8",
        step=3 * WIDTH,
        data=pixels.tobytes(),
    )


def seconds_of(message: Any) -> float:
    """Since the start of the drive."""
    stamp_ns: int = message.header.stamp.sec * 10**9 + message.header.stamp.nanosec
    return seconds_of_stamp(stamp_ns)


def seconds_of_stamp(stamp_ns: int) -> float:
    """Since the start of the drive."""
    return (stamp_ns - START_NS) * 1e-9


def camera_info(focal: float = 20.0) -> SimpleNamespace:
    k = [focal, 0.0, WIDTH / 2, 0.0, focal, HEIGHT / 2, 0.0, 0.0, 1.0]
    p = [2 * focal, 0.0, WIDTH / 2, 0.0, 0.0, 2 * focal, HEIGHT / 2, 0.0, 0.0, 0.0, 1.0, 0.0]
    return SimpleNamespace(
        header=header(START_NS), width=WIDTH, height=HEIGHT, distortion_model="plumb_bob", d=[], k=k, p=p,
        binning_x=0, binning_y=0, roi=SimpleNamespace(x_offset=0, y_offset=0, width=0, height=0),
    )  # fmt: skip


def fix(seconds: float, east: float, north: float, sigma: float = 6.4) -> SimpleNamespace:
    latitude, longitude, _ = FRAME.to_geodetic([east, north])
    covariance = [sigma**2, 0.0, 0.0, 0.0, sigma**2, 0.0, 0.0, 0.0, 9.0]
    return SimpleNamespace(
        header=header(stamp(seconds)), latitude=float(latitude), longitude=float(longitude), altitude=100.0,
        status=SimpleNamespace(status=0), position_covariance=covariance, position_covariance_type=2,
    )  # fmt: skip


def quaternion(yaw: float) -> SimpleNamespace:
    return SimpleNamespace(x=0.0, y=0.0, z=math.sin(yaw / 2), w=math.cos(yaw / 2))


def imu(seconds: float, yaw: float, rate: float = 0.0, sigma: float = 0.05) -> SimpleNamespace:
    return SimpleNamespace(
        header=header(stamp(seconds)), orientation=quaternion(yaw), orientation_covariance=[sigma**2] * 9,
        angular_velocity=SimpleNamespace(x=0.0, y=0.0, z=rate), angular_velocity_covariance=[1e-4] * 9,
    )  # fmt: skip


def twist(forward: float, rate: float) -> SimpleNamespace:
    return SimpleNamespace(
        linear=SimpleNamespace(x=forward, y=0.0, z=0.0), angular=SimpleNamespace(x=0.0, y=0.0, z=rate)
    )


def odom(seconds: float, forward: float, rate: float, yaw: float = 0.0) -> SimpleNamespace:
    place = SimpleNamespace(x=0.0, y=0.0, z=0.0)
    pose = SimpleNamespace(pose=SimpleNamespace(position=place, orientation=quaternion(yaw)), covariance=[0.01] * 36)
    return SimpleNamespace(
        header=header(stamp(seconds)),
        child_frame_id="base_link",
        pose=pose,
        twist=SimpleNamespace(twist=twist(forward, rate), covariance=[0.0] * 36),
    )


def messages(
    drive: Drive, start: float, end: float, rng: np.random.Generator, fixes: bool = True
) -> Iterator[tuple[str, Any]]:
    """What sensors say between two times (s): odometry and IMU at 20 Hz, fixes 8 m off at 5 Hz, images at 10 Hz."""
    offset = rng.normal(0.0, 6.2, 2)
    for tick in range(round(start * 20), round(end * 20)):
        seconds = tick / 20
        east, north, yaw = drive.pose(seconds)
        rate = drive.speed / drive.radius
        yield "odom", odom(seconds, drive.speed * 1.01, rate + 0.002)
        yield "imu", imu(seconds, yaw + 0.02, rate)
        if fixes and tick % 4 == 0:
            yield "fix", fix(seconds, *(np.array([east, north]) + offset + rng.normal(0.0, 1.5, 2)))
        if tick % 2 == 0:
            yield "image", image(seconds)


class KnowingLocalizer:
    """Answers within reach of the truth, with an error of `sigma` m that changes from view to view."""

    def __init__(self, drive: Drive, sigma: float = 0.5, sigma_yaw: float = 0.02) -> None:
        self.drive = drive
        self.sigma, self.sigma_yaw = sigma, sigma_yaw
        self.priors: list[PosePrior] = []
        self.warmed: list[PosePrior] = []

    @property
    def image_size(self) -> tuple[int, int]:
        return 16, 8

    def warm(self, prior: PosePrior, mount: Mount, is_hurried: bool = False) -> bool:
        """Of each prior its own patch, and two nearby."""
        if len(self.warmed) >= (1 if is_hurried else 3):
            return False
        self.warmed.append(prior)
        return True

    def weigh_mounts(
        self, image: NDArray[np.uint8], camera: CameraModel, prior: PosePrior, mounts: Sequence[Mount]
    ) -> list[MountEvidence]:
        """Nothing: it sees the same through every mount."""
        return []

    def localize(
        self, image: NDArray[np.uint8], camera: CameraModel, prior: PosePrior, seed: int
    ) -> PoseEstimate | Rejection:
        self.priors.append(prior)
        if not image[0, 0].any():
            return Rejection("image has no contrast: is the lens covered?", is_blind=True)
        milliseconds = int(image[1, 0].astype(int) @ [65536, 256, 1])
        east, north, yaw = self.drive.pose(milliseconds / 1000)
        away = math.hypot(prior.east - east, prior.north - north)
        if away > REACH_M or abs(wrap_angle(prior.yaw - yaw)) > REACH_YAW:
            return Rejection("image and satellite imagery match with probability 0.01 only")
        rng = np.random.default_rng(milliseconds if self.drive.speed else 0)  # standing, it sees the same
        mean = np.array([east, north, yaw]) + rng.normal(0.0, 1.0, 3) * (self.sigma, self.sigma, self.sigma_yaw)
        return estimate(mean, self.sigma, self.sigma_yaw)


def estimate(mean: NDArray[np.float64], sigma: float, sigma_yaw: float) -> PoseEstimate:
    """A frame whose likelihood is a Gaussian."""
    stds = np.array([sigma, sigma, sigma_yaw])
    searched = (2 * REACH_M) ** 2 * 2 * REACH_YAW
    best = math.log(searched / (np.prod(stds) * (2 * math.pi) ** 1.5))

    def log_likelihood(poses: NDArray[np.float64]) -> NDArray[np.float64]:
        offset = poses - mean
        offset[:, 2] = np.mod(offset[:, 2] + math.pi, 2 * math.pi) - math.pi
        return np.asarray(best - 0.5 * np.square(offset / stds).sum(axis=1))

    patch = SatellitePatch(np.zeros((8, 8, 3), np.uint8), (0.0, 0.0), 1.0)
    east, north, yaw = map(float, mean)
    density = np.zeros((4, 4), np.float32)
    return PoseEstimate(
        east, north, wrap_angle(yaw), np.diag(stds**2), mean[None], np.ones(1), density, 8.0, patch, 1.0, log_likelihood
    )


def feed(session: Session, messages: Iterable[tuple[str, Any]]) -> list[Answer]:
    """The answers to the images among the messages."""
    answers = []
    for role, message in messages:
        if role == "image":
            answers.append(session.process(message))
        else:
            getattr(session, f"on_{role}")(message)
    return answers
