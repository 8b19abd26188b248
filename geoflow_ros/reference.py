"""Writes the reference page of the node: every parameter, topic, transform and service, from their declarations."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from geoflow_ros import cli
from geoflow_ros.errors import InputError

PAGE = Path("docs/REFERENCE.md")


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status of `geoflow_ros.reference`."""
    return cli.run(_parser(), _write_or_check, argv)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="geoflow_ros.reference", description=__doc__)
    parser.add_argument("page", type=Path, nargs="?", default=PAGE, metavar="PAGE", help="default %(default)s")
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 2 if PAGE is not up to date")
    return parser


def _write_or_check(arguments: argparse.Namespace) -> None:
    try:
        from geoflow_ros.ros.reference import reference_page
    except ImportError as error:
        raise InputError(f"the page is made from the node, which needs ROS 2 ({error}): source one") from error
    text = reference_page()
    try:
        if not arguments.check:
            arguments.page.write_text(text, encoding="utf-8")
        elif arguments.page.read_text(encoding="utf-8") != text:
            raise InputError(
                f"{arguments.page} is not up to date: run python -m geoflow_ros.reference {arguments.page}"
            )
    except OSError as error:
        raise InputError(f"{arguments.page} cannot be used ({error.strerror}): give the path of the page") from error


if __name__ == "__main__":
    raise SystemExit(main())
