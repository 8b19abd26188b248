"""Means of networks."""

from __future__ import annotations

import pytest
import torch

from geoflow_ros.errors import InputError
from geoflow_ros.model.averaging import mean_of
from geoflow_ros.model.config import DefaultConfig, PaperConfig
from geoflow_ros.model.weights import build


def test_every_weight_is_the_weighted_mean() -> None:
    models = [build(DefaultConfig()) for _ in range(3)]
    mean = mean_of(models, [0.5, 0.2, 0.3]).state_dict()
    states = [model.state_dict() for model in models]
    for name, value in mean.items():
        if value.is_floating_point():
            expected = 0.5 * states[0][name] + 0.2 * states[1][name] + 0.3 * states[2][name]
            torch.testing.assert_close(value, expected)


@pytest.mark.parametrize("shares", [[0.5, 0.6], [1.0], []])
def test_shares_that_are_none_are_refused(shares: list[float]) -> None:
    models = [build(DefaultConfig()) for _ in range(2)]
    with pytest.raises(InputError, match=r"of 2 networks: give one of each, adding up to 1"):
        mean_of(models, shares)


def test_networks_of_different_kinds_have_no_mean() -> None:
    with pytest.raises(InputError, match="give checkpoints of one kind"):
        mean_of([build(DefaultConfig()), build(PaperConfig())], [0.5, 0.5])
    with pytest.raises(InputError, match="give checkpoints of one config"):
        mean_of([build(DefaultConfig()), build(DefaultConfig(channels=4))], [0.5, 0.5])


def test_networks_that_see_the_ground_otherwise_have_none_though_their_weights_would_fit() -> None:
    others = {"search_radius": 10.0, "lift_heights_m": (0.0, 1.0, 2.0, 4.0)}
    for name, value in others.items():
        with pytest.raises(InputError, match=f"the networks differ in {name}: give checkpoints of one config"):
            mean_of([build(DefaultConfig()), build(DefaultConfig(**{name: value}))], [0.5, 0.5])
    scaled = DefaultConfig(position_variance_scale=2.0, yaw_variance_scale=3.0)  # each is calibrated on its own
    assert mean_of([build(scaled), build(DefaultConfig())], [0.5, 0.5]).config == scaled
