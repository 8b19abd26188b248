"""Real places: what single views say of where they were taken, and what the views of one place say together."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit
from torch import Tensor
from tqdm import tqdm

from geoflow_ros.datasets.photographs.pairs import Pairs
from geoflow_ros.datasets.photographs.photo_views import LabelledView
from geoflow_ros.errors import InputError
from geoflow_ros.evaluate.place_density import CELL_M, PlaceDensity
from geoflow_ros.evaluate.scores import Matches, PlaceScores, summarise_places
from geoflow_ros.localization.inputs import image_tensor
from geoflow_ros.localization.localizer_config import LocalizerConfig
from geoflow_ros.localization.pose import Likelihood, PoseEstimate, of_base
from geoflow_ros.localization.uncertain_mount import MountReadings, MountsOf, known_mount
from geoflow_ros.metrics import squared_mahalanobis
from geoflow_ros.model.interface import Latent, LocalizationModel
from geoflow_ros.planar import PlanarPose
from geoflow_ros.tracking.evidence.frame_evidence import match_evidence
from geoflow_ros.tracking.rig.combination import Frame, joint, joint_match
from geoflow_ros.tracking.track import BeliefConfig

Alter = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]
NEAR_M = 4.0
KEPT_PATCHES = 512
ALTERED: tuple[Alter, Alter] = (lambda image: image, np.zeros_like)
"""What is done to a photograph: nothing, or it is made black."""
LABEL = (0.0, 0.0)  # positions are relative to it


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What a view says. likelihood: of the vehicle's poses, which looks east where its views look as labelled.

    right, wrong: match log odds before the view's own imagery, and before that of every place that is elsewhere.
    """

    view: LabelledView
    estimate: PoseEstimate
    likelihood: Likelihood
    right: float
    wrong: list[float]


@dataclass(frozen=True, slots=True, eq=False)
class _Scores:
    """By place: of its views on their own, and together."""

    single: dict[str, PlaceScores]
    rig: dict[str, PlaceScores]


