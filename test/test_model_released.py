"""Checkpoints under the authors' names: names and shapes are listed here on their own, from the published layout."""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from model_reference import b0_reference
from torch import Tensor, nn

from geoflow_ros.errors import InputError
from geoflow_ros.model.base import Flow
from geoflow_ros.model.released import import_released

State = dict[str, Tensor]
Shapes = dict[str, tuple[int, ...]]
# EfficientNet-B0: (expansion, kernel, input channels, output channels) of the blocks of each stage
B0_STAGES = [
    [(1, 3, 32, 16)],
    [(6, 3, 16, 24), (6, 3, 24, 24)],
    [(6, 5, 24, 40), (6, 5, 40, 40)],
    [(6, 3, 40, 80), (6, 3, 80, 80), (6, 3, 80, 80)],
    [(6, 5, 80, 112), (6, 5, 112, 112), (6, 5, 112, 112)],
    [(6, 5, 112, 192), (6, 5, 192, 192), (6, 5, 192, 192), (6, 5, 192, 192)],
    [(6, 3, 192, 320)],
]


def norm_shapes(name: str, channels: int) -> Shapes:
    """A batch-norm's entries."""
    shapes: Shapes = {f"{name}.{key}": (channels,) for key in ("weight", "bias", "running_mean", "running_var")}
    return {**shapes, f"{name}.num_batches_tracked": ()}


def b0_shapes() -> Shapes:
    """timm's efficientnet_b0 as a feature extractor."""
    shapes: Shapes = {"conv_stem.weight": (32, 3, 3, 3), **norm_shapes("bn1", 32)}
    for s, stage in enumerate(B0_STAGES):
        for b, (expansion, kernel, inputs, outputs) in enumerate(stage):
            name, inner, reduced = f"blocks.{s}.{b}", expansion * inputs, inputs // 4
            first, last = ("conv_dw", "conv_pw") if s == 0 else ("conv_pw", "conv_pwl")
            shapes[f"{name}.conv_dw.weight"] = (inner, 1, kernel, kernel)
            if s > 0:
                shapes[f"{name}.{first}.weight"] = (inner, inputs, 1, 1)
            shapes[f"{name}.{last}.weight"] = (outputs, inner, 1, 1)
            for n, channels in enumerate([inner, outputs] if s == 0 else [inner, inner, outputs]):
                shapes |= norm_shapes(f"{name}.bn{n + 1}", channels)
            for layer, (to, of) in {"conv_reduce": (reduced, inner), "conv_expand": (inner, reduced)}.items():
                shapes |= {f"{name}.se.{layer}.weight": (to, of, 1, 1), f"{name}.se.{layer}.bias": (to,)}
    return shapes


def layers(name: str, sizes: dict[int, tuple[int, ...]]) -> Shapes:
    """Entries of a sequence: a (out, in) layer, a 1 x 1 convolution or a (channels,) LayerNorm at each index."""
    weights: Shapes = {f"{name}.{index}.weight": size for index, size in sizes.items()}
    return weights | {f"{name}.{index}.bias": size[:1] for index, size in sizes.items()}


def released_shapes(oriented: bool) -> Shapes:
    """All entries of a released state dict."""
    shapes: Shapes = {}
    for trunk in ("sat_extractor", "grd_extractor"):
        shapes |= {f"{trunk}.{name}": shape for name, shape in b0_shapes().items()}
    for projection in ("sat_proj", "grd_proj"):
        shapes |= {f"{projection}.weight": (128, 320, 1, 1), f"{projection}.bias": (128,)}
    shapes |= layers("coord_proj", {0: (8, 2), 1: (8,), 3: (16, 8), 4: (16,)})
    shapes |= {"cross_attention.in_proj_weight": (384, 128), "cross_attention.in_proj_bias": (384,)}
    shapes |= {"cross_attention.out_proj.weight": (128, 128), "cross_attention.out_proj.bias": (128,)}
    shapes |= layers("decoder_r", {0: (128, 144), 1: (128,), 3: (2, 128)})
    shapes |= layers("decoder_theta", {0: (128, 144), 1: (128,), 3: (3, 128)})
    if oriented:
        shapes |= layers("decoder_orientation", {0: (64, 144), 1: (64,), 4: (2, 64)})
    return shapes


