"""Panoramas as a rig: what their views show, how those are mounted, and what is refused."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
import tracking_support as sim
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from geoflow_ros.camera import CameraModel, Mount
from geoflow_ros.configuration import configured
from geoflow_ros.errors import InputError
from geoflow_ros.localization.pose import PoseEstimate, PosePrior, Rejection
from geoflow_ros.tracking.rig.panorama_views import VIEW, Panoramas, views_of
from geoflow_ros.tracking.sensors.image_decoding import decode_image
from geoflow_ros.tracking.sensors.sensor_inputs import SessionConfig
from geoflow_ros.tracking.session import Session
from geoflow_ros.tracking.settings import DatumConfig
from geoflow_ros.tracking.track import TrackState

DRIVE = sim.Drive()
HERE = DatumConfig(sim.DATUM.latitude, sim.DATUM.longitude, sim.DATUM.altitude)


def sphere(width: int = 1200, height: int = 600) -> NDArray[np.uint8]:
    """A panorama whose colours are the direction: forward, left, up of the unit ray, from -1 to 1."""
    azimuth = (0.5 - (np.arange(width) + 0.5) / width) * math.tau
    elevation = ((0.5 - (np.arange(height) + 0.5) / height) * math.pi)[:, None]
    level = np.cos(elevation)
    axes = [level * np.cos(azimuth), level * np.sin(azimuth), np.sin(elevation) + 0 * azimuth]
    return np.rint(127.5 + 127.5 * np.stack(axes, axis=-1)).astype(np.uint8)


def dual(lens: float, height: int = 600) -> NDArray[np.uint8]:
    """The same by two lenses of a field of view (rad): by each pixel's way from the middle of its circle."""
    v, u = np.mgrid[0:height, 0:height] + 0.5
    right, down = (u - height / 2) / height, (v - height / 2) / height
    off, around = np.hypot(right, down) * lens, np.arctan2(down, right)
    ahead = np.stack([np.cos(off), -np.sin(off) * np.cos(around), -np.sin(off) * np.sin(around)], axis=-1)
    both = np.concatenate([ahead, ahead * (-1.0, -1.0, 1.0)], axis=1)
    return np.rint(127.5 + 127.5 * both).astype(np.uint8)


def raw(image: NDArray[np.uint8], seconds: float = 0.0) -> SimpleNamespace:
    height, width = image.shape[:2]
    return SimpleNamespace(
        header=sim.header(sim.stamp(seconds), "pano"), width=width, height=height, encoding="rgb8", step=3 * width,
        data=image.tobytes(),
    )  # fmt: skip


def compressed(image: NDArray[np.uint8]) -> SimpleNamespace:
    data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 98])[1]
    return SimpleNamespace(header=sim.header(sim.START_NS), format="jpeg", data=data.tobytes())


def pixels(message: Any) -> NDArray[np.uint8]:
    return decode_image(message, VIEW, (VIEW.width, VIEW.height))[0]


@pytest.mark.parametrize(
    ("message", "lens"),
    [
        (raw(sphere()), 0.0),
        (compressed(sphere()), 0.0),
        (compressed(sphere(4800, 2400)), 0.0),
        (raw(dual(math.pi)), math.pi),
        (compressed(dual(math.radians(200.0), 2400)), math.radians(200.0)),
    ],
)
@pytest.mark.parametrize("count", [4, 3])
def test_a_view_shows_what_lies_where_its_camera_looks(message: Any, lens: float, count: int) -> None:
    """By the camera model, which knows nothing of panoramas: points 50 m away at the places where they are drawn."""
    panoramas = Panoramas(views_of("pano", count, lens))
    for view in views_of("pano", count, lens):
        image = pixels(panoramas.images("pano", message)[view.name])
        v, u = np.mgrid[4 : VIEW.height : 31, 4 : VIEW.width : 31]
        rays = np.stack([np.ones(u.shape), (VIEW.cx - u - 0.5) / VIEW.fx, (VIEW.cy - v - 0.5) / VIEW.fy], axis=-1)
        turned = Rotation.from_euler("z", view.yaw).apply(rays.reshape(-1, 3)).reshape(rays.shape)
        shown = (image[v, u].astype(float) - 127.5) / 127.5
        assert np.abs(shown - turned / np.linalg.norm(turned, axis=-1, keepdims=True)).max() < 0.03


def test_views_of_a_tilted_panorama_are_tilted_with_it() -> None:
    panorama = Mount(0.5, 0.1, 1.9, roll=0.05, pitch=-0.1, yaw=0.7)
    for view in views_of("", 8):
        mount = view.mount(panorama)
        mine = Rotation.from_euler("ZYX", [mount.yaw, mount.pitch, mount.roll])
        expected = Rotation.from_euler("ZYX", [0.7, -0.1, 0.05]) * Rotation.from_euler("z", view.yaw)
        assert (mine.inv() * expected).magnitude() < 1e-9
        assert (mount.forward, mount.left, mount.height) == (0.5, 0.1, 1.9)


def test_one_image_is_decoded_once_for_all_views() -> None:
    decoded = []

    def decode(*given: Any) -> Any:
        decoded.append(given[0])
        return decode_image(*given)

    panoramas = Panoramas(views_of("pano", 4), decode)
    first, second = raw(sphere(64, 32)), raw(sphere(64, 32))
    for message in (first, second):
        for image in panoramas.images("pano", message).values():
            pixels(image)
    assert decoded == [first, second]


