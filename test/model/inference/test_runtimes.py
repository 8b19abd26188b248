"""Every way of running a network answers as plain torch does, or says why it cannot."""

from __future__ import annotations

import logging
import math
import os
import sys
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from geoflow_ros.errors import InputError
from geoflow_ros.model.config import DefaultConfig, PaperConfig, Runtime
from geoflow_ros.model.geoflow import GeoFlow
from geoflow_ros.model.inference import engines, runtimes
from geoflow_ros.model.inference.artefacts import forget
from geoflow_ros.model.inference.cuda.cuda_model import on_cpu
from geoflow_ros.model.inference.engines import Engine, ExportedEngine
from geoflow_ros.model.inference.exported import example_inputs, networks_of
from geoflow_ros.model.inference.prepare import prepare
from geoflow_ros.model.inference.runtimes import Accelerated, accelerated, candidates, disagreement, started
from geoflow_ros.model.interface import Latent, Lifter, LocalizationModel
from geoflow_ros.model.matchflow import MatchFlow

DEFAULT = DefaultConfig(ground_height=32, ground_width=64, satellite_px=128, satellite_resolution=0.8125)
PAPER = PaperConfig(ground_height=32, ground_width=64, satellite_px=64)


@pytest.fixture(scope="module")
def default() -> LocalizationModel:
    torch.manual_seed(0)
    return prepare(MatchFlow(DEFAULT))


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of exported networks that all tests of this file share and nothing else does."""
    folder = tmp_path_factory.getbasetemp() / "cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    return folder / "geoflow_ros"


class Wrong(Engine):
    """torch's features, `factor` times too large."""

    def __init__(self, model: LocalizationModel, factor: float) -> None:
        self.model, self.factor = model, factor

    def ground(self, image: Tensor, lift: Tensor | None) -> Tensor:
        return self.model.encode_ground(image, lift)

    def lifter(self, image: Tensor) -> Lifter | None:
        return self.model.lifter(image)

    def satellite(self, image: Tensor) -> Tensor:
        return self.factor * self.model.satellite_features(image)


class Recorded(ExportedEngine):
    """Exports a factor, by which it multiplies torch's features."""

    suffix = "txt"
    written: ClassVar[list[str]] = []

    def __init__(self, model: LocalizationModel) -> None:
        self.networks = networks_of(model)
        super().__init__(model, threads=1)

    def version(self) -> str:
        return "1"

    def write(self, network: nn.Module, inputs: tuple[Tensor, ...], path: Path) -> None:
        self.written.append(path.name)
        path.write_text("1.0")

    def read(self, path: Path, threads: int) -> tuple[str, float]:
        return path.stem, float(path.read_text())

    def run(self, network: tuple[str, float], inputs: list[NDArray[Any]]) -> NDArray[np.float32]:
        name, factor = network
        return np.asarray(factor * self.networks[name](*map(torch.from_numpy, inputs)).numpy())


def latent_of(model: LocalizationModel, copies: int = 1) -> Latent:
    inputs = example_inputs(model)
    ground, *lift = (entry.repeat(copies, *[1] * (entry.dim() - 1)) for entry in inputs["ground"])
    satellite = inputs["satellite"][0].repeat(copies, 1, 1, 1)
    with torch.inference_mode():
        return model.encode(ground.permute(0, 3, 1, 2), satellite.permute(0, 3, 1, 2), lift[0] if lift else None)


