"""Checkpoints under the authors' names: names and shapes are listed here on their own, from the published layout."""

from __future__ import annotations

import argparse
import collections
import math
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from model_reference import b0_reference
from released_checkpoint import State, released_state, write
from torch import Tensor, nn

from geoflow_ros.errors import InputError
from geoflow_ros.model.interface import Flow
from geoflow_ros.model.released import import_released
from geoflow_ros.model.torch_files import read_torch_file


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


@pytest.mark.parametrize("module", ["numpy.core", "numpy._core"])
def test_what_a_training_notes_beside_the_weights_is_no_hindrance(tmp_path: Path, module: str) -> None:
    """The mean of errors is a number of NumPy's, which version 1 and 2 call differently."""
    notes = {
        "best_metric": np.mean([1.0, 2.0]), "epoch": np.int64(3), "history": np.ones((2, 3), np.float32),
        "args": argparse.Namespace(root=Path("/data"), device=torch.device("cuda:0")),
    }  # fmt: skip
    whole, renamed = tmp_path / "whole.pth", tmp_path / "theirs.pth"
    torch.save({"model": {"weight": torch.zeros(1)}, **notes}, whole)
    own = np.float64(0).__reduce__()[0].__module__.removesuffix(".multiarray")
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(renamed, "w") as target:
        for name in source.namelist():
            target.writestr(name, source.read(name).replace(f"{own}.".encode(), f"{module}.".encode()))
    read = read_torch_file(renamed, "remedy")
    assert (read["best_metric"], read["epoch"], read["history"].sum(), read["args"].root) == (
        1.5,
        3,
        6.0,
        Path("/data"),
    )


@pytest.mark.parametrize("kept", [range(3), collections.defaultdict(list)])
def test_what_may_run_code_is_named_and_not_advised_to_be_trusted(tmp_path: Path, kept: object) -> None:
    with pytest.raises(InputError) as refusal:
        read_torch_file(write(tmp_path / "theirs.pth", {}, args=kept), "remedy")
    said = r"\(it has \S+ in it, which is no number, text or tensor and may run code\): remedy$"
    assert re.search(said, str(refusal.value))


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
    torch.save({"model": {}, "args": np.array([Intruder(tmp_path / "trace")], dtype=object)}, tmp_path / "array.pth")
    for name in ("cut", "text", "empty", "other", "list", "code", "array", "absent"):
        with pytest.raises(InputError, match=f"{name}.pth") as refusal:
            import_released(tmp_path / f"{name}.pth")
        assert not re.search(r"[\n\x1b]|trust|\(\w*Error\)", str(refusal.value))
    assert not (tmp_path / "trace").exists()


def test_torch_before_2_5_reads_all_but_namespaces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.serialization, "safe_globals", raising=False)
    torch.save({"step": 3}, tmp_path / "plain.pth")
    assert read_torch_file(tmp_path / "plain.pth", "remedy") == {"step": 3}
    torch.save({"args": argparse.Namespace(lr=1e-3)}, tmp_path / "theirs.pth")
    with pytest.raises(InputError, match=r"is not .* \(what it has of argparse.Namespace takes torch 2.5 .*\): remedy"):
        read_torch_file(tmp_path / "theirs.pth", "remedy")
