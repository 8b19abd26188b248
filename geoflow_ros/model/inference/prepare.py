"""A trained network made ready for inference on a CPU: the same function, faster."""

from __future__ import annotations

import copy
from typing import TypeVar

import torch
from torch import nn

from geoflow_ros.model.inference.folding import fold_batch_norms

Network = TypeVar("Network", bound=nn.Module)


def prepare(model: Network) -> Network:
    """A copy in evaluation mode, batch-norms folded into their convolutions, weights channels-last."""
    model = copy.deepcopy(model).eval()
    for module in list(model.modules()):
        fold_batch_norms(module)
    channels_last(model)
    return model.requires_grad_(False)


def channels_last(model: nn.Module) -> None:
    """Lay out the convolutions' weights channels-last, in place: about twice the speed on a CPU."""
    for parameter in model.parameters():
        if parameter.dim() == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
