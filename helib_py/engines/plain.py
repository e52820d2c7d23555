"""The clear twin: the same levels and scales on numpy arrays, with the noise model's errors.

Nothing is encrypted. Values may carry leading axes (a batch of examples) before the slots.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache
from math import isclose
from typing import Any

import numpy as np

from .. import noise
from ..errors import BadBytes, EngineFailed
from ..flooding import coefficients_of, embed
from ..options import flag, whole
from ..params import CKKS
from . import Bundle

Std = float | np.ndarray
FINE = 2.0**26  #: scale from which on the rounding of a plaintext is as good as random
SUPPLY = 1 << 20  #: normal numbers that all dry runs of a planner share


@dataclass(frozen=True)
class Values:
    """Slot values at a level and a scale; ``parts`` is 3 before relinearisation."""

    slots: np.ndarray
    level: int
    scale: float
    parts: int = 2

    @property
    def peak(self) -> float:
        """The largest magnitude; infinite where errors have exploded."""
        return float(np.nan_to_num(max(self.slots.max(), -self.slots.min()), nan=np.inf))


class PlainEvaluator:
    """Evaluator on clear values. ``noisy=False`` computes exactly; then levels still count.

    ``louder``: by how much its errors exceed those to expect.
    """

    def __init__(
        self, params: CKKS, noisy: bool = True, seed: int | None = None, louder: float = 1.0
    ) -> None:
        self.params, self._louder = params, louder
        self._noisy = flag(noisy, "noisy")
        self._random = np.random.default_rng(None if seed is None else whole(seed, "seed", 0))
        self._secret = noise.secret_sizes(self._random, params.slots)

    def encode(self, values: np.ndarray, level: int, scale: float) -> Values:
        if self._noisy and np.ptp(values) == 0:  # one coefficient, rounded
            return Values(np.round(values * scale) / scale, level, scale)
        if self._noisy and scale < FINE:
            off = _rounding(np.asarray(values, float).tobytes(), scale)
            return Values(values + off, level, scale)
        return self._with_error(values, level, scale, noise.encoding_std(self.params, scale))

    def encrypt(self, values: np.ndarray, level: int, scale: float) -> Values:
        std = noise.fresh_std(self.params, scale, self._secret)
        return self._with_error(values, level, scale, std)

    def add(self, a: Values, b: Values) -> Values:
        return Values(a.slots + b.slots, *_same(a, b), max(a.parts, b.parts))

    def subtract(self, a: Values, b: Values) -> Values:
        return Values(a.slots - b.slots, *_same(a, b), max(a.parts, b.parts))

    def negate(self, a: Values) -> Values:
        return Values(-a.slots, a.level, a.scale, a.parts)

    add_plain = add

    def multiply_plain(self, a: Values, p: Values) -> Values:
        _same_level(a, p)
        return Values(a.slots * p.slots, a.level, a.scale * p.scale)

    def multiply(self, a: Values, b: Values) -> Values:
        _same_level(a, b)
        return Values(a.slots * b.slots, a.level, a.scale * b.scale, parts=3)

    def square(self, a: Values) -> Values:
        return self.multiply(a, a)

    def relinearise(self, a: Values) -> Values:
        std = noise.key_switching_stds(self.params, a.level, a.scale, self._secret)
        return self._with_error(a.slots, a.level, a.scale, std)

    def rescale(self, a: Values) -> Values:
        scale = a.scale / self.params.primes[a.level]
        std = noise.rescaling_std(self.params, scale, a.parts, self._secret)
        return self._with_error(a.slots, a.level - 1, scale, std, a.parts)

    def lower(self, a: Values, level: int) -> Values:
        return Values(a.slots, level, a.scale, a.parts)

    def rotate(self, a: Values, steps: int) -> Values:
        std = noise.key_switching_stds(self.params, a.level, a.scale, self._secret)
        return self._with_error(np.roll(a.slots, -steps, axis=-1), a.level, a.scale, std)

    def dump(self, a: Values) -> bytes:
        return struct.pack("<B", a.parts) + np.ascontiguousarray(a.slots).tobytes()

    def load(self, data: bytes, level: int, scale: float) -> Values:
        if len(data) != 1 + 8 * self.params.slots or data[0] != 2:
            raise BadBytes("these bytes are no clear-twin ciphertext: send them again")
        slots = np.frombuffer(data[1:])
        if not np.all(np.isfinite(slots)):
            raise BadBytes("this clear-twin ciphertext holds what is no number: send it again")
        return Values(slots, level, scale)

    def rerandomise(self, a: Values) -> Values:
        std = noise.fresh_std(self.params, a.scale, self._secret)
        return self._with_error(a.slots, a.level, a.scale, std)

    def add_integers(self, a: Values, coefficients: np.ndarray) -> Values:
        slots = embed(coefficients.astype(np.float64)).real / a.scale
        return Values(a.slots + slots, a.level, a.scale, a.parts)

    def _with_error(
        self, values: np.ndarray, level: int, scale: float, std: Std, parts: int = 2
    ) -> Values:
        if self._noisy:
            values = values + self._louder * std * self._normal(values.shape)
        return Values(values, level, scale, parts)

    def _normal(self, shape: tuple[int, ...]) -> np.ndarray:
        return self._random.standard_normal(shape)


class PlainKeys:
    """Stands where a secret key would be; decrypting only looks."""

    def __init__(self, params: CKKS) -> None:
        self.bundle: Bundle = {"public": np.random.default_rng().bytes(32)}

    def decrypt(self, a: Values) -> np.ndarray:
        return a.slots


def _same_level(a: Values, b: Values) -> None:
    _must(a.level == b.level, f"levels {a.level} and {b.level} meet")


def _same(a: Values, b: Values) -> tuple[int, float]:
    _same_level(a, b)
    _must(isclose(a.scale, b.scale), f"scales {a.scale:g} and {b.scale:g} meet")
    return a.level, a.scale


def _must(fit: bool, what: str) -> None:
    """EngineFailed where SEAL would refuse, too, as only a stranger's labels can make it."""
    if not fit:
        raise EngineFailed(
            f"{what}: these ciphertexts were not made for this: encrypt the inputs again"
        )


