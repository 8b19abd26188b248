"""A small drive in the very format of KITTI raw."""

from pathlib import Path

import pytest
from kitti_raw_tree import write_tree


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the small drive."""
    root = tmp_path_factory.mktemp("kitti")
    write_tree(root)
    return root
