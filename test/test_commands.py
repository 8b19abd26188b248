"""`python -m geoflow_ros` names every command."""

import subprocess
import sys

import pytest
from paths import REPOSITORY

from geoflow_ros.__main__ import COMMANDS, main


def test_all_commands_are_named_and_no_other(capsys: pytest.CaptureFixture[str]) -> None:
    there = {file.parent.name for file in (REPOSITORY / "geoflow_ros").glob("*/__main__.py")}
    assert set(COMMANDS) == there
    assert main(["--help"]) == 0
    listed = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in listed[2:]] == [*COMMANDS]


@pytest.mark.parametrize(
    ("asked", "told"), [("replay", "python -m geoflow_ros.replay ..."), ("doctor", "python -m geoflow_ros.COMMAND ...")]
)
def test_a_command_behind_a_space_is_told_how_it_is_run(asked: str, told: str) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "geoflow_ros", asked], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert run.returncode == 2 and run.stdout == ""
    assert run.stderr.splitlines()[0] == f"geoflow_ros: {asked} is not run like this: {told}"
