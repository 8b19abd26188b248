"""The shipped parameter file, made from the declarations that the node itself uses."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator

from geoflow_ros.configuration import NodeConfig
from geoflow_ros.options import Option, Scalar, options_of

HEAD = """\
# Every parameter of the node `localize` with its default; the commented ones have none: `tiles` must be given, and so
# must the camera's mount unless camera.from_tf is set; here, as launch arguments or as `-p NAME:=VALUE`. Those of
# localizer, tracker (tracker.belief from the next start of the track on) and datum can be changed at run time, the
# others are read once. Units are in brackets.
/**:
  ros__parameters:
"""
WIDTH = 118


def parameter_file() -> str:
    """The whole file (YAML)."""
    lines: list[str] = []
    open_groups: list[str] = []
    for each in options_of(NodeConfig):
        *groups, _ = each.name.split(".")
        for depth, group in enumerate(groups):
            if open_groups[depth : depth + 1] != [group]:
                lines.append(f"{_indent(depth)}{group}:")
                open_groups[depth:] = [group]
        open_groups[len(groups) :] = []
        lines += _entry(each, _indent(len(groups)))
    return HEAD + "\n".join(lines) + "\n"


def is_left_to_the_user(each: Option) -> bool:
    """Whether there is no default, or one that is out of range: nan, which a file cannot give."""
    return each.default is None or (_is_nan(each.default) and each.range is not None)


def _entry(each: Option, indent: str) -> Iterator[str]:
    text = each.help[0].upper() + each.help[1:]
    if each.range is not None:
        text += f", {each.range[0]:g} to {each.range[1]:g}"
    if not all(choice in each.help for choice in each.choices):
        text += f" ({', '.join(each.choices)})"
    yield from (f"{indent}# {line}" for line in textwrap.wrap(text + ".", WIDTH - len(indent)))
    leaf = each.name.split(".")[-1]
    yield f"{indent}# {leaf}:" if is_left_to_the_user(each) else f"{indent}{leaf}: {_yaml(each.default)}"


def _yaml(value: Scalar | None) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(value)}]" if value else '[""]'
    if _is_nan(value):
        return ".nan"
    return '""' if value == "" else str(value)


def _is_nan(value: Scalar | None) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _indent(depth: int) -> str:
    return "  " * (depth + 2)
