"""The clear twin of a batch: the same steps on numbers, with the errors that are to be expected.

One slot holds one image, so as many slots are computed as there are images.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .. import noise
from ..params import CKKS
from .steps import Place, Step, passages


@dataclass(frozen=True)
class Twin:
    """Runs steps on clear values; without ``random`` it adds no errors."""

    params: CKKS
    random: np.random.Generator | None = None

    def encrypt(self, x: np.ndarray, scale: float) -> np.ndarray:
        """Inputs (count, n) as they come out of a fresh encryption."""
        return self._blurred(x, noise.fresh_std(self.params, scale))

    def run(self, steps: Sequence[Step], x: np.ndarray, scale: float) -> list[np.ndarray]:
        """The outputs of every step (count, m), for encrypted inputs (count, n)."""
        out = []
        for step, passage in zip(steps, passages(steps, self.params.primes, scale), strict=True):
            x, place = step.linear(x), passage.sums
            for operation in step.then:
                x = self._apply(operation, x, place)
                place = place.after(operation, self.params.primes)
            if step is steps[-1]:  # re-randomised on its way out
                x = self._blurred(x, noise.fresh_std(self.params, place.scale))
            out.append(x)
        return out

    def _apply(self, operation: str, x: np.ndarray, place: Place) -> np.ndarray:
        if operation == "square":
            return np.asarray(x * x)
        if operation == "rescale":
            after = place.after(operation, self.params.primes)
            return self._blurred(x, noise.rescaling_std(self.params, after.scale, place.parts))
        stds = noise.key_switching_stds(self.params, place.level, place.scale)
        return self._blurred(x, np.resize(stds, len(x))[:, None])

    def _blurred(self, x: np.ndarray, std: float | np.ndarray) -> np.ndarray:
        if self.random is None:
            return x
        return np.asarray(x + self.random.normal(0, std, x.shape))


def worst(params: CKKS, steps: Sequence[Step], inputs: int, bound: float, scale: float) -> float:
    """Deviation of the error of a result, for the worst inputs; see ``engines.worst``."""
    sizes, stds = np.full(inputs, bound), np.full(inputs, noise.fresh_std(params, scale))
    for step, passage in zip(steps, passages(steps, params.primes, scale), strict=True):
        matrix = np.abs(np.ldexp(step.weights.astype(float), -step.weight_bits))
        sizes, stds = matrix @ sizes + np.abs(step.bias), np.sqrt(matrix**2 @ stds**2)
        place = passage.sums
        for operation in step.then:
            after = place.after(operation, params.primes)
            if operation == "square":
                sizes, stds = sizes**2, 2 * sizes * stds
            elif operation == "rescale":
                stds = np.hypot(stds, noise.rescaling_std(params, after.scale, place.parts))
            else:
                switching = noise.key_switching_stds(params, place.level, place.scale).max()
                stds = np.hypot(stds, switching)
            place = after
    return float(np.hypot(stds.max(), noise.fresh_std(params, place.scale)))
