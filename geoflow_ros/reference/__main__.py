"""Writes the node's reference page, parameter file and SROS 2 policy from the declarations that it itself uses."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from geoflow_ros import cli
from geoflow_ros.errors import InputError

PAGE, PARAMETERS = Path("docs/REFERENCE.md"), Path("config/localize.yaml")
POLICY = Path("config/sros2/policy.xml")


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status of `geoflow_ros.reference`."""
    return cli.run(_parser(), _write_or_check, argv)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="geoflow_ros.reference", description=__doc__)
    parser.add_argument(
        "page", type=Path, nargs="?", metavar="PAGE", help=f"only the page; default: {PAGE}, {PARAMETERS}, {POLICY}"
    )
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 2 if one is not up to date")
    return parser


def _write_or_check(arguments: argparse.Namespace) -> None:
    try:
        from geoflow_ros.ros.tools.parameter_file import parameter_file
        from geoflow_ros.ros.tools.reference_page import reference_page
        from geoflow_ros.ros.tools.security_policy import security_policy
    except ImportError as error:
        raise InputError(f"the page is made from the node, which needs ROS 2 ({error}): source one") from error
    if arguments.page is None:
        _bring_up_to_date(PARAMETERS, parameter_file(), arguments.check)
        _bring_up_to_date(POLICY, security_policy(), arguments.check)
    _bring_up_to_date(arguments.page or PAGE, reference_page(), arguments.check)


def _bring_up_to_date(path: Path, text: str, only_check: bool) -> None:
    try:
        if not only_check:
            path.write_text(text, encoding="utf-8")
            print(f"wrote {path}")
        elif path.read_text(encoding="utf-8") != text:
            raise InputError(f"{path} is not up to date: run python -m geoflow_ros.reference")
        else:
            print(f"{path} is up to date")
    except OSError as error:
        raise InputError(f"{path} cannot be used ({error.strerror}): run it in the repository") from error


if __name__ == "__main__":
    raise SystemExit(main())
