"""How far a network looks around the prior, and the network that looks as far as the prior may be off."""

from __future__ import annotations

import dataclasses
import math

from geoflow_ros.errors import InputError
from geoflow_ros.model.config import DefaultConfig, ModelConfig, PaperConfig
from geoflow_ros.train.train_config import TrainConfig

SIDE_STEP_PX = 16  # the trunks' last stride


def farthest_m(config: TrainConfig) -> float:
    """How far a truth can be from the patch's centre along one of its axes: the shift's box, rotated."""
    angle = math.radians(min(config.rotation_range_deg, 45.0))
    return config.shift_range_m * (math.cos(angle) + math.sin(angle))


def new_config(config: TrainConfig) -> ModelConfig:
    """The network's sizes; its search radius, match volume and patch grow with the prior's errors."""
    drawn_m = 0.0 if config.source == "vigor" else config.shift_range_m
    if config.model == "paper":
        return PaperConfig(search_radius=max(PaperConfig().search_radius, drawn_m))
    model = DefaultConfig(search_radius=max(DefaultConfig().search_radius, drawn_m), channels=config.matched_channels)
    heights = tuple(height for height in model.lift_heights_m if height <= config.highest_lift_m)
    model = dataclasses.replace(model, lift_heights_m=heights)
    reach = model.reach_m if config.source == "vigor" else max(model.reach_m, math.ceil(farthest_m(config)))
    yaw_range = max(model.yaw_range_deg, min(180.0, config.rotation_range_deg + model.yaw_step_deg / 2))
    if (reach, yaw_range) == (model.reach_m, model.yaw_range_deg):
        return model
    seen = math.hypot(model.bev_front_m, model.bev_side_m)  # in whatever direction the camera looks
    side = math.ceil(2 * (reach + seen + model.cell_m) / model.satellite_resolution / SIDE_STEP_PX) * SIDE_STEP_PX
    margin = reach - model.search_radius
    return dataclasses.replace(model, volume_margin_m=margin, yaw_range_deg=yaw_range, satellite_px=side)


def check_fits(model: ModelConfig, config: TrainConfig) -> None:
    """InputError where the priors of a run are further off than the network looks."""
    if config.source != "vigor" and farthest_m(config) > model.reach_m:
        raise InputError(
            f"shift_range_m {config.shift_range_m:g} puts cameras up to {farthest_m(config):.1f} m off, the network "
            f"looks {model.reach_m:g} m far: lower it, or train a network from scratch"
        )
    if model.searches_heading and config.rotation_range_deg > model.yaw_range_deg:
        raise InputError(
            f"rotation_range_deg {config.rotation_range_deg:g} is more than the {model.yaw_range_deg:g} degrees the "
            "network looks to each side: lower it, or train a network from scratch"
        )
