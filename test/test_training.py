import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from geoflow_ros.camera import CameraModel, Mount
from geoflow_ros.datasets.augment import augment, mirror
from geoflow_ros.datasets.base import Sample
from geoflow_ros.errors import InputError
from geoflow_ros.model.base import LocalizationModel
from geoflow_ros.model.checkpoint import load, read, save
from geoflow_ros.model.config import DefaultConfig
from geoflow_ros.model.matchflow import MatchFlow
from geoflow_ros.satellite.patch import SatellitePatch
from geoflow_ros.training import trainer as trainer_module
from geoflow_ros.training.batches import batches, draw_hypotheses, to_batch, truth_pose
from geoflow_ros.training.calibration import CHI2_POSITION, calibrate_checkpoint, errors_on, variance_factor
from geoflow_ros.training.config import TrainConfig, read_config
from geoflow_ros.training.trainer import Trainer

TINY = DefaultConfig(
    ground_height=32, ground_width=64, satellite_px=96, satellite_resolution=1.0, bev_front_m=16.0, bev_side_m=8.0
)
CONFIG = TrainConfig(
    steps=4, batch=2, warmup=1, hypotheses=4, workers=0, validate_every=2, validation_samples=2, precision="fp32"
)


class Noise:
    """Six samples of coloured noise whose truth differs."""

    def __len__(self) -> int:
        return 6

    def __getitem__(self, index: int) -> Sample:
        rng = np.random.default_rng(index)
        ground = rng.integers(0, 255, (40, 64, 3), dtype=np.uint8)
        patch = SatellitePatch(rng.integers(0, 255, (96, 96, 3), dtype=np.uint8), (3.0, -4.0), 1.0, 0.1)
        camera = CameraModel(64, 40, 30.0, 30.0, 30.0, 20.0, Mount(height=1.5, roll=0.02))
        return Sample(str(index), ground, camera, patch, (float(index), 1.0, 0.2))


