"""Parameters: one dataclass as the source of names, defaults, ranges and descriptions."""

from __future__ import annotations

import math

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed: source a ROS 2 or install the ROS wheels")

import yaml
from ros_support import MOUNT, REPOSITORY

from geoflow_ros.configuration import NodeConfig, value_of
from geoflow_ros.errors import InputError
from geoflow_ros.localization.localizer_config import Schedule
from geoflow_ros.options import _unknown_sentence, build, options_of
from geoflow_ros.ros.tools.parameter_file import is_left_to_the_user, parameter_file

REQUIRED = {"tiles": "area.mbtiles", **{f"camera.{name}": value for name, value in MOUNT.items()}}


def test_defaults_nesting_and_types() -> None:
    values = {**REQUIRED, "camera.height": 2, "localizer.schedule": "paper", "heading.source": "odom"}
    config = build(NodeConfig, values)
    assert config.camera.mount.height == 2.0
    assert config.localizer.schedule is Schedule.PAPER
    assert config.heading.source == "odom"
    assert config.prior.max_age == 1.0
    assert config.datum.datum is None
    assert value_of(config, "localizer.schedule") == "paper"


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"tiles": "a"}, "required parameter not set: camera.forward"),
        ({**REQUIRED, "camera.hight": 1.0}, r"camera.hight \(did you mean camera.height\?\)"),
        ({**REQUIRED, "camera.height": 30.0}, "expected 0.1 to 20: of the lens above the ground"),
        ({**REQUIRED, "camera.height": math.nan}, "expected 0.1 to 20"),
        ({**REQUIRED, "camera.height": "high"}, "expected a number"),
        ({**REQUIRED, "seed": True}, "expected a whole number"),
        ({**REQUIRED, "heading.source": "compass"}, "expected imu or odom or course"),
        ({**REQUIRED, "tiles": ""}, "parameter tiles is empty"),
        ({**REQUIRED, "datum.latitude": 49.0}, "datum.longitude is not given, .* at run time both at once"),
        ({**REQUIRED, "datum.latitude": 91.0, "datum.longitude": 8.0}, "not on the globe"),
    ],
)
def test_bad_values_are_one_sentence(values: dict[str, object], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        build(NodeConfig, values)


def test_every_parameter_is_described_and_in_the_shipped_file_with_its_default() -> None:
    text = (REPOSITORY / "config" / "localize.yaml").read_text(encoding="utf-8")
    assert text == parameter_file(), "run python -m geoflow_ros.reference"
    shipped = yaml.safe_load(text)["/**"]["ros__parameters"]
    for each in options_of(NodeConfig):
        assert len(each.help) > 5
        *groups, leaf = each.name.split(".")
        place = shipped
        for group in groups:
            place = place[group]
        if is_left_to_the_user(each):
            assert leaf not in place and f"# {leaf}:" in text, f"{each.name} must be given by the user"
        else:
            assert each.parse(place[leaf]) == pytest.approx(each.default, nan_ok=True)


def test_an_unknown_parameter_is_answered_by_those_of_its_group() -> None:
    """Not by a hundred names."""
    sentence = _unknown_sentence(["camera.hight"], ["tiles", "camera.height", "camera.yaw", "tracker.max_std"])
    hint = "camera.hight (did you mean camera.height?)"
    assert sentence == f"unknown parameter {hint}: the parameters are tiles, camera.height, camera.yaw, tracker.*"
    assert _unknown_sentence(["x"], ["a.b", "a.c", "tiles"]) == "unknown parameter x: the parameters are a.*, tiles"