def released_state(oriented: bool = False) -> State:
    """A released state dict with made-up weights of a trained network's magnitude."""
    generator = torch.Generator().manual_seed(5)
    state: State = {}
    for name, shape in released_shapes(oriented).items():
        noise = torch.randn(shape, generator=generator)
        if name.endswith("num_batches_tracked"):
            state[name] = torch.tensor(1000)
        elif name.endswith("running_var"):
            state[name] = 1.0 + 0.2 * noise.abs()
        elif len(shape) >= 2:
            state[name] = noise * (2.0 / math.prod(shape[1:])) ** 0.5
        elif name.endswith(".weight"):
            state[name] = 1.0 + 0.2 * noise
        else:
            state[name] = 0.2 * noise
    return state


def part(state: State, name: str) -> State:
    """The entries below a module."""
    return {key.removeprefix(f"{name}."): entry for key, entry in state.items() if key.startswith(f"{name}.")}


def sequence(state: State, x: Tensor) -> Tensor:
    """Linear, LayerNorm and ReLU layers as the entries' shapes tell them apart."""
    for index in sorted({int(key.partition(".")[0]) for key in state}):
        weight, bias = state[f"{index}.weight"], state[f"{index}.bias"]
        x = F.linear(x, weight, bias) if weight.dim() == 2 else F.relu(F.layer_norm(x, weight.shape, weight, bias))
    return x


