"""Networks in 8 bits: what is rounded to which levels, and that OpenVINO computes the same on any processor."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.signal import correlate
from torch import Tensor, nn

from geoflow_ros.errors import InputError
from geoflow_ros.model.config import DefaultConfig, Runtime
from geoflow_ros.model.inference import engines
from geoflow_ros.model.inference.exported import example_inputs
from geoflow_ros.model.inference.prepare import prepare
from geoflow_ros.model.inference.quantization import RoundedInput, observed_ranges, quantizable, quantized
from geoflow_ros.model.inference.runtimes import Accelerated, disagreement, started
from geoflow_ros.model.interface import LocalizationModel
from geoflow_ros.model.matchflow import MatchFlow

SMALL = DefaultConfig(ground_height=32, ground_width=64, satellite_px=128, satellite_resolution=0.8125)


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "quantized"))
        yield


def images(model: LocalizationModel) -> tuple[Tensor, Tensor, Tensor]:
    inputs = example_inputs(model)
    ground, lift = inputs["ground"]
    return ground.permute(0, 3, 1, 2), lift, inputs["satellite"][0].permute(0, 3, 1, 2)


@pytest.fixture(scope="module")
def model() -> LocalizationModel:
    torch.manual_seed(0)
    model = prepare(MatchFlow(SMALL))
    model.input_ranges = observed_ranges(model, [images(model)])
    return model


@pytest.mark.parametrize(
    ("reach", "given", "expected"),
    [
        ((0.0, 2.55), [-1.0, 0.004, 0.006, 3.0], [0.0, 0.0, 0.01, 2.55]),
        ((-1.27, 0.5), [-2.0, 0.004, 0.006, 3.0], [-1.28, 0.0, 0.01, 1.27]),
        ((0.0, 0.0), [0.0, 0.0], [0.0, 0.0]),
    ],
)
def test_rounds_to_256_levels_from_0_or_around_it(
    reach: tuple[float, float], given: list[float], expected: list[float]
) -> None:
    assert RoundedInput(reach)(torch.tensor(given)).tolist() == pytest.approx(expected, abs=1e-6)


def test_a_range_is_the_least_and_the_most_that_is_read(model: LocalizationModel) -> None:
    assert isinstance(model, MatchFlow) and model.input_ranges is not None
    trunk, (ground, lift, _) = model.ground.pyramid.trunk, images(model)
    with torch.inference_mode():
        stem = trunk.act(trunk.conv_stem(trunk.normalise(ground)))
        features = model.ground.pyramid(ground)
    assert model.input_ranges["ground.pyramid.trunk.blocks.0.0.conv_dw"] == (0.0, pytest.approx(float(stem.max())))
    low, high = model.input_ranges["ground.pyramid.trunk.blocks.1.0.conv_pw"]
    assert low < 0.0 < high
    assert features.shape[1] == 32 and lift.shape[-1] == 2
    assert not any(hook for module in model.modules() for hook in module._forward_pre_hooks)


def test_a_convolution_adds_up_whole_numbers(model: LocalizationModel) -> None:
    name = "ground.body.body.0.0"
    assert model.input_ranges is not None
    convolution, (_, high) = model.get_submodule(name), model.input_ranges[name]
    assert isinstance(convolution, nn.Conv2d) and convolution.bias is not None
    x = high * torch.rand(1, convolution.in_channels, 5, 6, generator=torch.Generator().manual_seed(1))
    weight, step = convolution.weight.numpy().astype(float), high / 255
    filters = np.abs(weight).max((1, 2, 3)) / 127
    whole_weight = np.rint(weight / filters[:, None, None, None])
    whole_input = np.pad(np.rint(x[0].numpy() / step), ((0, 0), (1, 1), (1, 1)))
    expected = [correlate(whole_input, each, "valid")[0] for each in whole_weight]
    bias = convolution.bias.numpy()[:, None, None]
    ours = quantized(model).get_submodule(name)(x)[0].numpy()
    assert ours == pytest.approx(np.array(expected) * step * filters[:, None, None] + bias, rel=1e-3, abs=1e-3)


@pytest.mark.parametrize("native", [True, False])
def test_openvino_computes_it_on_any_processor(
    model: LocalizationModel, monkeypatch: pytest.MonkeyPatch, native: bool
) -> None:
    pytest.importorskip("openvino", reason="openvino is not installed")
    if not native:
        monkeypatch.setattr(engines, "computes_in_int8", lambda: False)
    faster = started(model, Runtime.OPENVINO_INT8)
    assert isinstance(faster, Accelerated)
    # Of two sums that differ in the last bit one may be rounded up, which the layers after it make more of.
    assert disagreement(quantized(model), faster.engine) < 0.1
    assert 1e-3 < disagreement(model, faster.engine) < 0.15


def test_ranges_that_lack_or_do_not_fit_are_said(model: LocalizationModel) -> None:
    other = prepare(MatchFlow(SMALL))
    with pytest.raises(
        InputError, match=r"which the checkpoint lacks: run `python -m geoflow_ros.checkpoint quantize`"
    ):
        started(other, Runtime.OPENVINO_INT8)
    other.input_ranges = {name: (0.0, 1.0) for name, _ in quantizable(other)} | {"ground.tail": (0.0, 1.0)}
    with pytest.raises(InputError, match=r"do not fit its network \(ground.tail\): quantize it again"):
        started(other, Runtime.OPENVINO_INT8)
