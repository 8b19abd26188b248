"""Heads trained on cached features: the features are those of the network, and a resumed run is the same run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from geoflow_ros.adapt import head_training
from geoflow_ros.adapt.cached_samples import CachedSample, _packed, joined, without_trunks
from geoflow_ros.adapt.head_training import recipe, train_heads
from geoflow_ros.camera import CameraModel
from geoflow_ros.datasets.sample import place_on_earth
from geoflow_ros.localization.inputs import lift_grid
from geoflow_ros.model.matchflow import MatchFlow
from geoflow_ros.model.weights import load
from geoflow_ros.train.batches import Batch

ROOT = Path(__file__).parents[2]
DEGREES_PER_M = 1.0 / 111_195.0  # of latitude
CAMERA = CameraModel(640, 192, 368.0, 368.0, 320.0, 96.0)


@pytest.fixture(scope="module")
def model() -> MatchFlow:
    network = load(ROOT / "models" / "default")
    assert isinstance(network, MatchFlow)
    return network


@pytest.fixture(scope="module")
def samples(model: MatchFlow) -> list[CachedSample]:
    rng, made = torch.Generator().manual_seed(0), []
    for index in range(2):
        ground = torch.randint(0, 255, (1, 3, 128, 512), generator=rng).to(torch.uint8)
        satellite = torch.randint(0, 255, (1, 3, 416, 416), generator=rng).to(torch.uint8)
        features = _packed(model.ground.pyramid.trunk, ground), _packed(model.satellite.pyramid.trunk, satellite)
        lift, truth = lift_grid(CAMERA, model.config), torch.tensor([[0.1, 0.2, 0.0]])
        batch = Batch(*features, lift, truth, torch.zeros(1, 4, 3), (str(index),))
        made.append(CachedSample(batch, place_on_earth(47.0 + 150.0 * index * DEGREES_PER_M, 8.0)))
    return made


def test_cached_features_give_what_the_images_give(model: MatchFlow) -> None:
    image = torch.randint(0, 255, (1, 3, 128, 512), generator=torch.Generator().manual_seed(1)).to(torch.uint8)
    lift = lift_grid(CAMERA, model.config)
    with torch.inference_mode():
        packed = _packed(model.ground.pyramid.trunk, image)
        ours = without_trunks(model).encode_ground(packed, lift)
        theirs = model.encode_ground(image, lift)
    torch.testing.assert_close(ours, theirs, atol=0.02 * float(theirs.abs().max()), rtol=0.0)


def test_only_patches_far_away_are_wrong_ones_whatever_their_drives(samples: list[CachedSample]) -> None:
    """Of two drives in one street, too: their places are on the globe, not in either's map."""
    first, second = samples
    near = replace(second, place=place_on_earth(47.0 + 60.0 * DEGREES_PER_M, 8.0))
    for pair, is_elsewhere in (((first, second), True), ((first, near), False)):
        elsewhere = joined(pair).elsewhere
        assert elsewhere is not None and elsewhere.tolist() == [is_elsewhere] * 2


def test_a_resumed_run_is_the_run_it_would_have_been(
    model: MatchFlow, samples: list[CachedSample], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = replace(recipe(4, seed=3), batch=2)
    whole = train_heads(model, [samples], config, tmp_path / "whole.pt").state_dict()
    monkeypatch.setattr(head_training, "SAVE_EVERY", 2)
    state, take = tmp_path / "part.pt", head_training._Run.take

    def killed(run: head_training._Run, batch: Batch) -> object:
        if run.step == 3:
            raise RuntimeError("killed")
        return take(run, batch)

    monkeypatch.setattr(head_training._Run, "take", killed)
    with pytest.raises(RuntimeError, match="killed"):
        train_heads(model, [samples], config, state)
    monkeypatch.setattr(head_training._Run, "take", take)
    resumed = train_heads(model, [samples], config, state).state_dict()
    assert not state.exists()
    old = model.state_dict()
    changed = [name for name in whole if not torch.equal(whole[name], old[name])]
    assert changed and not any(".trunk." in name for name in changed)
    for name, value in whole.items():
        torch.testing.assert_close(resumed[name], value, msg=name)
