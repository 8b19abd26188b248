"""How far a network looks around the prior, and the network that looks as far as the prior may be off."""

from __future__ import annotations

import dataclasses
import math

from geoflow_ros.errors import InputError
from geoflow_ros.model.config import CONFIGS, DefaultConfig, ModelConfig
from geoflow_ros.train.settings import TrainConfig

SIDE_STEP_PX = 16  # the trunks' last stride


def reach_m(model: ModelConfig) -> float:
    """How far from the patch's centre, along each of its axes, a camera can be found (m)."""
    if isinstance(model, DefaultConfig):
        return model.search_radius + model.volume_margin_m
    return model.satellite_px * model.satellite_resolution / 2


def farthest_m(config: TrainConfig) -> float:
    """How far a truth can be from the patch's centre along one of its axes: the shift's box, turned."""
    turn = math.radians(min(config.rotation_range_deg, 45.0))
    return config.shift_range_m * (math.cos(turn) + math.sin(turn))


def new_config(config: TrainConfig) -> ModelConfig:
    """The network's sizes; its search radius, match volume and patch grow with the prior's errors."""
    model = CONFIGS[config.model]()
    if config.source != "vigor":
        model = dataclasses.replace(model, search_radius=max(model.search_radius, config.shift_range_m))
    if not isinstance(model, DefaultConfig):
        return model
    heights = tuple(height for height in model.lift_heights_m if height <= config.highest_lift_m)
    model = dataclasses.replace(model, channels=config.matched_channels, lift_heights_m=heights)
    reach = reach_m(model) if config.source == "vigor" else max(reach_m(model), math.ceil(farthest_m(config)))
    yaw_range = max(model.yaw_range_deg, min(180.0, config.rotation_range_deg + model.yaw_step_deg / 2))
    if (reach, yaw_range) == (reach_m(model), model.yaw_range_deg):
        return model
    seen = math.hypot(model.bev_front_m, model.bev_side_m)  # in whatever direction the camera looks
    side = math.ceil(2 * (reach + seen + model.cell_m) / model.satellite_resolution / SIDE_STEP_PX) * SIDE_STEP_PX
    margin = reach - model.search_radius
    return dataclasses.replace(model, volume_margin_m=margin, yaw_range_deg=yaw_range, satellite_px=side)


def check_fits(model: ModelConfig, config: TrainConfig) -> None:
    """InputError where the priors of a run are further off than the network looks."""
    if config.source != "vigor" and farthest_m(config) > reach_m(model):
        raise InputError(
            f"shift_range_m {config.shift_range_m:g} puts cameras up to {farthest_m(config):.1f} m off, the network "
            f"looks {reach_m(model):g} m far: lower it, or train a network from scratch"
        )
    if isinstance(model, DefaultConfig) and config.rotation_range_deg > model.yaw_range_deg:
        raise InputError(
            f"rotation_range_deg {config.rotation_range_deg:g} is more than the {model.yaw_range_deg:g} degrees the "
            "network looks to each side: lower it, or train a network from scratch"
        )
