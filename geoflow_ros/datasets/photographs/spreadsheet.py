"""Tables as people and their spreadsheets write them: commas, semicolons or tabs between the values."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from geoflow_ros.errors import InputError

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs"}
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
"""How a file begins that a spreadsheet saved as "Unicode text"."""


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a table. values: those that are not empty, by column; surplus: more values than columns."""

    line: int
    values: Mapping[str, str]
    surplus: bool
    decimal_comma: bool

    def number(self, column: str) -> float:
        """A value as a number; a ValueError that names it. A comma is a decimal point where it separates nothing."""
        text = self.values[column]
        try:
            return float(text.replace(",", ".") if self.decimal_comma else text)
        except ValueError:
            remedy = ": write it with a decimal point" if "," in text else ""
            raise ValueError(f"{column} {text!r} is no number{remedy}") from None


def read_table(path: Path, columns: Sequence[str]) -> list[Row]:
    """The rows that are not empty; an InputError for a file that is no table with these columns, in any case."""
    try:
        text = _decoded(path.read_bytes())
        separator = _separator(text, columns)
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True)
        lines = [(reader.line_num, [value.strip() for value in values]) for values in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(
            f"{path} cannot be read ({error}): expected a table in UTF-8, its values separated by "
            f"{', '.join(SEPARATORS.values())}"
        ) from error
    lines = [(number, values) for number, values in lines if any(values)]  # spreadsheets end in rows of separators
    names = [name.lower() for name in lines[0][1]] if lines else []
    if missing := [name for name in columns if name not in names]:
        raise InputError(
            f"{path} has no column {', '.join(missing)}, but {'; '.join(names)!r}: its first line names the columns, "
            f"separated by {', '.join(SEPARATORS.values())}"
        )
    if twice := [name for name in dict.fromkeys(names) if name and names.count(name) > 1]:
        raise InputError(f"{path} has two columns {', '.join(twice)}: which one is meant? Rename the other")
    return [_row(number, names, values, separator != ",") for number, values in lines[1:]]


def _decoded(content: bytes) -> str:
    return content.decode("utf-16" if content.startswith(_UTF16) else "utf-8-sig")


def _separator(text: str, columns: Sequence[str]) -> str:
    """What splits the first line into the most of the columns; a comma where nothing does."""
    first = text.lstrip().partition("\n")[0].lower()
    return max(SEPARATORS, key=lambda each: len({name.strip(' "\r') for name in first.split(each)} & set(columns)))


def _row(number: int, names: Sequence[str], values: Sequence[str], decimal_comma: bool) -> Row:
    filled = {name: value for name, value in zip(names, values, strict=False) if value and name}
    return Row(number, filled, any(values[len(names) :]), decimal_comma)