def tokens(features: Tensor) -> Tensor:
    """(cells, 1, 128) of features (1, 128, H, W), with the place of each cell added number by number."""
    _, channels, height, width = features.shape
    place = torch.zeros(channels, height, width)
    for c in range(channels // 2):
        rate = 10_000.0 ** (-(c // 2) / (channels / 4))
        wave = math.sin if c % 2 == 0 else math.cos
        place[c] = torch.tensor([wave(rate * x) for x in range(width)])
        place[c + channels // 2] = torch.tensor([wave(rate * y) for y in range(height)])[:, None]
    return (features + place).reshape(channels, 1, -1).permute(2, 1, 0)


def reference_pooled(state: State, ground: Tensor, satellite: Tensor) -> Tensor:
    """The pooled vector (1, 128), step by step."""
    seen = {}
    for side, image in (("grd", ground), ("sat", satellite)):
        mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
        normalised = (image / 255 - mean[:, None, None]) / std[:, None, None]
        features = b0_reference(part(state, f"{side}_extractor"), normalised)
        seen[side] = tokens(F.conv2d(features, state[f"{side}_proj.weight"], state[f"{side}_proj.bias"]))
    attention = nn.MultiheadAttention(128, 4)
    attention.load_state_dict(part(state, "cross_attention"))
    answers: Tensor = attention(seen["grd"], seen["sat"], seen["sat"])[0]
    return answers.mean(0)


def assert_flow_is_the_reference(state: State, pooled: Tensor, hypotheses: Tensor, flow: Flow) -> None:
    """Compare the flow of (1, N, 3) hypotheses with the heads computed one hypothesis at a time."""
    for i, (x, y, yaw) in enumerate(hypotheses[0].tolist()):
        joined = torch.cat([pooled, sequence(part(state, "coord_proj"), torch.tensor([[x, y]]))], dim=1)
        mu, raw_variance = sequence(part(state, "decoder_r"), joined)[0]
        direction_x, direction_y, raw_kappa = sequence(part(state, "decoder_theta"), joined)[0]
        cos, sin = sequence(part(state, "decoder_orientation"), joined)[0]
        expected = [mu, (1 + raw_variance.exp()).log() + 1e-6, (1 + raw_kappa.exp()).log() + 1e-6]
        got = torch.stack([flow.log_distance[0, i], flow.variance[0, i], flow.kappa[0, i]])
        torch.testing.assert_close(got, torch.stack(expected), rtol=1e-4, atol=1e-4)
        direction = torch.stack([direction_x, direction_y]) / torch.hypot(direction_x, direction_y)
        torch.testing.assert_close(flow.direction[0, i], direction, rtol=1e-4, atol=1e-4)
        assert flow.yaw_step is not None
        off = math.remainder(yaw + float(flow.yaw_step[0, i]) - math.atan2(sin, cos), 2 * math.pi)
        assert abs(off) < 1e-4


def write(path: Path, state: State, **others: object) -> Path:
    """A file as the released training writes it."""
    torch.save({"model": state, "optimizer": {"state": {}}, "epoch": 3, "best_metric": 1.5, **others}, path)
    return path


def test_an_imported_checkpoint_computes_the_same_function(tmp_path: Path) -> None:
    state = released_state(oriented=True)
    model = import_released(write(tmp_path / "theirs.pth", state, args=argparse.Namespace(lr=1e-3)))
    generator = torch.Generator().manual_seed(6)
    ground = torch.randint(0, 256, (1, 3, 256, 1024), dtype=torch.uint8, generator=generator)
    satellite = torch.randint(0, 256, (1, 3, 512, 512), dtype=torch.uint8, generator=generator)
    hypotheses = torch.rand(1, 3, 3, generator=generator) * 2 - 1
    with torch.inference_mode():
        pooled = reference_pooled(state, ground, satellite)
        latent = model.encode(ground, satellite, None)
        assert latent.pooled is not None and pooled.std() > 0.01
        torch.testing.assert_close(latent.pooled, pooled, rtol=1e-3, atol=1e-3 * float(pooled.abs().max()))
        assert_flow_is_the_reference(state, pooled, hypotheses, model.flow(latent, hypotheses))


def test_a_wrapped_checkpoint_without_orientation_imports_whole(tmp_path: Path) -> None:
    state = released_state()
    wrapped = {f"module.{name}": entry for name, entry in state.items()}
    model = import_released(write(tmp_path / "theirs.pth", wrapped))
    assert not model.config.orientation_head and not model.training
    imported = model.state_dict()
    assert len(imported) == len(state)
    torch.testing.assert_close(imported["head.distance.3.weight"], state["decoder_r.3.weight"])


def test_other_architectures_are_refused_with_the_keys_that_differ(tmp_path: Path) -> None:
    state = released_state()
    del state["sat_proj.weight"]
    state["cross_attention.bias_k"] = torch.zeros(1)
    state["decoder_r.0.weight"] = torch.zeros(128, 272)
    with pytest.raises(InputError) as refusal:
        import_released(write(tmp_path / "theirs.pth", state))
    message = str(refusal.value)
    assert "missing keys: 1 (satellite_projection.weight)" in message
    assert "unexpected keys: 1 (attention.attend.bias_k)" in message
    assert "misshapen keys: 1 (head.distance.0.weight)" in message
    with pytest.raises(InputError, match=r"unexpected keys: 1 \(fc.weight\)"):
        import_released(write(tmp_path / "resnet.pth", {"fc.weight": torch.zeros(1)}))


class Intruder:
    """Unpickling this would leave a file behind."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.trace,)


def test_what_is_no_checkpoint_is_refused_in_one_sentence(tmp_path: Path) -> None:
    whole = write(tmp_path / "whole.pth", {"conv.weight": torch.zeros(1000)}).read_bytes()
    (tmp_path / "cut.pth").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.pth").write_text("no checkpoint")
    (tmp_path / "empty.pth").touch()
    torch.save({"weights": {}}, tmp_path / "other.pth")
    torch.save([torch.zeros(1)], tmp_path / "list.pth")
    torch.save({"model": {}, "args": Intruder(tmp_path / "trace")}, tmp_path / "code.pth")
    for name in ("cut", "text", "empty", "other", "list", "code", "absent"):
        with pytest.raises(InputError, match=f"{name}.pth") as refusal:
            import_released(tmp_path / f"{name}.pth")
        assert "\n" not in str(refusal.value)
    assert not (tmp_path / "trace").exists()
