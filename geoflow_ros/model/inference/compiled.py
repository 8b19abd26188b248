"""What of a network can be compiled for this processor beside its encoders, compared with torch before it is used."""

from __future__ import annotations

import dataclasses
import logging
import math
from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor

from geoflow_ros.model.interface import Flow, Latent, LocalizationModel, Match, Read, Refine
from geoflow_ros.model.matchflow import MatchFlow
from geoflow_ros.model.volume import floored

LOGGER = logging.getLogger(__name__)
CLOSE = 1e-3  # error against torch, relative to the size of what is compared


class Compiled(NamedTuple):
    """The parts that there are; None is left to torch."""

    refinement: Refine | None = None
    matching: Match | None = None
    reading: Read | None = None


@torch.inference_mode()
def compiled_parts(reference: LocalizationModel) -> Compiled:
    """What can be compiled of a network; a warning says why where something cannot be."""
    if not isinstance(reference, MatchFlow):
        return Compiled()
    try:
        from geoflow_ros.model.inference.compiled_match import CompiledMatch
        from geoflow_ros.model.inference.compiled_reading import CompiledReading
        from geoflow_ros.model.inference.compiled_refinement import CompiledRefinement
    except (ImportError, RuntimeError) as why:  # the latter where numba finds no folder to keep what it compiles
        LOGGER.warning("nothing is compiled (%s); torch takes some 3 ms a frame longer: pip install numba", why)
        return Compiled()
    threads = torch.get_num_threads()
    refinement, matching = CompiledRefinement(reference.head, threads), CompiledMatch(reference, threads)
    reading = CompiledReading(reference.volume.index)
    return Compiled(
        refinement if _is_close("refinement", refinement_error(reference, refinement)) else None,
        matching if _is_close("match", match_error(reference, matching)) else None,
        reading if _is_close("reading", reading_error(reference, reading)) else None,
    )


def _is_close(part: str, error: float) -> bool:
    if error <= CLOSE:
        return True
    LOGGER.warning("the compiled %s differs by %.1f %% from torch's; torch computes it", part, 100 * error)
    return False


def refinement_error(reference: MatchFlow, refinement: Refine) -> float:
    """Largest relative error of a compiled step and of what is found after it, on a fixed random volume.

    It also finds what was compiled and kept on disk before another module's constant changed.
    """
    generator = torch.Generator().manual_seed(0)
    scores = 3 * torch.randn(1, *reference.volume.shape, generator=generator)
    log_probability = scores - scores.logsumexp((1, 2, 3))
    latent = Latent(log_mass=floored(log_probability), table=(table := reference.head.read.table(log_probability)))
    start = 0.2 * torch.randn(1, 8, 3, generator=generator)
    little = (0.1,)  # of the flow, or a network that is not trained would leave the volume
    ours, theirs = refinement(table, start, little), reference.refine(latent, start, little)
    names = [field.name for field in dataclasses.fields(Flow)]
    pairs = [(ours.hypotheses, theirs.hypotheses), (ours.log_density, theirs.log_density)]
    pairs += [(getattr(ours.flow, name), getattr(theirs.flow, name)) for name in names]
    return _largest_error(pairs)


def match_error(reference: MatchFlow, matching: Match) -> float:
    """Largest relative error of a compiled match, on fixed random features."""
    generator = torch.Generator().manual_seed(0)
    config = reference.config
    _, across, forward = config.lift_shape
    side = config.satellite_px // 4
    ground = torch.randn(1, config.channels, across, forward, generator=generator)
    encoded = reference.prepare_satellite(torch.randn(1, config.channels, side, side, generator=generator))
    yaw_offset, yaw_reach = math.radians(config.yaw_step_deg / 3), math.radians(config.yaw_range_deg / 2)
    ours = matching(ground, encoded, yaw_offset, yaw_reach)
    theirs = reference.match(ground, encoded, torch.tensor([yaw_offset]), yaw_reach)
    return _largest_error([(ours.table, theirs.table), (ours.match_logit, theirs.match_logit)])


def reading_error(reference: MatchFlow, reading: Read) -> float:
    """Relative error of a compiled reading, within a fixed random volume and beyond."""
    generator = torch.Generator().manual_seed(0)
    volume = torch.randn(1, *reference.volume.shape, generator=generator)
    hypotheses = torch.randn(1, 64, 3, generator=generator) * torch.tensor([0.7, 0.7, 0.1])
    theirs = reference.log_likelihood(Latent(log_mass=volume), hypotheses)
    return _largest_error([(reading(volume, hypotheses), theirs)])


def _largest_error(pairs: Iterable[tuple[Tensor | None, Tensor | None]]) -> float:
    errors = [
        (ours - theirs).norm() / theirs.norm() for ours, theirs in pairs if ours is not None and theirs is not None
    ]
    return float(torch.stack(errors).max())  # NaN wins
