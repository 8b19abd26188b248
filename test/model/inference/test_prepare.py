import pytest
import torch
from torch import nn

from geoflow_ros.model.config import DefaultConfig, PaperConfig
from geoflow_ros.model.geoflow import GeoFlow
from geoflow_ros.model.inference.prepare import prepare
from geoflow_ros.model.interface import LocalizationModel
from geoflow_ros.model.matchflow import MatchFlow

DEFAULT = DefaultConfig(ground_height=32, ground_width=64, satellite_px=128, satellite_resolution=1.0)
PAPER = PaperConfig(ground_height=32, ground_width=64, satellite_px=64)


def with_statistics(model: LocalizationModel) -> LocalizationModel:
    """The model with batch-norms that do something."""
    generator = torch.Generator().manual_seed(1)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean = 0.1 * torch.randn(module.num_features, generator=generator)
            module.running_var = 0.5 + torch.rand(module.num_features, generator=generator)
            nn.init.uniform_(module.weight, 0.5, 1.5)
    return model.eval()


@pytest.mark.parametrize("model", [MatchFlow(DEFAULT), GeoFlow(PAPER)], ids=["default", "paper"])
def test_the_prepared_network_is_the_same_function_without_batch_norms(model: LocalizationModel) -> None:
    reference = with_statistics(model)
    prepared = prepare(reference)
    assert any(isinstance(module, nn.BatchNorm2d) for module in reference.modules())
    assert not any(isinstance(module, nn.BatchNorm2d) for module in prepared.modules())
    generator = torch.Generator().manual_seed(0)
    ground, satellite = (
        torch.randint(0, 255, (1, 3, *size), dtype=torch.uint8, generator=generator)
        for size in ((32, 64), 2 * (model.config.satellite_px,))
    )
    shape = model.config.lift_shape
    lift = None if shape is None else torch.rand(1, *shape, 2, generator=generator) * 2 - 1
    hypotheses = torch.rand(1, 5, 3, generator=generator)
    with torch.inference_mode():
        ours, theirs = (each.flow(each.encode(ground, satellite, lift), hypotheses) for each in (prepared, reference))
    assert torch.allclose(ours.log_distance, theirs.log_distance, atol=1e-3)
    assert torch.allclose(ours.direction, theirs.direction, atol=1e-3)
    assert torch.allclose(ours.kappa, theirs.kappa, atol=1e-3)
