"""A frame of one or more cameras on a GPU in one go: images in, refined hypotheses and the match volume out.

Encoder, match, posterior draw and refinement are one function of tensors that lie still, so that a CUDA graph can
replay it. On a processor the same function runs without a graph, which is how it is tested.
"""

from __future__ import annotations

import copy
import math
import threading
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the name every PyTorch reader knows
from numpy.typing import NDArray
from torch import Tensor, nn

from geoflow_ros.model.config import DefaultConfig
from geoflow_ros.model.inference.cuda.resizing import Resizer, Size
from geoflow_ros.model.interface import FOUND, NEGLIGIBLE, Flow, FrameAnswer, FrameQuestion, Latent
from geoflow_ros.model.matchflow import FlowHead, GroundEncoder, MatchFlow
from geoflow_ros.model.matching import template_rotation
from geoflow_ros.model.volume import HERE, TABLE_SCALE

ONES = 19  # of the numbers in a row, those that are there once
WARM_UP = 3  # calls before a capture, in which the libraries choose their kernels
Output = TypeVar("Output")
RunKey = tuple[Size, int, int, tuple[float, ...]]
"""Size and number of images, number of hypotheses, fractions."""
Encode = Callable[[Tensor, Tensor], Tensor]
"""From images (B, 3, H, W) uint8 and lift grids to ground-plane features (B, C, A, F)."""
RefineBatch = Callable[[Tensor, Tensor, Sequence[float]], Tensor]
"""From tables (B, T), hypotheses (B, N, 3) and fractions to (B, N, FOUND), as `found` lays them out."""


def captured(function: Callable[[], Output]) -> tuple[torch.cuda.CUDAGraph, Output]:
    """The graph of a function that reads tensors on the GPU, and the output that every replay overwrites."""
    before, torch.backends.cudnn.benchmark = torch.backends.cudnn.benchmark, True
    try:
        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(WARM_UP):
                function()
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):
            output = function()
    finally:
        torch.backends.cudnn.benchmark = before
    return graph, output


class StepByStep:
    """Refinement by torch, an operation at a time."""

    def __init__(self, head: FlowHead) -> None:
        self._head = head

    def __call__(self, table: Tensor, hypotheses: Tensor, fractions: Sequence[float]) -> Tensor:
        for fraction in fractions:
            hypotheses = self._head(table, hypotheses).step(hypotheses, fraction)
        log_density = self._head.read(table, self._head.index(hypotheses))[:, HERE] / TABLE_SCALE
        return found(hypotheses, self._head(table, hypotheses), log_density.view(hypotheses.shape[:2]))


def found(hypotheses: Tensor, flow: Flow, log_density: Tensor) -> Tensor:
    """(B, N, FOUND): the hypotheses, the flow there and the log density; `Refined.unpacked` takes it apart."""
    assert flow.yaw_step is not None and flow.yaw_variance is not None
    rest = (flow.log_distance, flow.variance, flow.kappa, flow.yaw_step, flow.yaw_variance, log_density)
    return torch.cat([hypotheses, flow.direction, torch.stack(rest, dim=-1)], dim=-1)


class TorchEncoder:
    """`GroundEncoder`, an operation at a time. precision: of the convolutions on the image."""

    def __init__(self, encoder: GroundEncoder, precision: torch.dtype) -> None:
        self._encoder, self._pyramid = encoder, copy.deepcopy(encoder.pyramid).to(precision)

    def __call__(self, image: Tensor, lift: Tensor) -> Tensor:
        return self._encoder.lifted(self._pyramid(image).float(), lift)


class Numbers(NamedTuple):
    """The small inputs of B frames, which travel in one row each.

    rank: (B,). turn, ahead: (B, 2, 2) and (B, 1, 2) by which `template_rotation` turns templates. root, shift: (B, 3,
    3) and (B, 1, 3) that make of a hypothesis what the prior's log density is minus half the square of. barred: (B, K)
    0, or -inf for a heading that is not looked at. jitter: (B, N, 3).
    """

    rank: Tensor
    turn: Tensor
    ahead: Tensor
    shift: Tensor
    root: Tensor
    barred: Tensor
    jitter: Tensor

    @classmethod
    def unpacked(cls, rows: Tensor, headings: int) -> Numbers:
        """From (B, ONES + K + 3 N) as `pack` writes a row."""
        batch, sizes = len(rows), [1, 4, 2, 3, 9, headings, rows.shape[1] - ONES - headings]
        rank, turn, ahead, shift, root, barred, jitter = rows.split_with_sizes(sizes, dim=1)
        return cls(
            rank[:, 0],
            turn.reshape(batch, 2, 2),
            ahead[:, None],
            shift[:, None],
            root.reshape(batch, 3, 3),
            barred,
            jitter.reshape(batch, -1, 3),
        )


