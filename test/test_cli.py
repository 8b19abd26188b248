import argparse
import errno
import os
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from paths import REPOSITORY

from geoflow_ros import cli
from geoflow_ros.errors import InputError


def failing_with(error: BaseException) -> int:
    def main(_: argparse.Namespace) -> None:
        raise error

    return cli.run(argparse.ArgumentParser(prog="geoflow_ros.thing"), main, [])


def test_bad_input_is_one_sentence_and_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert failing_with(InputError("zoom 99 is not a zoom")) == 2
    assert capsys.readouterr().err == "geoflow_ros.thing: zoom 99 is not a zoom\n"


def test_an_outdated_package_is_told_before_anything_is_done(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metadata, "requires", lambda _: ["pytest>=1000"])
    assert failing_with(AssertionError("begun")) == 2
    assert re.fullmatch(r"geoflow_ros\.thing: pytest [\d.]+ is too old: .*\n", capsys.readouterr().err)


def test_a_full_disk_is_one_sentence_and_another_fault_of_the_system_is_not_hidden(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert failing_with(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))) == 2
    told = "geoflow_ros.thing: No space left on device: free some disk and run it again\n"
    assert capsys.readouterr().err == told
    with pytest.raises(OSError, match="Bad file descriptor"):
        failing_with(OSError(errno.EBADF, os.strerror(errno.EBADF)))


def test_a_file_that_can_be_written_is_not_made_beforehand(tmp_path: Path) -> None:
    new, old, link = tmp_path / "a" / "new", tmp_path / "old", tmp_path / "link"
    old.write_text("old")
    link.symlink_to(tmp_path / "a" / "new")
    for each in (new, old, link):
        cli.prepare_file(each)
    assert not new.exists() and link.is_symlink() and old.read_text() == "old"
    with pytest.raises(InputError, match="cannot be written: Is a directory"):
        cli.prepare_file(tmp_path)


@pytest.mark.parametrize("name", ["robot.yaml", "robot.yaml/mount"])
def test_a_file_in_place_of_an_output_folder_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "robot.yaml").write_text("")
    with pytest.raises(InputError, match=r"cannot be written: .*robot.yaml is a file, give the name of a folder"):
        cli.prepare_folder(tmp_path / name)


def test_ctrl_c_is_status_130() -> None:
    assert failing_with(KeyboardInterrupt()) == 130


def test_a_fault_of_ours_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        failing_with(ZeroDivisionError())


def test_a_reader_that_stops_reading_is_no_error() -> None:
    script = (
        "import argparse; from geoflow_ros.cli import run;"
        "raise SystemExit(run(argparse.ArgumentParser(), lambda _: [print('x' * 9999) for _ in range(999)], []))"
    )
    command = f'{sys.executable} -c "{script}" | head -c 1'
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "x", "")


def test_commands_without_a_network_do_not_wait_for_torch() -> None:
    commands = ("demo", "kitti2bag", "localize", "reference", "tiles", "town", "view")
    modules = ", ".join(f"geoflow_ros.{each}.__main__" for each in commands)
    script = f"import sys, {modules}; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout.endswith("False\n")
