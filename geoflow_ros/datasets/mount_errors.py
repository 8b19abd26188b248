"""Samples whose cameras are mounted otherwise than they say: what an evaluation of a hand-made mount looks at."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from geoflow_ros.datasets.sample import Changed, LocalizationDataset, Sample


class MountErrors(Changed):
    """Samples of another dataset, the stated pitch off by a normal error that is drawn for every (seed, index)."""

    def __init__(self, samples: LocalizationDataset, pitch_sigma: float, seed: int = 0) -> None:
        """pitch_sigma: standard deviation (rad)."""
        super().__init__(samples)
        self._pitch_sigma, self._seed = pitch_sigma, seed

    def changed(self, sample: Sample, index: int) -> Sample:
        error = np.random.default_rng((self._seed, index, 1)).normal(0.0, self._pitch_sigma)
        mount = replace(sample.camera.mount, pitch=sample.camera.mount.pitch + error)
        return replace(sample, camera=replace(sample.camera, mount=mount))