class PairsEvaluation:
    """Scores of a folder of pairs under one network; views that show one place share its prior, as a rig's do."""

    def __init__(
        self,
        model: LocalizationModel,
        pairs: Pairs,
        config: LocalizerConfig,
        seed: int,
        mounts: MountsOf = known_mount,
    ) -> None:
        self._model, self._pairs, self._config, self._seed = model, pairs, config, seed
        self._mounts = mounts
        self._encoded = lru_cache(maxsize=KEPT_PATCHES)(self._encode)

    def document(self, with_rig: bool) -> dict[str, Any]:
        """All figures for `json.dump`; over all places, and by the prefix of their names.

        with_rig: also of the views of each place together.
        """
        seen, black = self._scores(with_rig)
        document = self._figures(seen.single, black.single)
        if with_rig:
            document["rig"] = self._figures(seen.rig, black.rig)
        return document

    def _figures(self, scores: dict[str, PlaceScores], black: dict[str, PlaceScores]) -> dict[str, Any]:
        def figures(places: Sequence[str]) -> dict[str, Any]:
            document = summarise_places([scores[place] for place in places], self._seed)
            return document | {"chance": summarise_places([black[place] for place in places], self._seed)}

        prefixes = sorted({prefix_of(place) for place in scores})
        groups = {prefix: [place for place in scores if prefix_of(place) == prefix] for prefix in prefixes}
        return figures(list(scores)) | {"groups": {prefix: figures(places) for prefix, places in groups.items()}}

    def _scores(self, with_rig: bool) -> tuple[_Scores, _Scores]:
        """Of what every view says, and of what a black image says in its place.

        Place by place, since what views say is megabytes for each; and both of a view at once, since the imagery of all
        places is encoded for its heading.
        """
        both, indices = (_Scores({}, {}), _Scores({}, {})), dict[str, list[int]]()
        for index, view in enumerate(self._pairs.views):
            indices.setdefault(view.place, []).append(index)
        with tqdm(total=len(self._pairs.views), unit="view", disable=None) as progress:
            for place in self._pairs.places:
                views = []
                for index in indices[place]:
                    views.append([self._seen(index, alter) for alter in ALTERED])
                    progress.update()
                for scores, seen in zip(both, zip(*views, strict=True), strict=True):
                    scores.single[place] = self._single(place, seen)
                    if with_rig:
                        scores.rig[place] = self._rig(place, seen)
        return both

    def _single(self, place: str, views: Sequence[Seen]) -> PlaceScores:
        """Every view of a place on its own."""
        prior = self._pairs.prior(place, 0.0)
        densities = [PlaceDensity.of(view.likelihood, prior) for view in views]
        places = [(view.estimate.east, view.estimate.north) for view in views]
        right, wrong = np.array([view.right for view in views]), np.array([view.wrong for view in views])
        nees, matches = [_nees(view) for view in views], Matches(place, right, self._elsewhere(place), wrong)
        return _scored(densities, places, nees, views[0].view.label_error_m, matches)

    def _rig(self, place: str, views: Sequence[Seen]) -> PlaceScores:
        """The views of a place as one observation, as a rig's are to the node that drives through it."""
        belief, label_error_m = BeliefConfig(), views[0].view.label_error_m
        frames = [Frame(view.likelihood, match_evidence(view.estimate.match)) for view in views]
        together = joint(frames, belief.camera_correlation, belief.outlier_depth)
        density = PlaceDensity.of(together, self._pairs.prior(place, 0.0))
        right = np.array([_evidence([view.right for view in views])])
        wrong = np.array([[_evidence(each) for each in zip(*(view.wrong for view in views), strict=True)]])
        nees, matches = [density.nees(LABEL, label_error_m)], Matches(place, right, self._elsewhere(place), wrong)
        return _scored([density], [density.mean()], nees, label_error_m, matches)

    def _elsewhere(self, place: str) -> tuple[str, ...]:
        return tuple(self._pairs.elsewhere(place))

    @torch.inference_mode()
    def _seen(self, index: int, alter: Alter) -> Seen:
        sample, view, model = self._pairs[index], self._pairs.views[index], self._model
        readings = MountReadings.of(model, alter(sample.ground), sample.camera, self._mounts(sample.camera.mount))
        read = readings.before(self._encoded(view.place, view.yaw))
        estimate = read.estimate(model, sample.patch, sample.prior, self._config, self._seed + index)
        right = _log_odds(read.mixed)
        elsewhere = self._elsewhere(view.place)
        wrong = [readings.match_log_odds(self._encoded(place, view.yaw)) for place in elsewhere]
        return Seen(view, estimate, _of_vehicle(estimate, view), right, wrong)

    @torch.inference_mode()
    def _encode(self, place: str, yaw: float) -> Tensor:
        """The patch of a place as a view with this heading is given it: around the place's prior, turned like it."""
        return self._model.encode_satellite(image_tensor(self._pairs.patch(place, yaw).image))


def prefix_of(place: str) -> str:
    """The group of a place: its name up to the last underscore."""
    return place.rpartition("_")[0] or place


def _of_vehicle(estimate: PoseEstimate, view: LabelledView) -> Likelihood:
    if estimate.log_likelihood is None:
        raise InputError("this network has no density: single hypotheses cannot be summed over views")
    return of_base(estimate.log_likelihood, PlanarPose(yaw=view.yaw))


def _nees(seen: Seen) -> float:
    away = np.array([[seen.estimate.east, seen.estimate.north]])
    covariance = seen.estimate.covariance[:2, :2] + seen.view.label_error_m**2 * np.eye(2)
    return float(squared_mahalanobis(away, covariance[None])[0])


def _evidence(log_odds: Sequence[float]) -> float:
    """What the cameras of a rig say together of the imagery, each by its match log odds."""
    return joint_match([match_evidence(float(expit(each))) for each in log_odds])


def _log_odds(latent: Latent) -> float:
    if latent.match_logit is None:
        raise InputError("this network has no match probability, by which right and wrong places are told apart")
    return float(latent.match_logit[0])


def _scored(
    densities: Sequence[PlaceDensity],
    places: Sequence[tuple[float, float]],
    nees: Sequence[float],
    label_error_m: float,
    matches: Matches,
) -> PlaceScores:
    most_bits, most_within_4m = densities[0].ceiling(LABEL, label_error_m, NEAR_M)  # all have the place's prior
    return PlaceScores(
        error_m=np.array([math.hypot(*place) for place in places]),
        within_4m=np.array([each.within(LABEL, NEAR_M) for each in densities]),
        within_label_error=np.array([each.within(LABEL, max(label_error_m, CELL_M)) for each in densities]),
        information_bits=np.array([each.information_bits(LABEL, label_error_m) for each in densities]),
        nees=np.array(nees),
        matches=matches,
        most_bits=most_bits,
        most_within_4m=most_within_4m,
    )
