"""What is minimised, as a module, so that it runs on several processes at once."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - the name every PyTorch reader knows
from torch import Tensor, nn

from geoflow_ros.model.interface import LocalizationModel
from geoflow_ros.model.losses import flow_loss
from geoflow_ros.train.batches import Batch, swapped
from geoflow_ros.train.train_config import TrainConfig


@dataclass(frozen=True, slots=True, eq=False)
class Losses:
    """Means over a batch. flow: of the hypotheses' flow; pose_nll: negative log-likelihood of the true pose;
    pairing: of distinguishing the right patch from another sample's; zero where the network has no such part. total:
    their weighted sum.
    """

    total: Tensor
    flow: Tensor
    pose_nll: Tensor
    pairing: Tensor


class Objective(nn.Module):
    """Losses of a batch under a network."""

    def __init__(self, model: LocalizationModel, config: TrainConfig) -> None:
        super().__init__()
        self.model, self.config = model, config

    def forward(self, batch: Batch) -> Losses:
        model, config = self.model, self.config
        with torch.autocast(batch.ground.device.type, torch.bfloat16, enabled=config.precision == "bf16"):
            ground = model.encode_ground(batch.ground, batch.lift)
            satellite = model.encode_satellite(batch.satellite)
            latent = model.match(ground, satellite)
        flow = flow_loss(model.flow(latent, batch.hypotheses), batch.hypotheses, batch.truth)
        log_density = model.log_density(latent, batch.truth[:, None])
        pose_nll = flow.new_zeros(()) if log_density is None else -log_density.mean()
        pairing = flow.new_zeros(())
        if latent.match_logit is not None and len(batch.truth) > 1 and config.pairing_weight > 0.0:
            pairing = self._pairing(ground, satellite, latent.match_logit, batch.elsewhere)
        total = config.flow_weight * flow + pose_nll + config.pairing_weight * pairing
        return Losses(total, flow.detach(), pose_nll.detach(), pairing.detach())

    def _pairing(self, ground: Tensor, satellite: Tensor, match_logit: Tensor, elsewhere: Tensor | None) -> Tensor:
        order = swapped(len(ground)).to(satellite.device)
        mismatch_logit = self.model.match(ground[: len(order)], satellite[order]).match_logit
        assert mismatch_logit is not None
        if elsewhere is None:
            return F.softplus(-match_logit).mean() + F.softplus(mismatch_logit).mean()
        counts = elsewhere[: len(order)].to(
            mismatch_logit.dtype
        )  # right ones count only as far as there are wrong ones
        share = counts.mean()
        return share * F.softplus(-match_logit).mean() + (counts * F.softplus(mismatch_logit)).mean()
