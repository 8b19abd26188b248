"""What is minimised, as a module, so that it runs on several processes at once."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - the name every PyTorch reader knows
from torch import Tensor, nn

from geoflow_ros.model.interface import LocalizationModel
from geoflow_ros.model.losses import flow_loss
from geoflow_ros.model.matchflow import NECK_CHANNELS, MatchFlow
from geoflow_ros.town.height_codes import SKY, STEP_M, UNKNOWN
from geoflow_ros.train.batches import Batch, swapped
from geoflow_ros.train.train_config import TrainConfig

EDGES_M = (0.3, 1.0, 2.0, 4.0, 8.0)
"""Between the classes: ground; low plants; cars; hedges, ground floors; small houses, trees; and what is higher."""
CLASSES = len(EDGES_M) + 2  # sky is the last
IGNORED = -1
GAIN = 10.0  # of the logits: at the network's learning rate a head alone would need thousands of steps


@dataclass(frozen=True, slots=True, eq=False)
class Losses:
    """Means over a batch. flow: of the hypotheses' flow; pose_nll: negative log-likelihood of the true pose;
    pairing: of distinguishing the right patch from another sample's; zero where the network has no such part. height:
    see `HeightHeads`; zero without them. total: their weighted sum.
    """

    total: Tensor
    flow: Tensor
    pose_nll: Tensor
    pairing: Tensor
    height: Tensor


class Objective(nn.Module):
    """Losses of a batch under a network. heights: heads that only the training has, None without `height_weight`."""

    def __init__(self, model: LocalizationModel, config: TrainConfig) -> None:
        super().__init__()
        self.model, self.config = model, config
        self.heights = HeightHeads() if config.height_weight > 0.0 else None

    def forward(self, batch: Batch) -> Losses:
        model, config = self.model, self.config
        with torch.autocast(batch.ground.device.type, torch.bfloat16, enabled=config.precision == "bf16"):
            ground, satellite, height = self._encoded(batch)
            latent = model.match(ground, satellite)
        flow = flow_loss(model.flow(latent, batch.hypotheses), batch.hypotheses, batch.truth)
        log_density = model.log_density(latent, batch.truth[:, None])
        pose_nll = flow.new_zeros(()) if log_density is None else -log_density.mean()
        pairing = flow.new_zeros(())
        if latent.match_logit is not None and len(batch.truth) > 1 and config.pairing_weight > 0.0:
            pairing = self._pairing(ground, satellite, latent.match_logit, batch.elsewhere)
        total = config.flow_weight * flow + pose_nll + config.pairing_weight * pairing + config.height_weight * height
        return Losses(total, flow.detach(), pose_nll.detach(), pairing.detach(), height.detach())

    def _encoded(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """What is matched of frame and patch, and the loss of the heights that are read beside it."""
        model = self.model
        if self.heights is None:
            ground = model.encode_ground(batch.ground, batch.lift)
            return ground, model.encode_satellite(batch.satellite), batch.truth.new_zeros(())
        assert isinstance(model, MatchFlow) and batch.lift is not None and batch.heights is not None
        frame, patch = model.ground.pyramid(batch.ground), model.satellite.pyramid(batch.satellite)
        satellite = model.prepare_satellite(model.satellite.embedded(patch))
        return model.ground.lifted(frame, batch.lift), satellite, self.heights((frame, patch), batch.heights)

    def _pairing(self, ground: Tensor, satellite: Tensor, match_logit: Tensor, elsewhere: Tensor | None) -> Tensor:
        order = swapped(len(ground)).to(satellite.device)
        mismatch_logit = self.model.match(ground[: len(order)], satellite[order]).match_logit
        assert mismatch_logit is not None
        if elsewhere is None:
            return F.softplus(-match_logit).mean() + F.softplus(mismatch_logit).mean()
        counts = elsewhere[: len(order)].to(mismatch_logit.dtype)
        share = counts.mean()  # right ones count only as far as there are wrong ones
        return share * F.softplus(-match_logit).mean() + (counts * F.softplus(mismatch_logit)).mean()


class HeightHeads(nn.Module):
    """Classes of height from the features of the frame and of the patch: in training only, part of no checkpoint.

    How high is what is seen, the renderer knows; features that tell match better, says FG2 (Xia and Alahi, CVPR 2025).
    """

    def __init__(self) -> None:
        super().__init__()
        self.ground, self.satellite = (nn.Conv2d(NECK_CHANNELS, CLASSES, 1) for _ in range(2))
        for head in (self.ground, self.satellite):
            # From nothing: trained features are not pulled about before the head knows what to read in them.
            nn.init.zeros_(head.weight)
            nn.init.zeros_(head.bias)  # type: ignore[arg-type] # it has one

    def forward(self, features: tuple[Tensor, Tensor], heights: tuple[Tensor, Tensor]) -> Tensor:
        """Cross-entropy of features (B, NECK_CHANNELS, h, w) against codes (B, h, w), of frames plus of patches.

        A mean over what is known of each sample, then over all samples: one of which nothing is known adds 0.
        """
        losses = zip((self.ground, self.satellite), features, heights, strict=True)
        return torch.stack([_cross_entropy(GAIN * head(read), codes) for head, read, codes in losses]).sum()


def height_classes(codes: Tensor) -> Tensor:
    """Class of each code (see `town.height_codes`), IGNORED of what is not known."""
    edges = torch.tensor([round(edge / STEP_M) for edge in EDGES_M], device=codes.device)
    classes = torch.bucketize(codes.long(), edges, right=True)
    classes[codes == SKY] = CLASSES - 1
    classes[codes == UNKNOWN] = IGNORED
    return classes


def _cross_entropy(logits: Tensor, codes: Tensor) -> Tensor:
    classes = height_classes(codes)
    each = F.cross_entropy(logits, classes, ignore_index=IGNORED, reduction="none").sum(dim=(1, 2))
    known = (classes != IGNORED).sum(dim=(1, 2))
    return (each / known.clamp(min=1)).mean()