@pytest.fixture(autouse=True)
def tiny_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real network at a size that trains in a moment, without ImageNet weights."""

    def new_model(config: TrainConfig, initial: Path | None) -> LocalizationModel:
        torch.manual_seed(config.seed)
        return MatchFlow(TINY)

    monkeypatch.setattr(trainer_module, "new_model", new_model)


def test_the_label_is_the_pixel_of_the_truth() -> None:
    # Patch centred at (3, -4), its +u turned 0.1 rad from east; the camera 2 m along +u and 1 m to the left of it.
    along, left = np.array([math.cos(0.1), math.sin(0.1)]), np.array([-math.sin(0.1), math.cos(0.1)])
    east, north = np.array([3.0, -4.0]) + 2 * along + 1 * left
    sample = dataclasses.replace(Noise()[0], truth=(east, north, 0.3))
    assert truth_pose(sample, 20.0) == pytest.approx((0.1, -0.05, 0.2))


@given(st.floats(-20, 20), st.floats(-20, 20), st.floats(-3, 3))
def test_the_mirrored_world_has_the_mirrored_label(east: float, north: float, yaw: float) -> None:
    sample = dataclasses.replace(Noise()[1], truth=(east, north, yaw))
    (x, y, turn), (mx, my, mturn) = (truth_pose(each, 20.0) for each in (sample, mirror(sample)))
    assert (mx, my) == pytest.approx((x, -y), abs=1e-9)
    assert math.cos(mturn + turn) == pytest.approx(1.0)


def test_the_mirrored_camera_sees_the_mirrored_point_in_the_mirrored_pixel() -> None:
    sample, point = Noise()[2], np.array([8.0, 2.0, 0.5])
    (u, v), _ = sample.camera.project(point)
    (mu, mv), _ = mirror(sample).camera.project(point * [1, -1, 1])
    assert (mu, mv) == pytest.approx((sample.camera.width - u, v))
    assert np.array_equal(mirror(mirror(sample)).ground, sample.ground)


def test_augmentation_repeats_with_its_generator_and_changes_the_pixels() -> None:
    once, again = (augment(Noise()[0], np.random.default_rng(5)) for _ in range(2))
    assert np.array_equal(once.ground, again.ground) and np.array_equal(once.patch.image, again.patch.image)
    assert not np.array_equal(once.ground, Noise()[0].ground)


def test_batches_depend_on_the_step_alone() -> None:
    def key(start: int) -> list[torch.Tensor]:
        return [batch.ground for batch in batches(Noise(), TINY, 2, range(start, 5), seed=1, workers=0)]

    whole, rest = key(0), key(3)
    assert len(whole) == 5
    assert all(torch.equal(a, b) for a, b in zip(whole[3:], rest, strict=True))
    assert not torch.equal(whole[0], whole[3])  # the next epoch has another order and other looks


def test_a_batch_has_the_networks_shapes() -> None:
    batch = to_batch([Noise()[0], Noise()[1]], TINY)
    assert batch.ground.shape == (2, 3, 32, 64) and batch.satellite.shape == (2, 3, 96, 96)
    assert batch.lift is not None and batch.lift.shape == (2, *TINY.lift_shape, 2)
    assert batch.truth.shape == (2, 3)


def test_half_of_the_hypotheses_start_near_the_truth() -> None:
    truth = torch.tensor([[0.9, 0.9, 0.1]])
    drawn = draw_hypotheses(truth, 1000, 0.2, torch.Generator().manual_seed(0))
    distance = (drawn - truth[:, None])[..., :2].norm(dim=-1)[0]
    assert distance[500:].median() < 0.25 < distance[:500].median()


def test_training_resumes_to_the_same_weights(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    whole = Trainer(CONFIG, tmp_path / "a")
    whole.fit(Noise(), Noise())
    killed = Trainer(CONFIG, tmp_path / "a")
    for batch in batches(Noise(), TINY, 2, range(3), seed=0, workers=0):
        killed.train_step(batch)
    killed.save()
    resumed = Trainer(CONFIG, tmp_path / "a")
    resumed.resume()
    assert resumed.step == 3
    resumed.fit(Noise(), Noise())
    ours, theirs = resumed.average.state_dict(), whole.average.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    assert (tmp_path / "a" / "best.safetensors").exists()


def test_the_frozen_part_of_the_trunk_does_not_learn(tmp_path: Path) -> None:
    trainer = Trainer(CONFIG, tmp_path)
    trunk = trainer.model.ground.pyramid.trunk  # type: ignore[union-attr]
    before = {name: value.clone() for name, value in trunk.state_dict().items()}
    for batch in batches(Noise(), TINY, 2, range(2), seed=0, workers=0):
        trainer.train_step(batch)
    changed = {name for name, value in trunk.state_dict().items() if not torch.equal(value, before[name])}
    assert changed and all(name.startswith(("blocks.3.", "blocks.4.")) and "conv_dw" not in name for name in changed)


def test_a_loss_that_is_not_a_number_stops_the_run_and_saves(tmp_path: Path) -> None:
    trainer = Trainer(CONFIG, tmp_path)
    batch = next(batches(Noise(), TINY, 2, range(1), seed=0, workers=0))
    poisoned = dataclasses.replace(batch, truth=batch.truth * math.nan)
    with pytest.raises(InputError, match="loss is nan at step 0"):
        trainer.train_step(poisoned)
    assert (tmp_path / "last.pt").exists()


def test_another_config_does_not_resume(tmp_path: Path) -> None:
    Trainer(CONFIG, tmp_path).save()
    with pytest.raises(InputError, match="another learning_rate"):
        Trainer(dataclasses.replace(CONFIG, learning_rate=1.0), tmp_path).resume()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("stepz: 3", "unknown keys stepz"),
        ("steps: many", "steps is 'many', expected int"),
        ("model: huge", "model 'huge' is unknown"),
        ("precision: fp8", "precision 'fp8' is unknown"),
        ("steps: 0", "steps is 0"),
        ("- 1", "holds no keys"),
        ("a: [", "is not YAML"),
    ],
)
def test_a_bad_config_is_refused(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "train.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=sentence):
        read_config(path, {})


def test_the_shipped_config_is_valid_and_options_override_it() -> None:
    path = Path(__file__).parents[1] / "config" / "train" / "town.yaml"
    assert read_config(path, {"data_root": "elsewhere"}).data_root == "elsewhere"


def test_the_variance_factor_makes_nine_of_ten_fit() -> None:
    nees = np.random.default_rng(0).chisquare(2, 20_000)
    assert variance_factor(nees, CHI2_POSITION) == pytest.approx(1.0, abs=0.03)
    assert variance_factor(4 * nees, CHI2_POSITION) == pytest.approx(4.0, abs=0.12)


def test_a_calibrated_checkpoint_covers_what_it_was_calibrated_on(tmp_path: Path) -> None:
    save(MatchFlow(TINY), tmp_path / "raw", {"step": 7})
    scales = calibrate_checkpoint(tmp_path / "raw", Noise())
    model = load(tmp_path / "raw")
    assert (model.config.position_variance_scale, model.config.yaw_variance_scale) == scales
    assert read(tmp_path / "raw")[0].card == {"step": 7}
    nees = errors_on(model, Noise(), range(6)).nees
    assert np.quantile(nees, 0.9) == pytest.approx(CHI2_POSITION, rel=1e-2)
