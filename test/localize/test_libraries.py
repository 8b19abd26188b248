"""What the node says of libraries that are not there, or not for the NumPy that is."""

from __future__ import annotations

import sys
from importlib.abc import MetaPathFinder

import pytest

from geoflow_ros.localize.__main__ import main

ANOTHER_NUMPY = "pip install 'numpy<2' where that is of NumPy"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ImportError("numpy.core.multiarray failed to import"), ANOTHER_NUMPY),  # OpenCV's
        (ValueError("numpy.dtype size changed, may indicate binary incompatibility"), ANOTHER_NUMPY),  # SciPy's
        (
            ModuleNotFoundError("No module named 'mercantile'", name="mercantile"),
            "not installed: pip install mercantile",
        ),
        (ModuleNotFoundError("No module named 'rclpy'", name="rclpy"), "installed: source a ROS 2"),
    ],
    ids=["OpenCV", "SciPy", "pip's", "of ROS"],
)
def test_what_cannot_be_imported_is_one_sentence_with_the_remedy(
    error: Exception, told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Failing(MetaPathFinder):
        def find_spec(self, name: str, *_: object) -> None:
            if name == "geoflow_ros.ros.loading":
                raise error

    monkeypatch.delitem(sys.modules, "geoflow_ros.ros.loading", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Failing(), *sys.meta_path])
    assert main([]) == 2
    sentence = capsys.readouterr().err
    assert sentence.startswith("geoflow_ros.localize: ") and told in sentence and sentence.count("\n") == 1
