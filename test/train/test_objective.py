"""Heights as a further thing to learn: counted where they are known, nowhere else, and in no checkpoint."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from training_support import CONFIG, NOISE, TINY, Noise, tiny_network, write_towns

from geoflow_ros.datasets.sample import Sample
from geoflow_ros.errors import InputError
from geoflow_ros.model.config import PaperConfig
from geoflow_ros.model.weights import build, save
from geoflow_ros.town.height_codes import SKY, UNKNOWN
from geoflow_ros.train.batches import Batch, to_batch
from geoflow_ros.train.objective import CLASSES, GAIN, IGNORED, HeightHeads, height_classes
from geoflow_ros.train.sources import TrainingData, open_data
from geoflow_ros.train.trainable import new_model
from geoflow_ros.train.trainer import Trainer

LEARNING = dataclasses.replace(CONFIG, height_weight=0.5)


class Heights(Noise):
    """Of two samples in three heights are known: of what is in the upper half of either image 3 m, below it 0."""

    def __getitem__(self, index: int) -> Sample:
        sample = super().__getitem__(index)
        if index % 3 == 2:
            return sample
        half = np.repeat(np.array([30, 0], np.uint8), 8)[:, None]
        return dataclasses.replace(sample, ground_heights=np.tile(half, 32), patch_heights=np.tile(half, 16))


HEIGHTS = TrainingData(Heights(), Heights())


def batch_of(*samples: Sample) -> Batch:
    return to_batch(samples, [np.zeros((4, 3), np.float32)] * len(samples), TINY)


def test_a_class_begins_at_its_height() -> None:
    codes = torch.tensor([0, 2, 3, 9, 10, 19, 20, 39, 40, 79, 80, 253, UNKNOWN, SKY], dtype=torch.uint8)
    assert height_classes(codes).tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, IGNORED, CLASSES - 1]


def test_a_batch_has_a_height_for_each_feature() -> None:
    below, above = batch_of(Heights()[0], Heights()[2]).heights or ()
    assert below.shape == (2, 8, 16) and above.shape == (2, 24, 24)  # of 32 x 64 and 96 x 96 px
    assert (below[0, :4] == 30).all() and (below[0, 4:] == 0).all() and (above[0, :12] == 30).all()
    assert (below[1] == UNKNOWN).all() and (above[1] == UNKNOWN).all()


def test_what_is_not_known_counts_nothing() -> None:
    heads = HeightHeads()
    features = torch.randn(2, 32, 4, 4), torch.randn(2, 32, 4, 4)
    known = torch.full((2, 4, 4), UNKNOWN, dtype=torch.uint8)
    assert heads(features, (known, known)) == 0.0
    known[0, 1, 2] = 30
    # Heads that know nothing yet: log 7 a sample whose heights are known, of frame and of patch, over two samples.
    assert heads(features, (known, known)).item() == pytest.approx(2 * math.log(7) / 2)
    with torch.no_grad():
        heads.ground.bias[3] = 2.0 / GAIN  # type: ignore[index]
    told = math.log(math.exp(2.0) + 6) - 2.0
    assert heads(features, (known, known)).item() == pytest.approx((told + math.log(7)) / 2)


def test_heights_are_learnt_from_the_same_features(tmp_path: Path) -> None:
    """Beside them the losses stay what they are, and those of the heights fall."""
    trainer = Trainer(dataclasses.replace(LEARNING, learning_rate=5e-3), tmp_path, tiny_network())
    batch = batch_of(Heights()[0], Heights()[1])
    plain = Trainer(CONFIG, tmp_path, tiny_network()).train_step(batch)
    first = trainer.train_step(batch)
    assert (first.flow, first.place, first.pairing) == (plain.flow, plain.place, plain.pairing) and plain.height == 0.0
    assert first.height == pytest.approx(2 * math.log(7)) and first.loss == pytest.approx(plain.loss + first.height / 2)
    heights = [trainer.train_step(batch).height for _ in range(6)]
    assert heights[-1] < 0.8 * heights[0]


def test_without_a_weight_heights_change_nothing(tmp_path: Path) -> None:
    runs = [Trainer(CONFIG, tmp_path / name, tiny_network()) for name in ("with", "without")]
    for run, data in zip(runs, (HEIGHTS, NOISE), strict=True):
        losses = [run.train_step(batch) for batch in run.stream(data.training, range(3))]
        assert all(each.height == 0.0 for each in losses)
    ours, theirs = (run.model.state_dict() for run in runs)
    assert all(torch.equal(ours[name], value) for name, value in theirs.items())


def test_a_checkpoint_has_no_heads_and_a_resumed_run_has_them(tmp_path: Path) -> None:
    whole = Trainer(LEARNING, tmp_path / "whole", tiny_network())
    killed = Trainer(LEARNING, tmp_path / "killed", tiny_network())
    for run in (whole, killed):
        run.folder.mkdir()
    whole.fit(HEIGHTS)
    for batch in killed.stream(HEIGHTS.training, range(3)):
        killed.train_step(batch)
    killed.save()
    resumed = Trainer.resume(LEARNING, killed.folder)
    resumed.fit(HEIGHTS)
    for ours, theirs in ((resumed.average, whole.average), (resumed._objective, whole._objective)):
        values = theirs.state_dict()
        assert all(torch.equal(value, values[name]) for name, value in ours.state_dict().items())
    assert {name for name in values if "heights" in name} and any(values["heights.ground.weight"].flatten())
    save(tiny_network(), tmp_path / "plain")
    plain, best = (
        safetensors.torch.load_file(tmp_path / name) for name in ("plain.safetensors", "whole/best.safetensors")
    )
    assert {name: value.shape for name, value in best.items()} == {name: value.shape for name, value in plain.items()}


def test_views_of_before_heights_were_kept_are_counted_and_learnt_from(tmp_path: Path) -> None:
    write_towns(tmp_path, [0, 9000], 2)
    town = {"data_root": str(tmp_path), "train_towns": 1, "validation_towns": 1, "views_per_town": 2}
    config = dataclasses.replace(LEARNING, **town)  # type: ignore[arg-type]
    data = open_data(config, TINY)
    assert "(height_weight counts for 0 of 2: the others were rendered before heights were kept, delete" in str(data)
    assert str(open_data(dataclasses.replace(config, height_weight=0.0), TINY)).endswith("2 to validate on")
    (batch,) = Trainer(config, tmp_path, tiny_network()).stream(data.training, range(1))
    assert Trainer(config, tmp_path, tiny_network()).train_step(batch).height == 0.0


def test_a_network_without_such_features_is_refused(tmp_path: Path) -> None:
    config = dataclasses.replace(LEARNING, model="paper", pretrained=False, frozen_stages=0)
    save(build(PaperConfig(ground_height=64, ground_width=64, satellite_px=64)), tmp_path / "paper")
    with pytest.raises(InputError, match="height_weight is 0.5, but 'paper' has no such features: set 0"):
        new_model(config, tmp_path / "paper")
