"""Where the time of a frame goes."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from geoflow_ros.bags.messages import compressed_for
from geoflow_ros.benchmark.drive import FramePath
from geoflow_ros.benchmark.timing import Quantiles, quantiles
from geoflow_ros.localization.estimation import estimate_pose
from geoflow_ros.localization.inputs import cached_lift_grid, ground_image, image_tensor
from geoflow_ros.localization.pose import PoseEstimate
from geoflow_ros.localization.whole_frames import CameraFrame

Publish = Callable[[PoseEstimate], object]
"""Makes the messages that carry a pose."""
RIG = 4  # cameras
DRAWN_SPREAD = 0.2  # of the hypotheses before refinement, in units of the search radius and radians


class Stopwatch:
    """Times of named stages."""

    def __init__(self) -> None:
        self._times: defaultdict[str, list[float]] = defaultdict(list)

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """Add the time spent inside to a stage."""
        start = time.perf_counter()
        yield
        self._times[stage].append(1e3 * (time.perf_counter() - start))

    def quantiles(self) -> dict[str, Quantiles]:
        """Of every stage, in the order of their first use."""
        return {stage: quantiles(times) for stage, times in self._times.items()}


def measure_stages(path: FramePath, frames: int, publish: Publish | None, warm_up: int = 3) -> dict[str, Quantiles]:
    """Times of the stages of a frame, each for itself.

    `patch` and `encode_satellite` are paid for new patches only; `estimate` refines hypotheses of its own, so that
    `refine` is a part of it. `frame` is all of localising a decoded image on an encoded patch, `frames_of_4` four of
    them at once, as of the cameras of a rig. publish: None where there is no ROS; the stage is left out then.
    """
    for index in range(warm_up):
        _take(path, index, Stopwatch(), publish)
    watch = Stopwatch()
    for index in range(frames):
        _take(path, index, watch, publish)
    return watch.quantiles()


@torch.inference_mode()
def _take(path: FramePath, index: int, watch: Stopwatch, publish: Publish | None) -> None:
    frame, model = path.drive.at(index), path.model
    config, settings = model.config, path.localizer.config
    with watch("decode"):
        image, camera = compressed_for(frame.message, path.drive.camera, path.needed_px)
    with watch("preprocess"):
        ground = image_tensor(ground_image(camera.rectify(image), config))
        lift = cached_lift_grid(camera.rectified(), config)
    with watch("patch"):
        place, yaw = (frame.prior.east, frame.prior.north), frame.prior.yaw
        patch = path.drive.satellite.patch(
            path.drive.frame, place, yaw, config.satellite_px, config.satellite_resolution
        )
    with watch("encode_ground"):
        seen = model.encode_ground(ground, lift)
    with watch("encode_satellite"):
        known = model.encode_satellite(image_tensor(patch.image))
    with watch("match"):
        latent = model.match(seen, known)
    drawn = DRAWN_SPREAD * torch.randn(1, settings.hypotheses, 3, generator=torch.Generator().manual_seed(index))
    with watch("refine"):
        model.refine(latent, drawn, settings.schedule.fractions(settings.steps))
    with watch("estimate"):
        estimate = estimate_pose(model, latent, patch, frame.prior, settings, index)
    taken = CameraFrame(image, camera, frame.prior, index)
    path.localizer.localize_rig([taken])  # its patch may be new, which is paid for above
    with watch("frame"):
        path.localizer.localize_rig([taken])
    with watch(f"frames_of_{RIG}"):
        path.localizer.localize_rig([taken] * RIG)
    if publish is not None:
        with watch("publish"):
            publish(estimate)