@lru_cache(maxsize=256)
def _rounding(slots: bytes, scale: float) -> np.ndarray:
    """By what a plaintext is off when its coefficients are rounded, really.

    Where few slots are in use and coefficients are a unit or two, rounding is no noise: it takes
    off the same of all that is multiplied by it, and of small weights everything.
    """
    coefficients = scale * coefficients_of(np.frombuffer(slots))
    return np.asarray(embed(np.rint(coefficients) - coefficients).real / scale)


class QuickEvaluator(PlainEvaluator):
    """The clear twin with errors taken from one supply, at random places: ten times as fast."""

    def __init__(self, params: CKKS, seed: int, louder: float = 1.0, keys: int = 1) -> None:
        """``keys``: as many as there are examples, for each its own."""
        super().__init__(params, True, seed, louder)
        sizes = noise.secret_sizes(np.random.default_rng(seed), keys * params.slots)
        self._secret = sizes.reshape(keys, params.slots)
        self._supply, self._random.bit_generator.state = _supply(seed)

    def _normal(self, shape: tuple[int, ...]) -> np.ndarray:
        count = int(np.prod(shape))
        if count > SUPPLY // 2:
            return super()._normal(shape)
        start = int(self._random.integers(SUPPLY - count))
        return self._supply[start : start + count].reshape(shape)


@lru_cache(maxsize=1)
def _supply(seed: int) -> tuple[np.ndarray, Any]:
    """Normal numbers, and the state in which they leave their generator."""
    random = np.random.default_rng(seed)
    numbers = random.standard_normal(SUPPLY)
    numbers.flags.writeable = False
    return numbers, random.bit_generator.state
