"""A small network."""

import pytest
import torch
from patch_encoding import SMALL

from geoflow_ros.model.matchflow import MatchFlow


@pytest.fixture(scope="module")
def model() -> MatchFlow:
    torch.manual_seed(0)
    return MatchFlow(SMALL).eval().requires_grad_(False)
