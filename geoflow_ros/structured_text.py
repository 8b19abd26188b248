"""JSON and YAML that others wrote: plain values of bounded size and depth, or a ValueError that says what is wrong.

Stricter than `json` and `yaml`: a key that stands there twice, an integer wider than 64 bits, a number of JSON that is
not finite, a text that is none to the file system, and YAML's aliases (which ROS refuses too) are errors.
"""

from __future__ import annotations

import json
import math
from collections.abc import Hashable, Iterable
from pathlib import Path
from typing import Any

import yaml

MAX_JSON_BYTES, MAX_YAML_BYTES = 64 << 20, 1 << 20
MAX_DEPTH = 64
"""Of lists and mappings in one another: GeoJSON has a dozen, and whoever walks through a value may recurse."""
_YAML_ERRORS = (yaml.YAMLError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError)
"""PyYAML's own, and what its constructors let through of a tag that does not fit the text: `!!timestamp x`."""


def read_json(path: Path) -> Any:
    """The value of a JSON file; OSError where it cannot be read."""
    return parse_json(_content(path, MAX_JSON_BYTES))


def read_yaml(path: Path) -> Any:
    """The value of a YAML file; OSError where it cannot be read."""
    return parse_yaml(_content(path, MAX_YAML_BYTES))


def parse_json(content: str | bytes) -> Any:
    """The value of a JSON text, with or without a byte order mark."""
    text = _decoded(content, MAX_JSON_BYTES)
    try:
        return _checked(json.loads(text, object_pairs_hook=_unique, parse_constant=_finite, parse_float=_finite))
    except RecursionError:
        raise _too_deep() from None


def parse_yaml(content: str | bytes) -> Any:
    """The value of a YAML text of one document, with or without a byte order mark."""
    text = _decoded(content, MAX_YAML_BYTES)
    try:
        return _checked(yaml.load(text, _Loader))
    except _YAML_ERRORS as error:
        raise ValueError(" ".join(str(error).split())) from error
    except RecursionError:
        raise _too_deep() from None


class _Loader(yaml.SafeLoader):  # type: ignore[misc]  # PyYAML has no types
    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise ValueError("it has an alias (`*name`), with which a small file can hold any number of values")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        _unique((self.construct_object(key, deep=True), None) for key, _ in node.value)
        return super().construct_mapping(node, deep)


def _content(path: Path, limit: int) -> bytes:
    with path.open("rb") as file:
        return file.read(limit + 1)


def _decoded(content: str | bytes, limit: int) -> str:
    if len(content) > limit:
        raise ValueError(f"it has more than {limit >> 20} MB")
    return content.removeprefix("\ufeff") if isinstance(content, str) else content.decode("utf-8-sig")


def _unique(pairs: Iterable[tuple[Hashable, Any]]) -> dict[Hashable, Any]:
    values: dict[Hashable, Any] = {}
    for key, value in pairs:
        if key in values:
            raise ValueError(f"key {key!r} stands there twice")
        values[key] = value
    return values


def _checked(value: Any) -> Any:
    level, depth = [value], 0
    while level:
        if depth > MAX_DEPTH:
            raise _too_deep()
        for each in level:
            _check_scalar(each)
        level, depth = [inner for each in level for inner in _inside(each)], depth + 1
    return value


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return (each for pair in value.items() for each in pair)
    return value if isinstance(value, list) else ()


def _check_scalar(value: Any) -> None:
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        raise ValueError(f"an integer of {value.bit_length()} bits does not fit 64")
    if isinstance(value, str) and ("\0" in value or any("\ud800" <= each <= "\udfff" for each in value)):
        raise ValueError(f"text {value[:40]!r} has a NUL or half a character in it")


def _finite(text: str) -> float:
    if not math.isfinite(value := float(text)):
        raise ValueError(f"{text} is not a finite number")
    return value


def _too_deep() -> ValueError:
    return ValueError(f"it is nested more than {MAX_DEPTH} deep")
