"""What a replay is given, from a drive's description, a parameter file and the command line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from geoflow_ros.configuration import NodeConfig, configured, is_own
from geoflow_ros.datasets.bag_drive import DriveDescription
from geoflow_ros.errors import InputError
from geoflow_ros.geodesy import Datum
from geoflow_ros.replay.tf_mounts import TfMount, mounts_of_tf
from geoflow_ros.structured_text import parse_yaml, read_yaml


def replay_config(
    description: DriveDescription | None,
    params: Path | None,
    assignments: Iterable[str],
    datum: Datum | None,
    tiles: str,
    checkpoint: Path | None,
    tf_mounts: Callable[[tuple[str, ...]], TfMount] | None = None,
) -> NodeConfig:
    """The node's configuration: of the drive, overruled by the parameter file, by NAME:=VALUE and by the options.

    datum: of the truth, where nothing else states one. A mount from TF is the one that the drive's description states,
    else that which `tf_mounts` finds, of the cameras that are played.
    """
    values: dict[str, Any] = {} if datum is None else _named("datum", asdict(datum))
    given = ({} if params is None else _of_file(params)) | dict(map(_assignment, assignments))
    if description is not None:
        values |= _named("datum", asdict(description.datum)) | {"cameras": list(description.cameras)}
        values |= description.camera_parameters(_names(given.get("cameras", values["cameras"])))
    of_tf = [name for name in given if name.startswith("camera.") and name.endswith(".from_tf")]
    stated, cameras = values | given, _names((values | given).get("cameras"))
    values = stated | ({} if tf_mounts is None else mounts_of_tf(stated, cameras, tf_mounts(cameras)))
    values |= dict.fromkeys(["camera.from_tf", *of_tf], False) | {"tiles": tiles}
    if checkpoint is not None:
        values["checkpoint"] = str(checkpoint)
    return configured(values)


def _names(cameras: object) -> tuple[str, ...]:
    """Of a rig; none of a single camera."""
    return tuple(str(name) for name in cameras if name) if isinstance(cameras, list) else ()


def _named(group: str, values: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{group}.{name}": value for name, value in values.items()}


def _assignment(text: str) -> tuple[str, Any]:
    name, sign, value = text.partition(":=")
    if not sign:
        raise InputError(f"-p {text} is not understood: expected NAME:=VALUE")
    try:
        return name, parse_yaml(value)
    except ValueError as error:
        raise InputError(f"-p {text} is not YAML: {error}") from error


def _of_file(path: Path) -> dict[str, Any]:
    """Dotted names and values of a ROS parameter file, without those that the middleware reads."""
    try:
        document = read_yaml(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as a parameter file: {error}") from error
    values: dict[str, Any] = {}
    for node in document.values() if isinstance(document, dict) else ():
        parameters = node.get("ros__parameters") if isinstance(node, dict) else None
        if not isinstance(parameters, dict):
            raise InputError(f"{path} is not a ROS parameter file: expected ros__parameters below each name")
        values |= _flat(parameters)
    if values.get("cameras") in ([], [""]):
        del values["cameras"]  # the shipped file's, which names none
    return {name: value for name, value in values.items() if is_own(name)}


def _flat(tree: Mapping[Any, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in tree.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return flat