class Looking(sim.KnowingLocalizer):
    """Knows the drive, and which way each camera looks."""

    def localize(self, image: Any, camera: CameraModel, prior: PosePrior, seed: int) -> PoseEstimate | Rejection:
        assert image.shape == (VIEW.height, VIEW.width, 3) and (camera.fx, camera.width) == (256.0, 512)
        self.seen.append(camera.mount.yaw)
        mean = np.array(DRIVE.pose(self.seconds))
        return sim.estimate(mean, self.sigma, self.sigma_yaw)

    def __init__(self) -> None:
        super().__init__(DRIVE)
        self.seen: list[float] = []
        self.seconds = 0.0


def played(panorama: NDArray[np.uint8], cameras: list[str]) -> tuple[list[Any], Looking]:
    """Answers to a drive whose only camera, or whose camera `top`, is a panorama."""
    mount = dict.fromkeys(("forward", "left", "roll", "pitch", "yaw"), 0.0) | {"height": 1.8}
    given: dict[str, object] = {f"camera.{name}": value for name, value in mount.items()}
    given |= {"tiles": "area", "cameras": cameras, f"camera.{cameras[-1] + '.' if cameras else ''}panorama": 4}
    config, localizer = configured(given), Looking()
    session = Session(SessionConfig(datum=HERE), lambda frame: localizer, 0, config.camera_setups)
    panoramas, answers = Panoramas(config.views), []
    for name in cameras[:-1]:
        session.on_camera_info(replace_size(sim.camera_info()), name)
    for role, message in sim.messages(DRIVE, 0.0, 2.5, np.random.default_rng(1)):
        if role != "image":
            getattr(session, f"on_{role}")(message)
            continue
        localizer.seconds = sim.seconds_of(message)
        shown = np.roll(panorama, round(localizer.seconds * 100), axis=1)  # or it would be frozen
        for name in cameras[:-1]:
            front = raw(np.ascontiguousarray(shown[: VIEW.height, : VIEW.width]), localizer.seconds)
            answers.append(session.process(front, name))
        for name, image in panoramas.images(cameras[-1] if cameras else "", raw(shown, localizer.seconds)).items():
            answers.append(session.process(image, name))
    return answers, localizer


def replace_size(info: SimpleNamespace) -> SimpleNamespace:
    """camera_info of an image as large as a view."""
    return SimpleNamespace(
        **{**vars(info), "width": VIEW.width, "height": VIEW.height, "k": VIEW.matrix.ravel().tolist()}
    )


def test_a_vehicle_whose_only_camera_is_a_panorama_is_localised_by_its_views() -> None:
    answers, localizer = played(sphere(), [])
    assert answers[-1].track.state is TrackState.LOCALISED
    assert [each.camera for each in answers[-4:]] == ["view_0", "view_90", "view_180", "view_270"]
    assert localizer.seen[-4:] == pytest.approx([0.0, math.pi / 2, -math.pi, -math.pi / 2])
    assert {each.stamp_ns for each in answers[-4:]} == {sim.stamp(2.4)}
    assert answers[-1].warnings == {}


def test_a_panorama_of_the_wrong_shape_is_named_once_and_the_other_camera_goes_on() -> None:
    answers, _ = played(sphere(1200, 500), ["front", "top"])
    assert answers[-5].camera == "front" and answers[-5].track.state is TrackState.LOCALISED
    assert list(answers[-1].warnings) == ["camera top"]
    told = answers[-1].warnings["camera top"]
    assert told.startswith("camera top: its panorama is 1200 x 500 px: expected one twice as wide as high")
    assert answers[-1].track.reason.count("camera top") == 1


def test_a_camera_named_as_a_view_is_refused() -> None:
    mount = dict.fromkeys(("forward", "left", "roll", "pitch", "yaw"), 0.0) | {"height": 1.8}
    given: dict[str, object] = {f"camera.{name}": value for name, value in mount.items()}
    given |= {"tiles": "area", "cameras": ["top", "top_90"], "camera.top.panorama": 4}
    with pytest.raises(InputError, match="cameras has top_90, which is the name of a panorama's view"):
        configured(given)


def test_lenses_that_leave_a_gap_are_refused() -> None:
    mount = dict.fromkeys(("forward", "left", "roll", "pitch", "yaw"), 0.0) | {"height": 1.8}
    given: dict[str, object] = {f"camera.{name}": value for name, value in mount.items()}
    given |= {"tiles": "area", "camera.panorama": 4}
    assert {view.lens for view in configured(given | {"camera.panorama_lens": 3.32}).views} == {3.32}
    with pytest.raises(InputError, match=r"camera.panorama_lens is 2 rad: two lenses .* a half turn"):
        configured(given | {"camera.panorama_lens": 2.0})
    with pytest.raises(InputError, match="say by camera.panorama into how many views"):
        configured(given | {"camera.panorama_lens": 3.32, "camera.panorama": 0})


def test_what_is_known_of_roll_and_pitch_turns_with_the_view() -> None:
    mount = dict.fromkeys(("forward", "left", "roll", "pitch", "yaw"), 0.0) | {"height": 1.8}
    given: dict[str, object] = {f"camera.{name}": value for name, value in mount.items()}
    given |= {"tiles": "area", "camera.panorama": 4, "camera.roll_sigma": 0.01, "camera.pitch_sigma": 0.03}
    priors = {name: each.prior for name, each in configured(given).camera_setups.items()}
    assert (priors["view_180"].roll, priors["view_180"].pitch) == pytest.approx((0.01, 0.03))
    assert (priors["view_90"].roll, priors["view_90"].pitch) == pytest.approx((0.03, 0.01))
