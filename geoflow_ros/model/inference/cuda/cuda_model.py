"""The network on a GPU: its parts, or a frame as a whole, are CUDA graphs, without a launch from Python per kernel."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor

from geoflow_ros.errors import InputError
from geoflow_ros.model.inference.compiled import compiled_parts
from geoflow_ros.model.inference.cuda.cuda_choice import chosen_answers
from geoflow_ros.model.inference.cuda.cuda_frame import captured
from geoflow_ros.model.interface import Flow, Latent, Lifter, LocalizationModel, PoseGrid
from geoflow_ros.model.matchflow import MatchFlow


@dataclass(frozen=True, slots=True)
class Capture:
    """A recorded graph and the memory it reads and writes."""

    graph: torch.cuda.CUDAGraph
    inputs: tuple[Tensor | None, ...]
    output: Latent


class Graphed:
    """A function of tensors on the GPU, captured once for each shape of its inputs and replayed from then on."""

    def __init__(self, function: Callable[..., Latent]) -> None:
        self._function = function
        self._captures: dict[tuple[torch.Size | None, ...], Capture] = {}

    def __call__(self, *inputs: Tensor | None) -> Latent:
        """The output, in memory that the next call overwrites."""
        shapes = tuple(None if entry is None else entry.shape for entry in inputs)
        if shapes not in self._captures:
            self._captures[shapes] = self._capture(inputs)
        capture = self._captures[shapes]
        for static, entry in zip(capture.inputs, inputs, strict=True):
            if static is not None and entry is not None:
                static.copy_(entry, non_blocking=True)
        capture.graph.replay()
        return capture.output

    def _capture(self, inputs: tuple[Tensor | None, ...]) -> Capture:
        static = tuple(None if entry is None else entry.detach().clone().cuda() for entry in inputs)
        graph, output = captured(lambda: self._function(*static))
        return Capture(graph, static, output)


class CudaModel(LocalizationModel):
    """A frame's whole way on the GPU, if its prior is a Gaussian: `answer`. Of other uses, encoders and match.

    Their latent comes back to the CPU, as does the volume of an answer, from which the tracker reads likelihoods.
    """

    def __init__(self, model: LocalizationModel) -> None:
        if not torch.cuda.is_available():
            raise InputError("runtime cuda needs a GPU that torch can use, and torch sees none: choose another runtime")
        super().__init__()
        self.config, self.inner = model.config, model
        self.refinement, _, self.reading = compiled_parts(model)
        on_gpu = copy.deepcopy(model).cuda()
        self._ground = Graphed(lambda image, lift: Latent(pooled=on_gpu.encode_ground(image, lift)))
        if isinstance(on_gpu, MatchFlow):
            self._trunk = Graphed(lambda image: Latent(pooled=on_gpu.ground.pyramid(image)))
            self._lift = Graphed(lambda features, lift: Latent(pooled=on_gpu.ground.lifted(features, lift)))
        self._satellite = Graphed(lambda image: Latent(pooled=on_gpu.encode_satellite(image)))
        self._match = Graphed(on_gpu.match)
        if isinstance(model, MatchFlow) and isinstance(on_gpu, MatchFlow):
            self.answer = chosen_answers(model, on_gpu)

    def encode_ground(self, ground: Tensor, lift: Tensor | None) -> Tensor:
        return features_of(self._ground(ground.pin_memory(), lift))

    def lifter(self, ground: Tensor) -> Lifter | None:
        if not isinstance(self.inner, MatchFlow):
            return None
        features = features_of(self._trunk(ground)).clone()
        return lambda lift: features_of(self._lift(features, lift))

    def satellite_features(self, satellite: Tensor) -> Tensor:
        """What `match` needs of the patch, already prepared, on the GPU and kept there."""
        return features_of(self._satellite(satellite)).clone()

    def match(
        self, ground: Tensor, satellite: Tensor, yaw_offset: Tensor | None = None, yaw_reach: float = math.inf
    ) -> Latent:
        return on_cpu(self._match(ground, satellite, yaw_offset))

    def flow(self, latent: Latent, hypotheses: Tensor) -> Flow:
        return self.inner.flow(latent, hypotheses)

    def log_density(self, latent: Latent, hypotheses: Tensor) -> Tensor | None:
        return self.inner.log_density(latent, hypotheses)

    def log_likelihood(self, latent: Latent, hypotheses: Tensor) -> Tensor | None:
        if self.reading is not None and len(hypotheses) == 1:
            return self.reading(latent.volume, hypotheses)
        return self.inner.log_likelihood(latent, hypotheses)

    def pose_grid(self, latent: Latent) -> PoseGrid | None:
        return self.inner.pose_grid(latent)


def features_of(latent: Latent) -> Tensor:
    """The one tensor in it."""
    assert latent.pooled is not None
    return latent.pooled


def on_cpu(latent: Latent) -> Latent:
    """A copy in the processor's memory."""
    entries = {field.name: getattr(latent, field.name) for field in fields(latent)}
    moved: dict[str, Any] = {name: entry.cpu() for name, entry in entries.items() if isinstance(entry, Tensor)}
    return replace(latent, **moved)
