"""How frames are best answered on this GPU: tried, compared with torch on the processor, and timed."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from torch import Tensor

from geoflow_ros.model.inference.cuda.cuda_frame import (
    Encode,
    FrameAnswers,
    FrameNetwork,
    RefineBatch,
    StepByStep,
    TorchEncoder,
)
from geoflow_ros.model.inference.exported import GROUND, SATELLITE, example_inputs
from geoflow_ros.model.interface import Answer, FrameAnswer, FrameQuestion
from geoflow_ros.model.matchflow import FlowHead, GroundEncoder, MatchFlow

LOGGER = logging.getLogger(__name__)
CLOSE = 0.02  # error against torch in float32 on the processor, relative to the size of what is compared
HYPOTHESES, FRACTIONS = 48, (1.0,) * 5
TURNS = 20


@torch.inference_mode()
def chosen_answers(reference: MatchFlow, on_device: MatchFlow) -> Answer | None:
    """The fastest way that agrees with `reference`; a warning for each that does not, None if none is left."""
    question = example_question(reference)
    expected = FrameAnswers(FrameNetwork(reference))([question], FRACTIONS)[0]
    question = replace(question, satellite=question.satellite.to(on_device.volume.template_grid.device))
    refine, timed = chosen_refinement(on_device), {}
    for name, encoder in ENCODERS.items():
        try:
            answers = FrameAnswers(FrameNetwork(on_device, encoder(on_device.ground), refine))
            error = answer_error(answers([question], FRACTIONS)[0], expected)
        except Exception as failure:  # whatever torch or the driver says of it, the parts one by one are left
            LOGGER.warning("frames cannot be answered by %s (%s)", name, str(failure).strip().partition("\n")[0])
            continue
        if error <= CLOSE:
            timed[answers] = median_ms(answers, question)
            LOGGER.info("frames by %s: %.2f ms, error %.2g", name, timed[answers], error)
        else:
            LOGGER.warning("frames by %s differ by %.1f %% from torch's and are not used", name, 100 * error)
    if not timed:
        LOGGER.warning("no frame is answered as a whole: encoders and match run on the GPU one by one")
    return min(timed, key=timed.__getitem__, default=None)


def by_kernels(encoder: GroundEncoder) -> Encode:
    """An encoder of one kernel a layer."""
    # Here, because it needs Triton, without which torch still answers frames.
    from geoflow_ros.model.inference.cuda.cuda_encoder import TritonEncoder

    return TritonEncoder(encoder)


ENCODERS: dict[str, Callable[[GroundEncoder], Encode]] = {
    "kernels in float16": by_kernels,
    # The trunk's weights are trained to be held by 8 bits, which float16 has.
    "torch in float16": partial(TorchEncoder, precision=torch.float16),
    "torch in float32": partial(TorchEncoder, precision=torch.float32),
}


def chosen_refinement(on_device: MatchFlow) -> RefineBatch:
    """One kernel, where it can be built and agrees with torch; else torch's, with a warning."""
    by_torch = StepByStep(on_device.head)
    try:
        from geoflow_ros.model.inference.cuda.cuda_refinement import TritonRefinement

        as_kernel = TritonRefinement(on_device.head)
        error = refinement_error(on_device.head, as_kernel, by_torch, on_device.volume.shape)
    except Exception as failure:  # no Triton, no compiler for it, no room on the chip: each has an error of its own
        reason = str(failure).strip().partition("\n")[0]
        LOGGER.warning("the refinement is not one kernel (%s); torch takes some 0.5 ms a frame longer", reason)
        return by_torch
    if error <= CLOSE:
        return as_kernel
    LOGGER.warning("the refinement as one kernel differs by %.1f %% from torch's; torch computes it", 100 * error)
    return by_torch


def refinement_error(head: FlowHead, ours: RefineBatch, theirs: RefineBatch, shape: tuple[int, int, int]) -> float:
    """Largest relative error of one way of refining against another, on a fixed random volume of this shape."""
    generator, device = torch.Generator().manual_seed(0), head.out.weight.device
    scores = 3 * torch.randn(2, *shape, generator=generator)
    scores -= scores.flatten(1).logsumexp(1)[:, None, None, None]
    table = head.read.table(scores.to(device))
    start = (0.2 * torch.randn(2, 24, 3, generator=generator)).to(device)
    little = (0.1,)  # of the flow, or a network that is not trained would leave the volume
    first, second = ours(table, start, little), theirs(table, start, little)
    return max(relative_error(a, b) for a, b in zip(first.unbind(-1), second.unbind(-1), strict=True))


def answer_error(ours: FrameAnswer, theirs: FrameAnswer) -> float:
    """Relative error of the match volume. The hypotheses would say less: a cell off is another draw."""
    return relative_error(ours.latent.volume, theirs.latent.volume)


def relative_error(ours: Tensor, theirs: Tensor) -> float:
    """Of a tensor, by the norm; NaN is no error that passes."""
    return float((ours.float().cpu() - theirs.float().cpu()).norm() / theirs.float().cpu().norm())


def median_ms(answers: Answer, question: FrameQuestion) -> float:
    """What a frame takes, what it is asked in the processor's memory and answered there."""
    taken = []
    for _ in range(TURNS):
        start = time.perf_counter()
        answers([question], FRACTIONS)
        taken.append(1e3 * (time.perf_counter() - start))
    return float(np.median(taken))


def example_question(model: MatchFlow) -> FrameQuestion:
    """A frame of a soft random image over a patch of another, of no prior to speak of."""
    inputs, rng = example_inputs(model), np.random.default_rng(0)
    image, lift = inputs[GROUND]
    patch = inputs[SATELLITE][0].permute(0, 3, 1, 2)
    return FrameQuestion(
        image=image[0].numpy(),
        lift=lift,
        satellite=model.encode_satellite(patch),
        yaw_offset=0.02,
        yaw_reach=model.volume.yaw_steps * model.volume.yaw_step,
        mean=np.zeros(3),
        root=np.eye(3),
        rank=0.5,
        jitter=rng.uniform(-0.5, 0.5, (HYPOTHESES, 3)),
    )
