"""Which part of the images shows the vehicle itself: neither read nor looked for in the imagery."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from drive_folder import camera_info, write_drive
from numpy.typing import NDArray
from paths import REPOSITORY

from geoflow_ros.bags.messages import compressed_to_rgb
from geoflow_ros.benchmark.drive import load_drive
from geoflow_ros.camera import CameraModel, Mount, Projection
from geoflow_ros.camera_mask import CameraMask, read_mask
from geoflow_ros.configuration import configured
from geoflow_ros.datasets.augment import mirror
from geoflow_ros.datasets.bag_drive import BagDrive
from geoflow_ros.errors import InputError
from geoflow_ros.localization.inputs import OUT_OF_VIEW, lift_grid
from geoflow_ros.localization.localizer import Localizer, load_model
from geoflow_ros.localization.pose import PoseEstimate, PosePrior
from geoflow_ros.model.config import DefaultConfig
from geoflow_ros.tracking.camera_input import CameraInput
from geoflow_ros.tracking.mount.asked_frame import AskedFrame
from geoflow_ros.tracking.mount.flips import FLIPS, Flip

CAMERA = CameraModel(640, 192, 368.0, 368.0, 320.0, 96.0, Mount(forward=1.08, height=1.65))
MOUNT = {f"camera.{name}": value for name, value in asdict(CAMERA.mount).items()}
BONNET = 0.7  # of the height, from where down images show it
STEEL = (40, 42, 48)


def bonnet(width: int, height: int, top: float = BONNET) -> NDArray[np.bool_]:
    world = np.ones((height, width), dtype=bool)
    world[int(top * height) :] = False
    return world


def written(folder: Path, world: NDArray[np.bool_], name: str = "mask.png") -> Path:
    path = folder / name
    cv2.imwrite(str(path), world.astype(np.uint8) * 255)
    return path


def test_what_the_vehicle_hides_is_read_by_no_cell_and_the_rest_as_before() -> None:
    config, mask = DefaultConfig(), CameraMask(bonnet(640, 192))
    before, after = (lift_grid(each, config) for each in (CAMERA, CAMERA.masked(mask)))
    assert before is not None and after is not None
    behind = (before[..., 1] > 2 * int(BONNET * 192) / 192 - 1).numpy()
    assert behind.any() and not behind.all()
    assert (after.numpy()[behind] == OUT_OF_VIEW).all()
    assert np.array_equal(after.numpy()[~behind], before.numpy()[~behind])


def test_a_hidden_mast_has_the_colour_of_the_world_and_that_stays_as_it_is() -> None:
    world = np.ones((192, 640), dtype=bool)
    world[:, 300:340] = False
    image = np.random.default_rng(0).integers(0, 255, (192, 640, 3), dtype=np.uint8)
    hidden = CAMERA.masked(CameraMask(world)).rectify(image)
    assert np.array_equal(hidden[world], image[world])
    assert hidden[~world] == pytest.approx(image[world].mean(axis=0)[None].repeat(world.size - world.sum(), 0), abs=1.0)


@pytest.mark.parametrize(
    ("projection", "distortion"),
    [(Projection.PLUMB_BOB, (-0.3, 0.1, 0.0, 0.0, 0.0)), (Projection.EQUIDISTANT, (0.05, 0.0, 0.0, 0.0))],
)
def test_of_a_distorted_camera_the_mask_is_straightened_as_its_images_are(
    projection: Projection, distortion: tuple[float, ...]
) -> None:
    world = np.ones((192, 640), dtype=bool)
    world[100:, :200] = False
    camera = replace(CAMERA, projection=projection, distortion=distortion).masked(CameraMask(world))
    picture = np.where(world, 200, 0).astype(np.uint8)[..., None].repeat(3, 2)
    straight = replace(camera, mask=None).rectify(picture)[..., 0]
    shown = camera.rectified().mask
    assert shown is not None and not np.array_equal(shown.world, world)
    inner = (slice(20, -20), slice(60, -60))  # beyond it the straightened image shows nothing
    assert (shown.world == (straight > 100))[inner].mean() > 0.995


def test_each_camera_of_a_rig_has_its_mask_and_views_of_a_panorama_their_part_of_its(tmp_path: Path) -> None:
    of_all, of_left = written(tmp_path, bonnet(64, 20)), written(tmp_path, bonnet(64, 20, 0.9), "left.png")
    values = {"tiles": "area", "cameras": ["front", "left"], **MOUNT, "camera.mask": str(of_all)}
    setups = configured({**values, "camera.left.mask": str(of_left)}).camera_setups
    shares = {name: each.mask.world.mean() for name, each in setups.items() if each.mask is not None}
    assert shares == {"front": pytest.approx(0.7), "left": pytest.approx(0.9)}
    whole = np.ones((100, 200), dtype=bool)
    whole[60:, 90:110] = False  # a mast below the middle, seen ahead
    views = configured({"tiles": "area", **MOUNT, "camera.panorama": 4, "camera.mask": str(written(tmp_path, whole))})
    hidden = {name: 1.0 - each.mask.world.mean() for name, each in views.camera_setups.items() if each.mask is not None}
    assert 0.02 < hidden.pop("view_0") < 0.2 and [*hidden.values()] == [0.0, 0.0, 0.0]


def test_the_camera_of_a_drive_has_the_mask_that_lies_beside_it(tmp_path: Path) -> None:
    root = write_drive(tmp_path / "d")
    written(root, bonnet(64, 32))
    described = json.loads((root / "drive.json").read_text())
    (root / "drive.json").write_text(json.dumps({**described, "mask": "mask.png"}))
    sample = BagDrive(root)[0]
    assert sample.camera.mask is not None and sample.camera.mask.world.mean() == pytest.approx(0.7, abs=0.02)


def test_the_mask_of_a_mirrored_sample_is_mirrored(tmp_path: Path) -> None:
    world = np.ones((32, 64), dtype=bool)
    world[20:, :20] = False
    sample = BagDrive(write_drive(tmp_path / "d"))[0]
    sample = replace(sample, camera=sample.camera.masked(CameraMask(world)))
    ahead = np.array([[8.0, left, 0.0] for left in np.linspace(-4.0, 4.0, 41)])
    for each, aside in ((sample, 1.0), (mirror(sample), -1.0)):
        _, seen = each.camera.project(ahead * [1.0, aside, 1.0])
        assert seen[ahead[:, 1] < 1.8].all() and not seen[ahead[:, 1] > 2.1].any()


def test_a_flipped_image_is_read_through_a_flipped_mask() -> None:
    asked: list[tuple[Any, CameraModel]] = []

    class Localizer:
        def weigh_mounts(self, image: Any, camera: CameraModel, prior: Any, mounts: Sequence[Mount]) -> list[Any]:
            asked.append((image, camera))
            return []

    world = np.ones((192, 640), dtype=bool)
    world[120:, 400:] = False
    image = np.where(world, 200, 0).astype(np.uint8)[..., None].repeat(3, 2)
    prior = PosePrior(0.0, 0.0, 0.0, np.eye(3))
    frame = AskedFrame(Localizer(), image, CAMERA.masked(CameraMask(world)), prior)  # type: ignore[arg-type]
    for flip in (Flip.NONE, *FLIPS):
        frame.flipped([CAMERA.mount], flip)
    for seen, camera in asked:
        assert camera.mask is not None and np.array_equal(camera.mask.world, seen[..., 0] > 0)


def refused(folder: Path, name: str, content: bytes | None) -> None:
    if content is not None:
        (folder / name).write_bytes(content)
    read_mask(folder / name)


def test_a_mask_that_cannot_be_used_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.png cannot be read"):
        refused(tmp_path, "none.png", None)
    with pytest.raises(InputError, match=r"empty\.png is no image"):
        refused(tmp_path, "empty.png", b"")
    with pytest.raises(InputError, match=r"vast\.pgm is no image"):
        refused(tmp_path, "vast.pgm", b"P5 131072 131072 255\n")  # more pixels than OpenCV decodes
    inverted = cv2.imencode(".png", (~bonnet(64, 20, 0.95)).astype(np.uint8) * 255)[1].tobytes()
    with pytest.raises(InputError, match="leaves 5% of the image: make black"):
        refused(tmp_path, "inverted.png", inverted)
    camera = CameraInput(Mount(), False, mask=CameraMask(bonnet(64, 48)))
    with pytest.raises(InputError, match="mask is 64 x 48 px, its images are 64 x 32"):
        camera.set_info(camera_info(0))


def test_frames_with_a_bonnet_match_once_it_is_masked() -> None:
    drive = load_drive(REPOSITORY / "demo", 10.0)
    model = load_model(REPOSITORY / "models/default.safetensors", "torch")
    localizer = Localizer(model, drive.satellite, drive.frame)

    def found(camera: CameraModel) -> tuple[float, float]:
        """Median probability of a match, and the mean log likelihood of the truth."""
        matches, fits = [], []
        for index in range(10, 250, 20):
            frame = drive.at(index)
            image = compressed_to_rgb(frame.message)
            image[~bonnet(image.shape[1], image.shape[0])] = STEEL
            answer = localizer.localize(image, camera, frame.prior, 0)
            said = answer if isinstance(answer, PoseEstimate) else answer.withheld
            assert said is not None and said.log_likelihood is not None
            matches.append(said.match)
            fits.append(said.log_likelihood(frame.truth.array()[None])[0])
        return float(np.median(matches)), float(np.mean(fits))

    bare = found(drive.camera)
    masked = found(drive.camera.masked(CameraMask(bonnet(640, 192))))
    assert bare[0] < 0.5 < masked[0] and masked[1] > bare[1] + 0.3
