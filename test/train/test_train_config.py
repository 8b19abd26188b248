from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import pytest
import torch
from paths import REPOSITORY
from training_support import CONFIG, TINY

from geoflow_ros.errors import InputError
from geoflow_ros.model.config import DefaultConfig, PaperConfig
from geoflow_ros.model.inference.prepare import prepare
from geoflow_ros.model.matchflow import MatchFlow
from geoflow_ros.train.search_area import check_fits, farthest_m, new_config
from geoflow_ros.train.train_config import TrainConfig, changed_keys, read_config
from geoflow_ros.train.trainable import new_model, trunks

CONFIGS = sorted((REPOSITORY / "config" / "train").glob("*.yaml"))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("stepz: 3", r"unknown parameter stepz \(did you mean steps\?\)"),
        ("steps: many", "parameter steps is 'many', expected a whole number"),
        ("steps: true", "parameter steps is True, expected a whole number"),
        ("semi_positives: 1", "semi_positives is 1, expected true or false"),
        ("learning_rate: .nan", "learning_rate is nan, expected 0 to 1"),
        ("model: huge", "model is 'huge', expected default or paper"),
        ("precision: fp8", "precision is 'fp8', expected fp32 or bf16"),
        ("steps: 0", "steps is 0"),
        ("- 1", "holds no keys"),
        ("a: [", "is not YAML"),
        ("source: kitti\ntrain_towns: 3\narea: same", "area, train_towns means nothing to source kitti"),
    ],
)
def test_a_bad_config_is_refused(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "train.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=f"train.yaml.*{sentence}"):
        read_config(path, {})


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_the_shipped_configs_are_valid_and_options_override_them(path: Path) -> None:
    config = read_config(path, {"data_root": "elsewhere"})
    assert config.data_root == "elsewhere" and config.source == path.stem.split("_")[0]
    check_fits(new_config(config), config)


def test_a_run_resumes_elsewhere_but_not_with_another_rate() -> None:
    earlier = dataclasses.asdict(CONFIG)
    assert changed_keys(dataclasses.replace(CONFIG, data_root="moved", workers=4, log_every=7), earlier) == []
    assert changed_keys(dataclasses.replace(CONFIG, learning_rate=1.0), earlier) == ["learning_rate"]
    del earlier["area"]  # of a version that did not have it
    assert changed_keys(CONFIG, earlier) == []
    assert changed_keys(dataclasses.replace(CONFIG, area="cross"), earlier) == ["area"]


def test_the_corner_of_the_turned_box_is_the_farthest() -> None:
    assert farthest_m(TrainConfig(rotation_range_deg=0.0)) == pytest.approx(20.0)
    assert farthest_m(TrainConfig(rotation_range_deg=10.0)) == pytest.approx(23.169, abs=1e-3)
    assert farthest_m(TrainConfig(rotation_range_deg=180.0)) == pytest.approx(20.0 * math.sqrt(2))


def test_a_new_network_looks_as_far_as_the_priors_are_off() -> None:
    assert new_config(TrainConfig()) == DefaultConfig()
    assert new_config(TrainConfig(model="paper")) == PaperConfig()
    plain = new_config(TrainConfig(matched_channels=4, highest_lift_m=1.0))
    assert (plain.channels, plain.lift_heights_m) == (4, (0.0, 1.0))
    wide = new_config(TrainConfig(source="kitti", rotation_range_deg=180.0))
    assert isinstance(wide, DefaultConfig) and wide.yaw_range_deg == 180.0 and wide.reach_m == 29.0
    MatchFlow(wide)  # its patch is large enough, or this is an InputError
    far = new_config(TrainConfig(shift_range_m=30.0))
    assert isinstance(far, DefaultConfig) and far.search_radius == 30.0 and far.reach_m == 35.0


@pytest.mark.parametrize(
    ("change", "sentence"),
    [({"shift_range_m": 25.0}, "cameras up to 29.0 m off"), ({"rotation_range_deg": 13.0}, "more than the 12 degrees")],
)
def test_a_checkpoint_is_not_trained_beyond_what_it_sees(change: dict[str, float], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        check_fits(TINY, dataclasses.replace(TrainConfig(), **change))  # type: ignore[arg-type]


def test_trunks_from_nothing_are_not_frozen() -> None:
    with pytest.raises(InputError, match="frozen_stages is 3, but the trunks start from nothing"):
        new_model(TrainConfig(pretrained=False), None)
    config = TrainConfig(pretrained=False, frozen_stages=0, train_depthwise=True)
    stem, pretrained = (trunks(new_model(each, None))[0].conv_stem.weight for each in (config, TrainConfig()))
    assert not torch.equal(stem, pretrained)


def test_what_is_frozen_loses_nothing_in_bfloat16() -> None:
    trunk = prepare(trunks(new_model(TrainConfig(), None))[0])
    for part, is_frozen in ((trunk.conv_stem, True), (trunk.blocks[:3], True), (trunk.blocks[3:], False)):
        for name, weight in part.named_parameters():
            if name.endswith("weight"):
                assert torch.allclose(weight, weight.bfloat16().float(), rtol=1e-6, atol=0.0) == is_frozen, name
