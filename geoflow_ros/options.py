"""One frozen dataclass as the only source of a parameter's name, type, default, unit, range and description."""

from __future__ import annotations

import dataclasses
import difflib
import typing
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass
from enum import Enum
from typing import Any, TypeVar, Union

from geoflow_ros.errors import InputError

Scalar = Union[bool, int, float, str, tuple[str, ...]]  # noqa: UP007 - evaluated on Python 3.10
"""What a parameter may be; texts in a row are a list to ROS and YAML."""
T = TypeVar("T")


def option(help: str, default: Any = MISSING, unit: str = "", range: tuple[float, float] | None = None) -> Any:
    """A dataclass field that is a parameter, with an inclusive range; it must be given if it has no default."""
    return dataclasses.field(default=default, metadata={"help": help, "unit": unit, "range": range})


WORDS: Mapping[type, str] = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}


@dataclass(frozen=True, slots=True)
class Option:
    """A parameter: dotted name, type, default (None if it must be given), description, range or choices."""

    name: str
    type: type[Scalar]
    default: Scalar | None
    help: str
    range: tuple[float, float] | None
    choices: tuple[str, ...]

    def parse(self, value: object) -> Scalar:
        """The value as this parameter's type; the wrong type, range or choice is an InputError."""
        if self.type is tuple:
            return self._texts(value)
        if self.type is float and type(value) is int:
            value = float(value)  # `-p camera.height:=2` is an integer to ROS
        if not isinstance(value, (bool, int, float, str)) or type(value) is not self.type:
            raise InputError(f"parameter {self.name} is {value!r}, expected {WORDS[self.type]}: {self.help}")
        if self.choices and value not in self.choices:
            raise InputError(f"parameter {self.name} is {value!r}, expected {' or '.join(self.choices)}: {self.help}")
        if self.range is not None and not isinstance(value, str) and not self.range[0] <= value <= self.range[1]:
            low, high = self.range
            raise InputError(f"parameter {self.name} is {value}, expected {low:g} to {high:g}: {self.help}")
        return value

    def _texts(self, value: object) -> tuple[str, ...]:
        """Without empty ones: ROS has no empty list of texts but [""]."""
        texts = tuple(value) if isinstance(value, (list, tuple)) else (value,)
        if not all(isinstance(text, str) for text in texts):
            raise InputError(f"parameter {self.name} is {value!r}, expected a list of texts: {self.help}")
        return tuple(text for text in map(str, texts) if text)


def options_of(settings: type[Any], prefix: str = "") -> Iterator[Option]:
    """Every parameter of a settings dataclass; a field that is a dataclass contributes its own under `field.`.

    A field that is neither, nor made by `option`, is no parameter.
    """
    hints = typing.get_type_hints(settings)
    for field in dataclasses.fields(settings):
        hint, name = hints[field.name], prefix + field.name
        if dataclasses.is_dataclass(hint):
            yield from options_of(typing.cast("type[Any]", hint), name + ".")
        elif "help" in field.metadata:
            yield _option(name, hint, field)


def build(settings: type[T], values: Mapping[str, object], **others: object) -> T:
    """The settings dataclass from dotted names and values; all unknown or all missing names in one InputError.

    others: fields that are no parameters.
    """
    known = {each.name: each for each in options_of(settings)}
    if unknown := [name for name in values if name not in known]:
        raise InputError(_unknown_sentence(unknown, list(known)))
    if missing := [each for each in known.values() if each.default is None and each.name not in values]:
        wanted = "; ".join(f"{each.name} ({each.help})" for each in missing)
        raise InputError(f"required parameter not set: {wanted}: give it in the parameter file or with -p NAME:=VALUE")
    parsed = {name: known[name].parse(value) for name, value in values.items()}
    built: T = _construct(settings, {**parsed, **others})
    return built


def _option(name: str, hint: Any, field: dataclasses.Field[Any]) -> Option:
    default = None if field.default is MISSING else field.default
    choices: tuple[str, ...] = ()
    if typing.get_origin(hint) is tuple:
        hint = tuple
    elif typing.get_origin(hint) is typing.Literal:
        choices, hint = typing.get_args(hint), str
    elif issubclass(hint, Enum):
        choices, hint = tuple(str(each.value) for each in hint), str
        default = str(default.value) if isinstance(default, Enum) else None
    unit = field.metadata.get("unit", "")
    text = field.metadata["help"] + (f" [{unit}]" if unit else "")
    return Option(name, hint, default, text, field.metadata.get("range"), choices)


def _construct(settings: type[Any], values: Mapping[str, object]) -> Any:
    hints = typing.get_type_hints(settings)
    arguments: dict[str, Any] = {}
    for field in dataclasses.fields(settings):
        hint = hints[field.name]
        if dataclasses.is_dataclass(hint):
            start = field.name + "."
            inner = {name[len(start) :]: value for name, value in values.items() if name.startswith(start)}
            arguments[field.name] = _construct(typing.cast("type[Any]", hint), inner)
        elif field.name in values:
            is_enum = isinstance(hint, type) and issubclass(hint, Enum)
            arguments[field.name] = hint(values[field.name]) if is_enum else values[field.name]
    return settings(**arguments)


def _unknown_sentence(unknown: Sequence[str], known: Sequence[str]) -> str:
    hints = []
    for name in unknown:
        close = difflib.get_close_matches(name, known, n=1)
        hints.append(f"{name} (did you mean {close[0]}?)" if close else name)
    groups = {name.partition(".")[0] for name in unknown}
    offered = dict.fromkeys(_offered(name, groups) for name in known)
    return f"unknown parameter {', '.join(hints)}: the parameters are {', '.join(offered)}"


def _offered(name: str, groups: Collection[str]) -> str:
    """A parameter's name, or that of its group, if it is none of these: there are a hundred parameters."""
    group, dot, _ = name.partition(".")
    return f"{group}.*" if dot and group not in groups else name
