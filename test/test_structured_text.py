"""JSON and YAML of others: what is refused, and that nothing else in the package parses them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from paths import REPOSITORY

from geoflow_ros.structured_text import MAX_DEPTH, MAX_JSON_BYTES, parse_json, parse_yaml, read_json, read_yaml

OWN_LOG = "geoflow_ros/train/runlog.py"
"""A run's own figures, with NaN where there is none."""
PARSING = re.compile(r"\bjson\.loads?\(|\byaml\.(safe_|full_|unsafe_)?(load|parse|compose)")


@pytest.mark.parametrize("parse", [parse_json, parse_yaml])
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[" * (MAX_DEPTH + 1) + "0" + "]" * (MAX_DEPTH + 1), f"nested more than {MAX_DEPTH} deep"),
        ('{"a":' * 100_000, f"nested more than {MAX_DEPTH} deep"),
        ('{"a": 1, "b": {"c": 2, "c": 3}}', "'c' stands there twice"),
        ('{"a": 18446744073709551616}', "65 bits does not fit 64"),
        ('["a\\u0000b"]', "NUL"),
        ('{"\\ud800": 1}', "half a character"),
    ],
)
def test_what_no_one_means_is_refused_in_both(parse: object, text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse(text)  # type: ignore[operator]


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999"])
def test_numbers_of_json_are_finite(number: str) -> None:
    with pytest.raises(ValueError, match=f"{number} is not a finite number"):
        parse_json(f'{{"a": [{number}]}}')


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: &x [1]\nb: *x", "alias"),
        ("a: 2001-99-99", "month must be in 1..12"),
        ("!!timestamp x", "NoneType"),
        ("a: [", "while parsing a flow node"),
        ("a: 1\n---\nb: 2", "expected a single document"),
        ("a: !!python/name:sum", "could not determine a constructor"),
    ],
)
def test_what_yaml_adds_to_that_is_refused_on_one_line(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as refused:
        parse_yaml(text)
    assert "\n" not in str(refused.value)


def test_values_are_as_written() -> None:
    deepest = "[" * MAX_DEPTH + "0" + "]" * MAX_DEPTH
    assert parse_json(deepest) == parse_yaml(deepest)
    assert parse_json('{"a": [1.5, -9223372036854775808, null]}') == {"a": [1.5, -(2**63), None]}
    assert parse_yaml("a: {b: .inf, c: [x, 2]}") == {"a": {"b": float("inf"), "c": ["x", 2]}}


def test_a_byte_order_mark_is_no_part_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b'\xef\xbb\xbf{"a": 1}')
    assert read_json(path) == read_yaml(path) == parse_json(path.read_text(encoding="utf-8")) == {"a": 1}


def test_no_more_is_read_than_the_limit() -> None:
    with pytest.raises(ValueError, match=f"more than {MAX_JSON_BYTES >> 20} MB"):
        read_json(Path("/dev/zero"))
    with pytest.raises(ValueError, match="more than 1 MB"):
        read_yaml(Path("/dev/zero"))


def test_nothing_else_parses_json_or_yaml() -> None:
    files = {
        file.relative_to(REPOSITORY).as_posix(): file.read_text(encoding="utf-8")
        for file in (REPOSITORY / "geoflow_ros").rglob("*.py")
    }
    assert {name for name, text in files.items() if PARSING.search(text)} == {
        "geoflow_ros/structured_text.py",
        OWN_LOG,
    }
