"""The reference page of the node `localize`, made from the declarations that the node itself uses."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import groupby

from geoflow_ros.configuration import NodeConfig
from geoflow_ros.options import Option, Scalar, options_of
from geoflow_ros.ros.interfaces import CHANGEABLE_AT_RUN_TIME, SERVICES, TOPICS, TRANSFORMS, Service, Topic, Transform

HEAD = """\
# Reference of the node `localize`

Made by `python -m geoflow_ros.reference`; `--check` reports whether it is up to date. How things fit together is in
[ROS.md](ROS.md). Metres, radians and seconds unless a unit says otherwise; yaw is counter-clockwise from east.
"""
TOPICS_NOTE = """\
Names are relative to the node's namespace and may be remapped; one with a leading slash is not. Of a rig (`cameras`)
`image`, `image/compressed` and `camera_info` are there for each camera, as `NAME/image` and so on. History is always
`keep last`. "By parameter": `image_reliability` decides between reliable and best effort. Every pose carries the stamp
of its image.
"""
SERVICES_NOTE = """\
The node is a lifecycle node: `~/change_state`, `~/get_state` and its other standard services come with that, as do
those of the parameters. A refused `Trigger` says why in its `message`.
"""
PARAMETERS_NOTE = """\
An unknown name, a wrong type or a value outside its range ends the node at the start with one sentence, and is refused
with the same sentence at run time. "Run time: yes" can be changed with `ros2 param set`. A default of "-" means that
the parameter must be given, `nan` that it is not set. A file with all of them is
[config/localize.yaml](../config/localize.yaml). Of a rig every `camera.*` is there for each camera, too, as
`camera.NAME.*`, and overrules `camera.*`, which all of them share.
"""
ROS_TYPES: dict[type[Scalar], str] = {bool: "bool", int: "integer", float: "double", str: "string", tuple: "string[]"}


def reference_page() -> str:
    """The whole page (Markdown)."""
    sections = [
        HEAD,
        "## Subscribed topics\n",
        TOPICS_NOTE,
        topic_table([each for each in TOPICS if each.direction == "in"]),
        "## Published topics\n",
        topic_table([each for each in TOPICS if each.direction == "out"]),
        "## Services\n",
        SERVICES_NOTE,
        _table(("Service", "Type", "Meaning"), map(service_row, SERVICES)),
        "## Transforms\n",
        transform_table(TRANSFORMS),
        "## Parameters\n",
        PARAMETERS_NOTE,
        *parameter_sections(list(options_of(NodeConfig))),
    ]
    return "\n".join(sections)


def service_row(service: Service) -> tuple[str, str, str]:
    """Name, type and meaning of a service."""
    needs = f"; only where {service.needs} is installed" if service.needs else ""
    return _code(service.name), service.type, service.help + needs


def topic_table(topics: Iterable[Topic]) -> str:
    """Name, type, quality of service, frame and meaning of topics."""
    rows = ((_code(each.name), each.type, _qos(each), _frame(each.frame), each.help) for each in topics)
    return _table(("Topic", "Type", "QoS", "frame_id", "Meaning"), rows)


def transform_table(transforms: Iterable[Transform]) -> str:
    """Frames, direction and meaning of transforms."""
    verbs = {"in": "looked up", "out": "broadcast"}
    rows = ((_frame(each.parent), _frame(each.child), verbs[each.direction], each.help) for each in transforms)
    return _table(("Parent", "Child", "Is", "Meaning"), rows)


def parameter_sections(options: Sequence[Option]) -> Iterable[str]:
    """A heading and a table for every group of parameters, those of no group first."""
    for group, members in groupby(sorted(options, key=_group), key=_group):
        yield f"### {_code(group) if group else 'Without a group'}\n"
        rows = (_parameter(each) for each in members)
        yield _table(("Parameter", "Type", "Default", "Unit", "Range", "Run time", "Meaning"), rows)


def _parameter(each: Option) -> tuple[str, ...]:
    meaning, unit = split_unit(each.help)
    allowed = ", ".join(map(_code, each.choices))
    if each.range is not None:
        allowed = " to ".join(_number(limit, each.type) for limit in each.range)
    changeable = "yes" if each.name.startswith(CHANGEABLE_AT_RUN_TIME) else "no"
    return _code(each.name), ROS_TYPES[each.type], _default(each.default), unit, allowed, changeable, meaning


def split_unit(text: str) -> tuple[str, str]:
    """An option's description without its unit, and the unit ("" for none)."""
    match = re.fullmatch(r"(.*) \[([^\]]+)\]", text)
    return (match[1], match[2]) if match else (text, "")


def _default(value: Scalar | None) -> str:
    if isinstance(value, bool):
        return _code(str(value).lower())
    if isinstance(value, tuple):
        value = f"[{', '.join(value)}]"
    return "-" if value is None else _code(str(value) if value != "" else '""')


def _number(value: float, kind: type[Scalar]) -> str:
    return str(int(value)) if kind is int else f"{value:g}"


def _group(each: Option) -> str:
    return each.name.rpartition(".")[0]


def _qos(topic: Topic) -> str:
    reliability = {"reliable": "reliable", "best_effort": "best effort", "by_parameter": "by parameter"}
    words = [reliability[topic.qos.reliability], f"depth {topic.qos.depth}"]
    if topic.qos.durability == "transient_local":
        words.append("transient local")
    return ", ".join(words)


def _frame(name: str) -> str:
    return _code(name) if name.endswith("_frame") else name or "-"


def _code(text: str) -> str:
    return f"`{text}`"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table with a blank line after it."""
    lines = (" | ".join(cell.replace("|", "\\|") for cell in row) for row in [heads, ["---"] * len(heads), *rows])
    return "".join(f"| {line} |\n" for line in lines)