def pack(row: NDArray[np.float32], question: FrameQuestion, config: DefaultConfig, headings: int, skipped: int) -> None:
    """Write the row of a question. skipped: headings at either end that are not looked at."""
    barred, offset = row[ONES : ONES + headings], question.yaw_offset
    row[0] = question.rank
    row[1:5], row[5:7] = template_rotation(math.cos(offset), math.sin(offset), config)
    row[7:10], row[10:19] = -question.mean @ question.root, question.root.ravel()
    barred[:], row[ONES + headings :] = 0.0, question.jitter.ravel()
    barred[:skipped] = barred[headings - skipped :] = -math.inf


class FrameNetwork(nn.Module):
    """All of `MatchFlow` that a frame needs, with the posterior drawn in between, in as few operations as can be."""

    cells: Tensor
    cell_size: Tensor

    def __init__(self, model: MatchFlow, encode: Encode | None = None, refine: RefineBatch | None = None) -> None:
        """encode, refine: by default, torch in float32."""
        super().__init__()
        self.config, self.volume, self.head = model.config, model.volume, model.head
        self.encode = encode or TorchEncoder(model.ground, torch.float32)
        self.refine = refine or StepByStep(self.head)
        cells = self.volume.template_rows * self.volume.template_columns
        self._gain = math.exp(float(self.volume.temperature)) / math.sqrt(cells)
        self._evidence = math.exp(float(self.volume.evidence_scale)), float(self.volume.evidence_bias)
        x, y, yaw = self.volume.axes
        middles = np.stack(np.meshgrid(yaw, y, x, indexing="ij")[::-1], axis=-1).reshape(-1, 3)
        of_cells = (("cells", middles), ("cell_size", self.volume.cell_size))
        for name, entries in of_cells:
            self.register_buffer(name, torch.from_numpy(np.float32(entries)).to(model.volume.template_grid.device))

    def forward(
        self, image: Tensor, lift: Tensor, spectrum: Tensor, rows: Tensor, fractions: Sequence[float]
    ) -> tuple[Tensor, Tensor]:
        """(B, N FOUND + 2): hypotheses, match logit and log evidence; and the finest level (B, K, D, D) of the pyramid.

        image: (B, 3, H, W) uint8. rows: as `Numbers`.
        """
        volume, shape = self.volume, self.volume.shape
        asked = Numbers.unpacked(rows, shape[0])
        grid = torch.baddbmm(asked.ahead, volume.template_grid.view(1, -1, 2).expand(len(rows), -1, -1), asked.turn)
        templates = volume.sampled(self.encode(image, lift), grid.view(-1, *volume.template_grid.shape))
        spectra = torch.fft.rfft2(templates, s=volume.fft_shape)
        lags = torch.fft.irfft2((spectra * spectrum[:, None]).sum(2).conj(), s=volume.fft_shape)
        scores = torch.add(asked.barred[:, :, None, None], lags[..., : shape[1], : shape[2]], alpha=self._gain)
        log_probability, match_logit, log_evidence = self._weighed(scores.flatten(1))
        table = self.head.read.table(log_probability.view(scores.shape))
        finest = self.head.read.finest(table)
        there = self.refine(table, self._drawn(finest.flatten(1), asked), fractions)
        return torch.cat([there.flatten(1), match_logit, log_evidence], dim=1), finest

    def _weighed(self, scores: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """As `MatchVolume.weighed`, of scores (B, M) times the temperature: (B, M), (B, 1), (B, 1)."""
        log_probability = scores.log_softmax(1)
        # What was taken off each of them is the logarithm of their sum; the middle heading is always looked at.
        middle = slice(scores.shape[1] // 2, scores.shape[1] // 2 + 1)
        evidence = scores[:, middle] - log_probability[:, middle] - math.log(scores.shape[1])
        scale, bias = self._evidence
        return log_probability, evidence * scale + bias, evidence

    def _drawn(self, log_mass: Tensor, asked: Numbers) -> Tensor:
        """Hypotheses (B, N, 3) from the cells (B, M), as `geoflow_ros.localization.hypotheses.draw_posterior`."""
        batch, count = asked.jitter.shape[:2]
        offset = torch.baddbmm(asked.shift, self.cells.expand(batch, -1, -1), asked.root)
        log_posterior = torch.sub(log_mass, offset.square().sum(-1), alpha=0.5)
        relative = log_posterior - log_posterior.amax(1, keepdim=True)
        cumulative = F.threshold(relative, -NEGLIGIBLE, -math.inf).exp().cumsum(1, dtype=torch.float64)
        order = torch.arange(count, device=log_mass.device) + asked.rank.double()[:, None]
        cell = torch.searchsorted(cumulative, order * (cumulative[:, -1:] / count)).clamp(max=len(self.cells) - 1)
        return torch.addcmul(self.cells[cell], asked.jitter, self.cell_size)


class FrameRun:
    """Memory that lies still for B frames of N hypotheses, and the computation on it: a graph where there is a GPU."""

    def __init__(self, network: FrameNetwork, size: Size, batch: int, count: int, fractions: Sequence[float]) -> None:
        """size: of the images, which the device resizes."""
        config, volume, device = network.config, network.volume, network.cells.device
        self._volume, self._is_gpu = volume, device.type == "cuda"
        images = torch.zeros(batch, *size, 3, dtype=torch.uint8)
        rows = torch.zeros(batch, ONES + volume.shape[0] + 3 * count)
        height, width = volume.fft_shape
        rows[:, 10:19:4] = 1.0  # a root that is none would be no prior
        self._hosts = self._host(images), self._host(rows)
        self._images, self._rows = (host.numpy() for host in self._hosts)
        self._inputs = (
            self._hosts[0].to(device),
            torch.zeros(batch, *config.lift_shape, 2, device=device),
            torch.zeros(batch, config.channels, width // 2 + 1, height, dtype=torch.complex64, device=device).mT,
            self._hosts[1].to(device),
        )
        self._held: list[tuple[Tensor, Tensor] | None] = [None] * batch
        self._network, self._fractions = network, tuple(fractions)
        self._resize = Resizer(size, (config.ground_height, config.ground_width), device)
        if self._is_gpu:
            self.graph, self._outputs = captured(self._compute)
            self._answers = tuple(self._host(torch.zeros(each.shape)) for each in self._outputs)

    def _host(self, tensor: Tensor) -> Tensor:
        return tensor.pin_memory() if self._is_gpu else tensor

    def _compute(self) -> tuple[Tensor, Tensor]:
        images, *rest = self._inputs
        summary, finest = self._network(self._resize(images), *rest, self._fractions)
        return summary, finest

    def __call__(self, questions: Sequence[FrameQuestion]) -> list[FrameAnswer]:
        for index, question in enumerate(questions):
            self._images[index] = question.image
            skipped = self._volume.skipped(question.yaw_reach)
            pack(self._rows[index], question, self._network.config, self._volume.shape[0], skipped)
            self._hold(index, question.lift, question.satellite)
        for still, host in zip((self._inputs[0], self._inputs[3]), self._hosts, strict=True):
            still.copy_(host, non_blocking=True)
        summary, finest = self._replayed() if self._is_gpu else self._compute()
        found = summary[:, :-2].view(len(questions), -1, FOUND).numpy()
        return [
            FrameAnswer(Latent(None, volume[None], None, logits[0:1], logits[1:2], question.yaw_offset), hypotheses)
            for question, volume, logits, hypotheses in zip(questions, finest, summary[:, -2:], found, strict=True)
        ]

    def _hold(self, index: int, lift: Tensor, spectrum: Tensor) -> None:
        """Have the lift grid and the spectrum in place; most frames find both there."""
        held = self._held[index]
        if held is None or held[0] is not lift:
            self._inputs[1][index].copy_(lift[0], non_blocking=True)
        if held is None or held[1] is not spectrum:
            self._inputs[2][index].copy_(spectrum[0], non_blocking=True)
        self._held[index] = lift, spectrum

    def _replayed(self) -> tuple[Tensor, ...]:
        self.graph.replay()
        for host, output in zip(self._answers, self._outputs, strict=True):
            host.copy_(output, non_blocking=True)
        torch.cuda.current_stream().synchronize()
        return tuple(each.clone() for each in self._answers)  # the next frame overwrites them


class FrameAnswers:
    """`LocalizationModel.answer`: a `FrameRun` for each size and number of images, of hypotheses, schedule of steps."""

    def __init__(self, network: FrameNetwork) -> None:
        self._network = network
        self._runs: dict[RunKey, FrameRun] = {}
        self._lock = threading.Lock()

    @torch.inference_mode()
    def __call__(self, questions: Sequence[FrameQuestion], fractions: Sequence[float]) -> list[FrameAnswer]:
        sizes: list[Size] = [each.image.shape[:2] for each in questions]
        answers: dict[int, FrameAnswer] = {}
        with self._lock:
            for size in dict.fromkeys(sizes):
                alike = [index for index, each in enumerate(sizes) if each == size]
                run = self._run((size, len(alike), len(questions[0].jitter), tuple(fractions)))
                answers.update(zip(alike, run([questions[index] for index in alike]), strict=True))
        return [answers[index] for index in range(len(questions))]

    def _run(self, key: RunKey) -> FrameRun:
        if key not in self._runs:
            self._runs[key] = FrameRun(self._network, *key)
        return self._runs[key]
