"""Commands without a package that they import: one sentence with what mends it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from paths import REPOSITORY


def ended(folder: Path, missing: str, *command: str) -> tuple[int, list[str]]:
    """Status and lines of errors of a Python for which a module is not there."""
    (folder / f"{missing}.py").write_text(f"raise ModuleNotFoundError('No module named {missing}', name='{missing}')")
    environment = os.environ | {"PYTHONPATH": f"{folder}:{REPOSITORY}"}
    done = subprocess.run([sys.executable, *command], env=environment, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stderr.splitlines()


@pytest.mark.parametrize(
    ("command", "missing", "source"),
    [
        ("replay", "cv2", "opencv-python-headless"),
        ("tiles", "mercantile", "mercantile"),
        ("checkpoint", "safetensors", "safetensors"),
    ],
)
def test_a_command_names_what_is_missing(tmp_path: Path, command: str, missing: str, source: str) -> None:
    told = f"geoflow_ros.{command}: Python module {missing} is not installed: pip install {source}"
    assert ended(tmp_path, missing, "-m", f"geoflow_ros.{command}", "--help") == (2, [told])


def test_so_does_the_script_of_a_workspace(tmp_path: Path) -> None:
    script = tmp_path / "lib" / "geoflow_ros" / "evaluate"
    script.parent.mkdir(parents=True)
    script.write_text("from geoflow_ros.evaluate.__main__ import main\nmain()\n")
    told = "geoflow_ros.evaluate: Python module scipy is not installed: pip install scipy"
    assert ended(tmp_path, "scipy", str(script)) == (2, [told])


def test_another_program_that_imports_the_package_ends_as_it_would(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("import geoflow_ros.camera\n")
    for command in (["-m", "mine"], [str(tmp_path / "mine.py")]):
        status, lines = ended(tmp_path, "cv2", *command)
        assert (
            status == 1 and lines[0].startswith("Traceback") and lines[-1] == "ModuleNotFoundError: No module named cv2"
        )
