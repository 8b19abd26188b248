"""Means of networks trained from the same start: what either learnt, and what both knew (Wortsman et al., 2022)."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import fields
from typing import TypeVar

from geoflow_ros.errors import InputError
from geoflow_ros.model.interface import LocalizationModel

FITTED = ("position_variance_scale", "yaw_variance_scale")
Network = TypeVar("Network", bound=LocalizationModel)


def mean_of(models: Sequence[Network], shares: Sequence[float]) -> Network:
    """The weighted mean of networks of one config; shares: of each, adding up to 1. What has no mean is the first's.

    So is how its variances are scaled, which is fitted anew.
    """
    first = models[0]
    if any(type(model.config) is not type(first.config) for model in models):
        raise InputError(f"the networks are {[model.config.name for model in models]}: give checkpoints of one kind")
    named = [field.name for field in fields(first.config) if field.name not in FITTED]
    if differ := [name for name in named if len({getattr(model.config, name) for model in models}) > 1]:
        raise InputError(f"the networks differ in {', '.join(differ)}: give checkpoints of one config")
    if len(shares) != len(models) or abs(sum(shares) - 1.0) > 1e-6:
        raise InputError(f"shares {list(shares)} of {len(models)} networks: give one of each, adding up to 1")
    result = copy.deepcopy(first)
    states = [model.state_dict() for model in models]
    mean = {}
    for name, value in states[0].items():
        terms = [share * state[name] for share, state in zip(shares, states, strict=True)]
        mean[name] = sum(terms[1:], terms[0]) if value.is_floating_point() else value
    result.load_state_dict(mean)
    return result
