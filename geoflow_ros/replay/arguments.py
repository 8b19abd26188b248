"""What a replay can be told, from a drive's description, a parameter file and the command line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import yaml

from geoflow_ros.datasets.bag_drive import DriveDescription
from geoflow_ros.errors import InputError
from geoflow_ros.geodesy import Datum
from geoflow_ros.localization.localizer import LocalizerConfig
from geoflow_ros.options import build, option
from geoflow_ros.tracking.prior import HeadingConfig, PriorConfig
from geoflow_ros.tracking.session import SessionConfig
from geoflow_ros.tracking.settings import CameraConfig, DatumConfig
from geoflow_ros.tracking.tracker import TrackerConfig

GROUPS = ("camera", "heading", "prior", "datum", "tracker", "localizer", "seed")
TF_ONLY = ("camera.from_tf", "camera.frame", "camera.base_height")
"""Of the node's camera parameters, those that only mean something where there is TF."""


@dataclass(frozen=True, slots=True)
class ReplayConfig:
    """The node's parameters that say what comes out; names and meaning are the node's."""

    camera: CameraConfig
    heading: HeadingConfig = field(default_factory=HeadingConfig)
    prior: PriorConfig = field(default_factory=PriorConfig)
    datum: DatumConfig = field(default_factory=DatumConfig)
    localizer: LocalizerConfig = field(default_factory=LocalizerConfig)
    tracker: TrackerConfig = field(default_factory=TrackerConfig)
    seed: int = option("seed of the hypotheses, so that a result can be replayed", 0, range=(0, 2**31 - 1))

    @property
    def session(self) -> SessionConfig:
        """As the session takes it."""
        return SessionConfig(self.heading, self.prior, self.datum, self.tracker, self.camera.rectified)


def replay_config(
    description: DriveDescription | None, params: Path | None, assignments: Iterable[str], datum: Datum | None
) -> ReplayConfig:
    """The configuration: of the drive, overruled by the parameter file, overruled by NAME:=VALUE assignments.

    datum: of the truth, where nothing else tells one.
    """
    values: dict[str, Any] = {} if datum is None else _named("datum", asdict(datum))
    if description is not None:
        values |= _named("datum", asdict(description.datum)) | _named("camera", asdict(description.mount))
    if params is not None:
        values |= _of_file(params)
    return build(ReplayConfig, values | dict(map(_assignment, assignments)))


def _named(group: str, values: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{group}.{name}": value for name, value in values.items()}


def _assignment(text: str) -> tuple[str, Any]:
    name, sign, value = text.partition(":=")
    if not sign:
        raise InputError(f"-p {text} is not understood: expected NAME:=VALUE")
    return name, _parsed(value, f"-p {text}")


def _of_file(path: Path) -> dict[str, Any]:
    """Dotted names and values of a ROS parameter file, without those that only mean something to the node."""
    try:
        document = _parsed(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read as a parameter file: {error}") from error
    values: dict[str, Any] = {}
    for node in document.values() if isinstance(document, dict) else ():
        parameters = node.get("ros__parameters") if isinstance(node, dict) else None
        if not isinstance(parameters, dict):
            raise InputError(f"{path} is not a ROS parameter file: expected ros__parameters below each name")
        values |= _flat(parameters)
    return {name: value for name, value in values.items() if name.split(".")[0] in GROUPS and name not in TF_ONLY}


def _parsed(text: str, where: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InputError(f"{where} is not YAML: {' '.join(str(error).split())}") from error


def _flat(tree: Mapping[Any, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in tree.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return flat