@pytest.mark.parametrize("runtime", [Runtime.OPENVINO, Runtime.ONNXRUNTIME])
def test_another_runtime_gives_torchs_match_volume(default: LocalizationModel, runtime: Runtime) -> None:
    pytest.importorskip(runtime.value, reason=f"{runtime.value} is not installed")
    model = started(default, runtime)
    assert isinstance(model, Accelerated)
    ours, theirs = latent_of(model, copies=2), latent_of(default, copies=2)
    assert torch.allclose(ours.volume, theirs.volume, atol=1e-2)
    hypotheses = torch.rand(2, 5, 3, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        assert torch.allclose(
            model.flow(ours, hypotheses).log_distance, default.flow(theirs, hypotheses).log_distance, atol=1e-2
        )
        density, expected = model.log_density(ours, hypotheses), default.log_density(theirs, hypotheses)
    assert density is not None and expected is not None and torch.allclose(density, expected, atol=1e-2)


@pytest.mark.parametrize("runtime", [Runtime.OPENVINO, Runtime.ONNXRUNTIME])
def test_an_export_that_is_emptied_while_it_is_in_use_changes_nothing(
    default: LocalizationModel, runtime: Runtime, cache: Path
) -> None:
    pytest.importorskip(runtime.value, reason=f"{runtime.value} is not installed")
    model = started(default, runtime)
    contents = {path: path.read_bytes() for path in cache.rglob("*") if path.is_file()}
    before = latent_of(model).volume
    try:
        for path in contents:
            os.truncate(path, 0)  # of a file that is mapped into memory, the next page that is read ends the process
        assert contents and torch.equal(latent_of(model).volume, before)
    finally:
        for path, content in contents.items():
            path.write_bytes(content)


@pytest.mark.parametrize("runtime", [Runtime.OPENVINO, Runtime.ONNXRUNTIME])
def test_a_frame_is_lifted_again_without_its_trunk(default: LocalizationModel, runtime: Runtime) -> None:
    pytest.importorskip(runtime.value, reason=f"{runtime.value} is not installed")
    image, grid = example_inputs(default)["ground"]
    lifter = started(default, runtime).lifter(image.permute(0, 3, 1, 2))
    assert lifter is not None
    for each in (0.5 * grid, grid.roll(3, dims=2)):
        expected = default.encode_ground(image.permute(0, 3, 1, 2), each)
        assert float((lifter(each) - expected).norm() / expected.norm()) < 1e-3


def test_the_papers_network_runs_elsewhere_too() -> None:
    pytest.importorskip("openvino", reason="openvino is not installed")
    torch.manual_seed(0)
    paper = prepare(GeoFlow(PAPER))
    elsewhere = started(paper, Runtime.OPENVINO)
    assert elsewhere.lifter(torch.zeros(1, 3, 32, 64, dtype=torch.uint8)) is None  # it knows nothing of a mount
    ours, theirs = latent_of(elsewhere).pooled, latent_of(paper).pooled
    assert ours is not None and theirs is not None
    assert torch.allclose(ours, theirs, atol=1e-3 * float(theirs.abs().max()))


@pytest.mark.skipif(not runtimes.computes_in_bf16(), reason="the processor has no bfloat16")
def test_bfloat16_is_near(default: LocalizationModel) -> None:
    engine = engines.HalfTorch(default)
    assert 1e-4 < disagreement(default, engine) < runtimes.ROUNDED
    assert latent_of(Accelerated(default, engine)).volume.dtype == torch.float32


def test_plain_torch_is_itself(default: LocalizationModel) -> None:
    assert started(default, Runtime.TORCH) is default


def test_torch_leaves_the_processor_to_an_engine_with_threads_of_its_own(
    default: LocalizationModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, seen = torch.get_num_threads(), []
    monkeypatch.setattr(default, "log_density", lambda latent, hypotheses: seen.append(torch.get_num_threads()))
    torch.set_num_threads(3)
    try:
        for engine in (Recorded(default), engines.HalfTorch(default)):
            Accelerated(default, engine).log_density(Latent(), torch.zeros(1, 1, 3))
        assert seen == [1, 3] and torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_disagreement_is_the_largest_relative_error(default: LocalizationModel) -> None:
    assert disagreement(default, Wrong(default, 1.25)) == pytest.approx(0.25, rel=1e-4)


def test_a_runtime_that_computes_wrongly_is_refused(
    default: LocalizationModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtimes, "_built", lambda model, runtime: Wrong(model, 1.01))
    sentence = "runtime openvino computes features that differ by 1.0% from torch, allowed are 0.1%"
    with pytest.raises(InputError, match=sentence):
        started(default, Runtime.OPENVINO)
    monkeypatch.setattr(runtimes, "_built", lambda model, runtime: Wrong(model, math.nan))
    with pytest.raises(InputError, match="differ by nan"):
        started(default, Runtime.OPENVINO)


def test_a_runtime_that_fails_is_named_with_its_reason(
    default: LocalizationModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(model: LocalizationModel, runtime: Runtime) -> Engine:
        raise RuntimeError("Check failed\nat plugin.cpp:12")

    monkeypatch.setattr(runtimes, "_built", fail)
    with pytest.raises(InputError, match=r"runtime openvino failed \(Check failed\): choose another"):
        started(default, Runtime.OPENVINO)


def test_auto_falls_back_to_torch_and_says_why(
    default: LocalizationModel, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(runtimes, "_built", lambda model, runtime: Wrong(model, 2.0))
    with caplog.at_level(logging.WARNING):
        model = accelerated(default, Runtime.AUTO)
    assert isinstance(model, MatchFlow)
    assert len(caplog.messages) == len(candidates())
    assert "differ by 100.0% from torch" in caplog.messages[0] and "trying another" in caplog.messages[0]


@pytest.mark.parametrize("runtime", [Runtime.OPENVINO, Runtime.ONNXRUNTIME])
def test_what_is_not_installed_is_named(
    default: LocalizationModel, monkeypatch: pytest.MonkeyPatch, runtime: Runtime
) -> None:
    monkeypatch.setitem(sys.modules, runtime.value, None)
    with pytest.raises(InputError, match=f"runtime {runtime.value} is not installed: pip install {runtime.value}"):
        started(default, runtime)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_no_gpu_is_said(default: LocalizationModel) -> None:
    with pytest.raises(InputError, match="runtime cuda needs a GPU"):
        started(default, Runtime.CUDA)
    assert Runtime.CUDA not in candidates()


def test_a_latent_is_copied_back_whole(default: LocalizationModel) -> None:
    latent = latent_of(default)
    copied = on_cpu(latent)
    for name in ("log_mass", "table", "match_logit", "log_evidence"):
        assert torch.equal(getattr(copied, name), getattr(latent, name))
    assert copied.pooled is None


def test_an_export_is_made_once_and_again_when_it_is_damaged(
    default: LocalizationModel, monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    monkeypatch.setattr(runtimes, "_built", lambda model, runtime: Recorded(model))
    all_of_them = [f"{each}.txt" for each in networks_of(default)]
    name = Recorded(default).artefact
    forget(name)
    Recorded.written.clear()
    kept = cache / name
    assert isinstance(started(default, Runtime.OPENVINO), Accelerated) and Recorded.written == all_of_them
    (kept / "ground.txt").write_text("unreadable")
    started(default, Runtime.OPENVINO)
    assert Recorded.written == 2 * all_of_them
    (kept / "satellite.txt").write_text("1.5")
    model = started(default, Runtime.OPENVINO)
    assert Recorded.written == 3 * all_of_them
    assert isinstance(model, Accelerated) and disagreement(default, model.engine) < 1e-6
