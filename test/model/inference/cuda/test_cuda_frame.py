"""A frame answered in one go is answered as its parts one by one answer it, whatever the way."""

from __future__ import annotations

import logging
import math
import os
import re
import sys
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from torch import Tensor

from geoflow_ros.localization.hypotheses import GaussianPrior, draw_posterior
from geoflow_ros.localization.inputs import ground_image, image_tensor
from geoflow_ros.model.config import DefaultConfig
from geoflow_ros.model.inference.cuda import cuda_choice
from geoflow_ros.model.inference.cuda.cuda_choice import chosen_answers, chosen_refinement, example_question
from geoflow_ros.model.inference.cuda.cuda_frame import (
    Encode,
    FrameAnswers,
    FrameNetwork,
    StepByStep,
    TorchEncoder,
    found,
)
from geoflow_ros.model.inference.prepare import prepare
from geoflow_ros.model.interface import FrameAnswer, FrameQuestion, Refined
from geoflow_ros.model.matchflow import FlowHead, GroundEncoder, MatchFlow

os.environ.setdefault("TRITON_INTERPRET", "1")  # kernels run on the processor; read when Triton is imported

CONFIG = DefaultConfig(ground_height=32, ground_width=64, satellite_px=128, satellite_resolution=0.8125)
COVARIANCE = np.array([[0.04, 0.01, 0.001], [0.01, 0.06, -0.002], [0.001, -0.002, 0.003]])
LITTLE = (0.1, 0.05)  # of the flow, or a network that is not trained would leave the volume


class Rank:
    """Gives a question's random numbers in the order in which they are drawn."""

    def __init__(self, question: FrameQuestion) -> None:
        self.question = question

    def random(self) -> float:
        return self.question.rank

    def uniform(self, low: float, high: float, shape: tuple[int, int]) -> np.ndarray:
        assert (low, high, shape) == (-0.5, 0.5, self.question.jitter.shape)
        return self.question.jitter


@pytest.fixture(scope="module")
def model() -> MatchFlow:
    torch.manual_seed(0)
    return prepare(MatchFlow(CONFIG))


@pytest.fixture(scope="module")
def question(model: MatchFlow) -> FrameQuestion:
    asked = example_question(model)
    return replace(asked, mean=np.array([0.1, -0.2, 0.01]), root=np.linalg.cholesky(np.linalg.inv(COVARIANCE)))


def one_by_one(model: MatchFlow, question: FrameQuestion) -> FrameAnswer:
    with torch.inference_mode():
        ground, middle = image_tensor(ground_image(question.image, CONFIG)), torch.tensor([question.yaw_offset])
        seen = model.encode_ground(ground, question.lift)
        latent = model.match(seen, question.satellite, middle, question.yaw_reach)
        prior = GaussianPrior(question.mean, COVARIANCE)
        drawn = draw_posterior(prior, model.pose_grid(latent), len(question.jitter), Rank(question))  # type: ignore[arg-type]
        there = model.refine(latent, torch.from_numpy(np.float32(drawn))[None], LITTLE)
        assert there.log_density is not None
        return FrameAnswer(latent, found(there.hypotheses, there.flow, there.log_density)[0].numpy())


def assert_alike(ours: FrameAnswer, theirs: FrameAnswer) -> None:
    side = ours.latent.volume.shape[-1]
    pairs = [(ours.latent.volume, theirs.latent.volume[..., :side, :side])]
    pairs += [(getattr(ours.latent, name), getattr(theirs.latent, name)) for name in ("match_logit", "log_evidence")]
    pairs += [
        (ours.refined().hypotheses, theirs.refined().hypotheses),
        (ours.refined().log_density, theirs.refined().log_density),
    ]
    names = ("log_distance", "variance", "direction", "kappa", "yaw_step", "yaw_variance")
    pairs += [(getattr(ours.refined().flow, name), getattr(theirs.refined().flow, name)) for name in names]
    for mine, other in pairs:
        torch.testing.assert_close(mine, other, rtol=1e-3, atol=1e-4)


def test_frames_at_once_are_answered_as_each_by_its_parts(model: MatchFlow, question: FrameQuestion) -> None:
    few_headings = replace(question, yaw_reach=math.radians(5.0), yaw_offset=-0.03, rank=0.9)
    other_image = replace(question, image=255 - question.image, lift=question.lift.flip(2))
    larger = replace(question, image=question.image.repeat(2, axis=0).repeat(3, axis=1))
    answers = FrameAnswers(FrameNetwork(model))
    for asked in ((question, few_headings, other_image), (other_image, larger, question), (question,)):
        for one, ours in zip(asked, answers(asked, LITTLE), strict=True):
            assert_alike(ours, one_by_one(model, one))
    assert not torch.isclose(
        *(each.latent.match_logit for each in answers((question, other_image, question), LITTLE)[:2])
    )


