"""The worst that can happen to values and errors: an engine that runs programs on bounds.

A flood is sized by it. Sized by what errors usually are, it falls: whoever encrypts chooses inputs
that make them larger (Guo, Nabokov, Suvanto, Johansson, USENIX Security 2024). So magnitudes here
are those of the worst inputs within the promised bound; only the noise itself is reckoned as
normal, and that of different slots and keys as independent.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .. import noise
from ..params import CKKS

FLOAT_STD = 2.0**-51  #: of what float64 loses in encoding, relative to the largest value


@dataclass(frozen=True, eq=False)
class Reach:
    """For every slot, the largest |value| and the deviation of its error; see ``Values``."""

    bound: np.ndarray
    std: np.ndarray
    level: int
    scale: float
    parts: int = 2


class WorstCase:
    """Arithmetic on bounds, slot by slot."""

    def __init__(self, params: CKKS) -> None:
        self.params = params

    def encode(self, values: np.ndarray, level: int, scale: float) -> Reach:
        lost = FLOAT_STD * float(np.abs(values).max(initial=0.0))
        std = np.hypot(noise.encoding_std(self.params, scale), lost)
        return Reach(np.abs(values), np.full(len(values), std), level, scale)

    def fresh(self, bound: np.ndarray, level: int, scale: float, more: float = 0.0) -> Reach:
        """Just encrypted values up to a bound, with ``more`` error that they had before."""
        lost = np.hypot(FLOAT_STD * float(bound.max(initial=0.0)), more)
        std = np.hypot(noise.fresh_std(self.params, scale), lost)
        return Reach(bound, np.full(len(bound), std), level, scale)

    def add(self, a: Reach, b: Reach) -> Reach:
        std = a.std + b.std if a is b else np.hypot(a.std, b.std)
        return replace(a, bound=a.bound + b.bound, std=std, parts=max(a.parts, b.parts))

    subtract = add_plain = add

    def negate(self, a: Reach) -> Reach:
        return a

    def multiply_plain(self, a: Reach, p: Reach) -> Reach:
        std = np.hypot(a.std * p.bound, a.bound * p.std)
        return replace(a, bound=a.bound * p.bound, std=std, scale=a.scale * p.scale)

    def multiply(self, a: Reach, b: Reach) -> Reach:
        return replace(self.multiply_plain(a, b), parts=3)

    def square(self, a: Reach) -> Reach:
        return replace(
            a, bound=a.bound**2, std=2 * a.bound * a.std, scale=a.scale * a.scale, parts=3
        )

    def relinearise(self, a: Reach) -> Reach:
        stds = noise.key_switching_stds(self.params, a.level, a.scale)
        return replace(a, std=np.hypot(a.std, stds), parts=2)

    def rescale(self, a: Reach) -> Reach:
        scale = a.scale / self.params.primes[a.level]
        std = np.hypot(a.std, noise.rescaling_std(self.params, scale, a.parts))
        return replace(a, std=std, level=a.level - 1, scale=scale)

    def lower(self, a: Reach, level: int) -> Reach:
        return replace(a, level=level)

    def rotate(self, a: Reach, steps: int) -> Reach:
        stds = noise.key_switching_stds(self.params, a.level, a.scale)
        std = np.hypot(np.roll(a.std, -steps), stds)
        return replace(a, bound=np.roll(a.bound, -steps), std=std)

    def rerandomise(self, a: Reach) -> Reach:
        return replace(a, std=np.hypot(a.std, noise.fresh_std(self.params, a.scale)))
