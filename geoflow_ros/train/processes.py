"""One run on several processes, as torchrun starts them, and the device each of them uses."""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from geoflow_ros.errors import InputError

TORCHRUN = (("RANK", "0"), ("WORLD_SIZE", "1"), ("LOCAL_RANK", "0"))
"""What torchrun sets for a process, and what holds without it."""
DEVICES = ("auto", "cpu", "cuda")
PATIENCE = datetime.timedelta(hours=2)
"""How long the others wait for the first process, which renders towns and validates."""


@dataclass(frozen=True, slots=True)
class Processes:
    """This process's number and device, and how many there are."""

    rank: int = 0
    count: int = 1
    device: torch.device = torch.device("cpu")

    @property
    def is_first(self) -> bool:
        """Whether this is the one that validates, writes and prints."""
        return self.rank == 0

    def mean(self, values: Tensor) -> Tensor:
        """The values averaged over the processes."""
        if self.count == 1:
            return values
        total = values.clone()
        dist.all_reduce(total)
        return total / self.count

    def gather(self, value: object) -> list[Any]:
        """The value of every process."""
        gathered: list[Any] = [value]
        if self.count > 1:
            gathered = [None] * self.count
            dist.all_gather_object(gathered, value)
        return gathered

    @contextmanager
    def first_goes_first(self) -> Iterator[None]:
        """Let the first process through, then, once it is done, the others."""
        if not self.is_first:
            dist.barrier()
        yield
        if self.is_first and self.count > 1:
            dist.barrier()


@contextmanager
def joined(device: str) -> Iterator[Processes]:
    """This process among those that torchrun started; alone where it started none."""
    rank, count, local = (int(os.environ.get(key, default)) for key, default in TORCHRUN)
    chosen = choose_device(device, local)
    if count == 1:
        yield Processes(device=chosen)
        return
    dist.init_process_group("nccl" if chosen.type == "cuda" else "gloo", timeout=PATIENCE)
    try:
        yield Processes(rank, count, chosen)
    finally:
        dist.destroy_process_group()


def choose_device(name: str, local_rank: int) -> torch.device:
    """The device called auto, cpu or cuda; auto is a GPU where there is one."""
    found = torch.cuda.device_count()
    if name == "cpu" or (name == "auto" and found == 0):
        return torch.device("cpu")
    if local_rank >= found:
        raise InputError(f"process {local_rank} has no GPU, {found} were found: start fewer, or use --device cpu")
    torch.cuda.set_device(local_rank)
    return torch.device("cuda", local_rank)


class _Sum(torch.autograd.Function):
    """Sum over the processes. The gradient of a sum that all of them use is the sum of their gradients."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        total = values.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].clone()
        dist.all_reduce(total)
        return total


class SharedBatchNorm2d(nn.BatchNorm2d):
    """Batch-norm whose statistics are of the batches of all processes together; PyTorch's own needs a GPU."""

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        assert self.running_mean is not None and self.running_var is not None and self.momentum is not None
        count = x.numel() // x.shape[1] * dist.get_world_size()
        mean = _average(x.float().mean((0, 2, 3)))
        offset = x.float() - mean[:, None, None]
        variance = _average(offset.square().mean((0, 2, 3)))
        with torch.no_grad():
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * count / (count - 1), self.momentum)
            if self.num_batches_tracked is not None:
                self.num_batches_tracked.add_(1)
        scale = self.weight * torch.rsqrt(variance + self.eps)
        return (offset * scale[:, None, None] + self.bias[:, None, None]).to(x.dtype)


def _average(values: Tensor) -> Tensor:
    total: Tensor = _Sum.apply(values)  # type: ignore[no-untyped-call] # torch has no annotation for it
    return total / dist.get_world_size()


def share_batch_norms(model: nn.Module) -> None:
    """Let every batch-norm of the network see the batches of all processes, in place."""
    for module in model.modules():
        if type(module) is nn.BatchNorm2d:
            module.__class__ = SharedBatchNorm2d  # it differs in `forward` alone
