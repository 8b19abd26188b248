"""Gauss-Newton over a chain of states, each tied to the next: solution and marginal covariances in linear time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class NormalEquations:
    """H dx = g of a chain. diagonal: (N, D, D) blocks of H; upper: (N - 1, D, D) blocks k, k + 1; gradient: (N, D)."""

    diagonal: Floats
    upper: Floats
    gradient: Floats

    @classmethod
    def empty(cls, count: int, size: int) -> NormalEquations:
        """Of `count` states of so many numbers, about which nothing is known."""
        return cls(np.zeros((count, size, size)), np.zeros((count - 1, size, size)), np.zeros((count, size)))

    def add_unary(self, index: int, jacobian: Floats, residual: Floats, information: Floats) -> None:
        """A measurement of one state: residual (M,), its jacobian (M, D) and information (M, M)."""
        weighted = jacobian.T @ information
        self.diagonal[index] += weighted @ jacobian
        self.gradient[index] -= weighted @ residual

    def add_between(self, first: int, before: Floats, after: Floats, residual: Floats, information: Floats) -> None:
        """A measurement of a state and the next: jacobians (M, D) with respect to either."""
        self.add_unary(first, before, residual, information)
        self.add_unary(first + 1, after, residual, information)
        self.upper[first] += before.T @ information @ after

    def solve(self) -> tuple[Floats, Floats]:
        """dx (N, D) and the covariances (N, D, D) of the states: block elimination, then backwards (RTS)."""
        count = len(self.diagonal)
        reduced, right = np.empty_like(self.diagonal), np.empty_like(self.gradient)
        reduced[0], right[0] = np.linalg.inv(self.diagonal[0]), self.gradient[0]
        for k in range(1, count):
            carried = self.upper[k - 1].T @ reduced[k - 1]
            reduced[k] = np.linalg.inv(self.diagonal[k] - carried @ self.upper[k - 1])
            right[k] = self.gradient[k] - carried @ right[k - 1]
        step, covariance = np.empty_like(right), np.empty_like(reduced)
        step[-1], covariance[-1] = reduced[-1] @ right[-1], reduced[-1]
        for k in range(count - 2, -1, -1):
            gain = reduced[k] @ self.upper[k]
            step[k] = reduced[k] @ right[k] - gain @ step[k + 1]
            covariance[k] = reduced[k] + gain @ covariance[k + 1] @ gain.T
        return step, (covariance + covariance.transpose(0, 2, 1)) / 2
