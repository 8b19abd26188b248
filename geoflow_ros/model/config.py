"""What a network is built from, stored beside its weights and the only source of its sizes; by what it can be run."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from enum import Enum
from typing import Any, Union

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.errors import InputError


@dataclass(frozen=True, slots=True)
class PaperConfig:
    """GeoFlow as published: two EfficientNet-B0, one cross-attention, a pooled vector, 2-DoF hypotheses."""

    name: str = "paper"
    ground_height: int = 256
    ground_width: int = 1024
    satellite_px: int = 512
    satellite_resolution: float = 0.1958285  # metres per pixel
    search_radius: float = 20.0  # metres; the unit of the normalised hypotheses
    channels: int = 128
    heads: int = 4
    dropout: float = 0.1
    orientation_head: bool = False
    position_variance_scale: float = 1.0  # fitted: what predicted covariances are multiplied by, if narrow
    yaw_variance_scale: float = 1.0

    @property
    def searches_heading(self) -> bool:
        """The heading is taken as known: it stays the prior's."""
        return False

    @property
    def yaw_range_deg(self) -> float:
        """No heading but the prior's is looked at."""
        return 0.0

    @property
    def reach_m(self) -> float:
        """How far from the patch's centre, along each of its axes, a camera can be found (m): within the patch."""
        return self.satellite_px * self.satellite_resolution / 2

    @property
    def lift_shape(self) -> None:
        """Nothing is lifted: the paper's network knows nothing of the camera's geometry."""
        return None

    @property
    def lifted_points(self) -> None:
        """Likewise."""
        return None


@dataclass(frozen=True, slots=True)
class DefaultConfig:
    """GeoFlow on a match volume: features lifted to the ground plane, correlated once, read by 3-DoF hypotheses."""

    name: str = "default"
    ground_height: int = 128
    ground_width: int = 512
    satellite_px: int = 416
    satellite_resolution: float = 0.25  # metres per pixel
    search_radius: float = 20.0  # metres; the unit of the normalised hypotheses
    channels: int = 8  # of the matched features
    bev_front_m: float = 32.0
    bev_back_m: float = 0.0
    bev_side_m: float = 20.0
    lift_heights_m: tuple[float, ...] = (0.0, 1.0, 3.0, 6.0)  # above ground, at which a cell reads the image
    yaw_range_deg: float = 12.0  # of the match volume, to either side of the patch's +u
    yaw_step_deg: float = 4.0
    volume_margin_m: float = 4.0  # of the match volume around the search radius
    position_variance_scale: float = 1.0  # fitted: what predicted covariances are multiplied by, if narrow
    yaw_variance_scale: float = 1.0

    @property
    def searches_heading(self) -> bool:
        """Headings are looked at up to `yaw_range_deg` to either side of the prior's."""
        return True

    @property
    def reach_m(self) -> float:
        """How far from the patch's centre, along each of its axes, a camera can be found (m): in the match volume."""
        return self.search_radius + self.volume_margin_m

    @property
    def cell_m(self) -> float:
        """Side of a cell of the ground-plane grid and of the match volume: the satellite features' stride."""
        return 4 * self.satellite_resolution

    @property
    def lift_shape(self) -> tuple[int, int, int]:
        """Heights, cells across (left to right), cells forward (near to far)."""
        forward = round((self.bev_front_m + self.bev_back_m) / self.cell_m)
        return len(self.lift_heights_m), round(2 * self.bev_side_m / self.cell_m), forward

    @property
    def lifted_points(self) -> NDArray[np.float64]:
        """Forward, left, up (*lift_shape, 3) in metres, in the level camera frame, of where features are lifted to."""
        _, across, forward = self.lift_shape
        x = -self.bev_back_m + (np.arange(forward) + 0.5) * self.cell_m
        y = self.bev_side_m - (np.arange(across) + 0.5) * self.cell_m
        z, y, x = np.meshgrid(np.array(self.lift_heights_m), y, x, indexing="ij")
        return np.stack([x, y, z], axis=-1)


ModelConfig = Union[PaperConfig, DefaultConfig]  # noqa: UP007 - used at run time on Python 3.10 too
MOST, LARGEST = 64, 8192
"""Of a list, and of a number, in a config that is believed; ours stay far below."""
CONFIGS: dict[str, type[PaperConfig] | type[DefaultConfig]] = {"paper": PaperConfig, "default": DefaultConfig}


def config_from_dict(values: dict[str, Any]) -> ModelConfig:
    """The config that `dataclasses.asdict` wrote; an unknown name or key is an InputError."""
    name = values.get("name")
    if not isinstance(name, str) or name not in CONFIGS:
        raise InputError(f"model config {name!r} is unknown: expected one of {', '.join(CONFIGS)}")
    known = {field.name for field in dataclasses.fields(CONFIGS[name])}
    if unknown := sorted(set(values) - known):
        raise InputError(f"model config {name!r} has unknown keys {', '.join(unknown)}: written by another version?")
    arguments: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in values.items()}
    for field in dataclasses.fields(CONFIGS[name]):
        value = arguments.get(field.name, field.default)
        if not _is_possible(value, field.default):
            found = f"{field.name} {str(value)[:80]}"
            raise InputError(f"model config {name!r} has {found}, expected the like of {field.default!r}")
    return CONFIGS[name](**arguments)


def _is_possible(value: Any, default: Any) -> bool:
    """Whether a value of a file may stand where this default does; nothing is allocated by what it asks for."""
    if isinstance(default, tuple):
        return isinstance(value, tuple) and 0 < len(value) <= MOST and all(_is_possible(each, 0.0) for each in value)
    if isinstance(default, (bool, str)):
        return type(value) is type(default)
    if isinstance(default, int):
        return type(value) is int and 0 < value <= LARGEST
    return type(value) in (int, float) and abs(value) <= LARGEST  # false for nan


class Runtime(Enum):
    """What computes the image encoders."""

    AUTO = "auto"  # the fastest here that agrees with torch
    TORCH = "torch"
    TORCH_BF16 = "torch-bf16"
    TORCH_COMPILE = "torch-compile"
    OPENVINO = "openvino"
    OPENVINO_BF16 = "openvino-bf16"
    OPENVINO_INT8 = "openvino-int8"  # only when asked for: it decides otherwise between places that look alike
    ONNXRUNTIME = "onnxruntime"
    CUDA = "cuda"


def parse_runtime(name: Runtime | str) -> Runtime:
    """The runtime of this name."""
    try:
        return Runtime(name)
    except ValueError as error:
        known = ", ".join(each.value for each in Runtime)
        raise InputError(f"runtime {name!r} is unknown: expected one of {known}") from error
