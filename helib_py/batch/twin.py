"""The clear twin of a batch: the same steps on numbers, with the errors that are to be expected.

One slot holds one image, so as many slots are computed as there are images.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .. import noise
from ..params import CKKS
from .steps import Place, Step, cancelled, passages


class Key(NamedTuple):
    """What makes one key worse than another at the slot of each image.

    ``secret``: its size there, (images, 1); ``switching``: the error of each of its parts there,
    in deviations, (primes, images).
    """

    secret: np.ndarray
    switching: np.ndarray


@dataclass(frozen=True)
class Twin:
    """Runs steps on clear values; without ``random`` it adds no errors, or ``louder`` ones.

    Images are in slots 0, 1, …, or again and again in the first few, the ``crowded``, where errors
    are the largest, and each time under another key.
    """

    params: CKKS
    random: np.random.Generator | None = None
    louder: float = 1.0
    crowded: int = 0

    def encrypt(self, x: np.ndarray, scale: float) -> np.ndarray:
        """Numbers as they come out of a fresh encryption, in slots that are like the mean."""
        return self._blurred(x, noise.fresh_std(self.params, scale))

    def through(self, steps: Sequence[Step], x: np.ndarray, scale: float) -> list[np.ndarray]:
        """The outputs of every step (count, m), for clear inputs (count, n)."""
        key = self._key(len(x))
        fresh = self._blurred(x, noise.fresh_std(self.params, scale, key.secret))
        return self.run(steps, fresh, scale, key)

    def run(
        self, steps: Sequence[Step], x: np.ndarray, scale: float, key: Key | None = None
    ) -> list[np.ndarray]:
        """The same for encrypted inputs."""
        out, key = [], key or self._key(len(x))
        through = passages(steps, self.params.primes, scale)
        for step, passage, empty in zip(steps, through, cancelled(steps, through), strict=True):
            place = passage.sums
            x = step.linear(x) + self._rounding(step.bias, place.scale)
            fresh = noise.fresh_std(self.params, place.scale, key.secret)
            x[:, empty] = self._blurred(x[:, empty], fresh)
            for operation in step.then:
                x = self._apply(operation, x, place, key)
                place = place.after(operation, self.params.primes)
            if step is steps[-1]:  # re-randomised on its way out
                x = self._blurred(x, noise.fresh_std(self.params, place.scale, key.secret))
            out.append(x)
        return out

    def _apply(self, operation: str, x: np.ndarray, place: Place, key: Key) -> np.ndarray:
        p = self.params
        if operation == "square":
            return np.asarray(x * x)
        if operation == "rescale":
            scale = place.after(operation, p.primes).scale
            return self._blurred(x, noise.rescaling_std(p, scale, place.parts, key.secret))
        each, alike = noise.key_switching_parts(p, place.level, place.scale, key.secret)
        slots = np.arange(len(x)) % (self.crowded or p.slots)
        of_the_key = (alike[:, slots] * key.switching[: len(alike)]).sum(axis=0)
        return self._blurred(x + self.louder * of_the_key[:, None], each)

    def _key(self, images: int) -> Key:
        """A random one, as far as the slots of so many images go."""
        random = self.random or np.random.default_rng(0)
        switching = random.standard_normal((len(self.params.primes), images))
        return Key(noise.secret_sizes(random, images)[:, None], switching * bool(self.random))

    def _rounding(self, bias: np.ndarray, scale: float) -> np.ndarray:
        """What a bias is off by, as a whole number at a scale."""
        off = np.rint(bias * scale) / scale - bias
        return np.zeros_like(bias) if self.random is None else np.asarray(off)

    def _blurred(self, x: np.ndarray, std: float | np.ndarray) -> np.ndarray:
        if self.random is None:
            return x
        return np.asarray(x + self.louder * std * self.random.standard_normal(x.shape))


def worst(params: CKKS, steps: Sequence[Step], inputs: int, bound: float, scale: float) -> float:
    """Deviation of the error of a result, for the worst inputs; see ``engines.worst``."""
    sizes, stds = np.full(inputs, bound), np.full(inputs, noise.fresh_std(params, scale))
    through = passages(steps, params.primes, scale)
    for step, passage, empty in zip(steps, through, cancelled(steps, through), strict=True):
        matrix = abs(step.matrix)
        sizes = matrix @ sizes + np.abs(step.bias)
        place = passage.sums
        stds = np.hypot(np.sqrt(matrix.multiply(matrix) @ stds**2), 0.5 / place.scale)
        stds[empty] = np.hypot(stds[empty], noise.fresh_std(params, place.scale))
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