def test_an_answer_keeps_its_values_when_the_next_is_computed(model: MatchFlow, question: FrameQuestion) -> None:
    answers = FrameAnswers(FrameNetwork(model))
    first = answers([question], LITTLE)[0]
    before = [each.clone() for each in (first.latent.volume, first.refined().hypotheses)]
    answers([replace(question, image=255 - question.image, rank=0.1)], LITTLE)
    assert torch.equal(first.latent.volume, before[0]) and torch.equal(first.refined().hypotheses, before[1])


def test_the_fastest_that_agrees_is_taken(
    model: MatchFlow, question: FrameQuestion, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    taken = {"first": 3.0, "second": 2.0, "third": 4.0}
    made: list[Named] = []

    class Named(TorchEncoder):
        """The encoder of a name, which only an encoder of this name has."""

        def __init__(self, name: str, encoder: GroundEncoder) -> None:
            super().__init__(encoder, torch.float32)
            self.name = name
            made.append(self)

    monkeypatch.setattr(cuda_choice, "ENCODERS", {name: partial(Named, name) for name in taken})
    monkeypatch.setattr(cuda_choice, "median_ms", lambda answers, _: taken[answers._network.encode.name])
    answers = chosen_answers(model, model)
    assert [each.name for each in made] == list(taken)
    assert isinstance(answers, FrameAnswers) and answers._network.encode is made[1]
    assert answers([question], LITTLE)[0].refined().hypotheses.shape == (1, 48, 3)


def broken(encoder: GroundEncoder) -> Encode:
    """An encoder that cannot be run."""
    raise RuntimeError("out of memory\nat somewhere")


class Wrong(TorchEncoder):
    """An encoder in float32 that is wrong."""

    def __init__(self, encoder: GroundEncoder) -> None:
        super().__init__(encoder, torch.float32)

    def __call__(self, image: Tensor, lift: Tensor) -> Tensor:
        return 1e3 * super().__call__(image, lift)


def test_where_none_is_left_it_is_said_why(
    model: MatchFlow, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(cuda_choice, "ENCODERS", {"kernels": broken, "torch": Wrong})
    with caplog.at_level(logging.WARNING):
        assert chosen_answers(model, model) is None
    assert "frames cannot be answered by kernels (out of memory)" in caplog.messages
    assert any(re.fullmatch(r"frames by torch differ by \d+\.\d % from torch's .*", each) for each in caplog.messages)
    assert caplog.messages[-1].startswith("no frame is answered as a whole")


def test_torch_refines_where_there_is_no_kernel(
    model: MatchFlow, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "geoflow_ros.model.inference.cuda.cuda_refinement", None)
    with caplog.at_level(logging.WARNING):
        assert isinstance(chosen_refinement(model), StepByStep)
    assert caplog.messages[0].startswith("the refinement is not one kernel (")


def test_the_kernel_refines_as_torch_does(model: MatchFlow) -> None:
    pytest.importorskip("triton.language", reason="triton is not installed")
    from geoflow_ros.model.inference.cuda.cuda_refinement import TritonRefinement

    head: FlowHead = model.head
    with torch.inference_mode():
        error = cuda_choice.refinement_error(head, TritonRefinement(head), StepByStep(head), model.volume.shape)
        assert error < 1e-3
        nowhere = torch.tensor([[[math.nan, 0.0, 0.0], [1e9, -1e9, 0.0]]])
        table = torch.rand(1, head.read.length, generator=torch.Generator().manual_seed(0))
        ours, theirs = (Refined.unpacked(way(table, nowhere, ())) for way in (TritonRefinement(head), StepByStep(head)))
        torch.testing.assert_close(ours.log_density, theirs.log_density, equal_nan=True)


def test_the_kernels_encode_as_torch_does(model: MatchFlow, question: FrameQuestion) -> None:
    pytest.importorskip("triton.language", reason="triton is not installed")
    from geoflow_ros.model.inference.cuda.cuda_encoder import TritonEncoder

    upside_down = np.ascontiguousarray(question.image[::-1])
    images = torch.from_numpy(np.stack([question.image, upside_down])).permute(0, 3, 1, 2)
    lift = torch.cat([question.lift, question.lift.flip(2)])
    with torch.inference_mode():
        ours, theirs = (way(images, lift) for way in (TritonEncoder(model.ground, torch.float32), model.ground))
    torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-4)
