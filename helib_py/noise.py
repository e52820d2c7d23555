"""How much error each CKKS operation adds, and what that means in bits.

All deviations are of one slot (its real part), in units of the message. They follow from the
variance v of a coefficient of the error polynomial: a slot sums N coefficients times roots of
unity, so its real part has variance N·v/2 (compare Costache et al., ePrint 2022/162).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from math import hypot, isnan, log, log2, nan, sqrt
from typing import Any

import numpy as np

from .encoding import as_array
from .errors import BadValue, Overflow, ParameterError
from .flooding import Flood
from .params import CKKS, NOISE_STD

SELDOM = 1 / 128  #: of the results err more than their label says
EXPECTED = 0.56  #: of them err more than is to be expected: exp(-γ), with Euler's γ
ANSWERS = 1 << 16  #: whose largest error a plan predicts
FEWEST = 16  #: examples whose errors are looked at
LOUDER = 1.25  #: than expected are the errors that a plan reckons with: other inputs make larger
MAX_BITS = 1023.0  #: of a value: beyond, float64 has infinity only


Std = Any  #: a float; an array, slot by slot, where the secret's sizes are given


def _slot_std(params: CKKS, coefficient_variance: Std, scale: float) -> Std:
    return (params.ring / 2 * coefficient_variance) ** 0.5 / scale


def _rounding_variance(params: CKKS, parts: int = 2, sizes: Std = None) -> Std:
    """Rounding c0 + c1·s (+ c2·s²), s ternary: the third part's noise is ~N times the second's.

    ``sizes``: the secret's, see :func:`secret_sizes`; by default the mean over all slots.
    """
    secret = 2 * params.ring / 3 * (1.0 if sizes is None else sizes)  # |s|² at a slot
    twice = 2 if sizes is None else 1  # the mean of its square is twice the square of its mean
    return (1 + secret + (twice * secret**2 if parts == 3 else 0)) / 12


def secret_sizes(random: np.random.Generator, count: int) -> np.ndarray:
    """|s|² at so many slots over its mean: a key has slots that are worse than others.

    What is rounded is multiplied by the secret's value there, which is a complex normal number;
    so errors of all ciphertexts are large at the same slots, and larger than normal ones.
    """
    return random.standard_exponential(count)


def encoding_std(params: CKKS, scale: float) -> float:
    """Rounding the coefficients of a plaintext to integers.

    Real slots make coefficients k and N-k opposite, so their errors pair up and the real part
    of a slot takes twice the variance (and the imaginary part none).
    """
    return float(_slot_std(params, 2 / 12, scale))


def fresh_std(params: CKKS, scale: float, sizes: Std = None) -> Std:
    """A public-key encryption: SEAL encrypts modulo q·p and divides p away."""
    inside = (4 * params.ring / 3 + 1) * NOISE_STD**2 / float(params.special) ** 2
    return _slot_std(params, 2 / 12 + _rounding_variance(params, 2, sizes) + inside, scale)


def rescaling_std(params: CKKS, scale: float, parts: int = 2, sizes: Std = None) -> Std:
    """Dividing by a prime and rounding; ``scale`` is the scale afterwards.

    Three parts (a product not yet relinearised) cost some log2(2N/3)/2 bits: relinearise first.
    """
    return _slot_std(params, _rounding_variance(params, parts, sizes), scale)


def key_switching_stds(params: CKKS, level: int, scale: float, sizes: Std = None) -> np.ndarray:
    """Relinearising or rotating: the deviation of every slot, shape (slots,).

    One digit a prime, uniform in [0, q), times a key's error, over the special prime. SEAL's
    digits are not centred: their mean q/2 makes the polynomial q/(1-ζ) at the root ζ = ζ(3^j)
    of slot j, so slot 0 and a few others suffer some √(12N)/π times more than the rest.
    """
    even, alike = key_switching_parts(params, level, scale, sizes)
    return np.asarray(np.sqrt(even**2 + (alike**2).sum(axis=0)))


def key_switching_parts(
    params: CKKS, level: int, scale: float, sizes: Std = None
) -> tuple[Std, np.ndarray]:
    """The deviation that each ciphertext has for itself, and those, shape (primes, slots), alike.

    What comes of the digits' mean is fixed by the key: all that is switched by it at one slot
    gets the same, and sums of many ciphertexts get their sum.
    """
    digits = np.array([q / params.special for q in params.primes[: level + 1]])
    switched = (digits**2).sum() * NOISE_STD**2 * params.ring / 12
    variance = switched + _rounding_variance(params, 2, sizes)
    alike = NOISE_STD * np.sqrt(params.ring / 2 * _mean_digit(params.ring)) / scale
    return _slot_std(params, variance, scale), digits[:, None] * alike


def key_switching_std(params: CKKS, level: int, scale: float) -> float:
    """The deviation of the worst slot, which is the first: of a short vector all there is."""
    return float(key_switching_stds(params, level, scale).max())


@lru_cache
def _mean_digit(ring: int) -> np.ndarray:
    """1/|1-ζ|² at the root of every slot."""
    exponents = np.array([pow(3, j, 2 * ring) for j in range(ring // 2)])
    return 1 / (4 * np.sin(np.pi * exponents / (2 * ring)) ** 2)


def largest(count: int) -> float:
    """Expected largest of ``count`` absolute normal deviations, in deviations."""
    return sqrt(2 * log(count + 1))


def rarely(count: int, share: float = SELDOM) -> float:
    """What the largest of ``count`` errors exceeds in this share of results, in deviations.

    A rounding is multiplied by the secret's value at a slot, so that its error is the real part
    of a product of two complex normal numbers: P(|e| > t) = exp(-√2·t), as Laplace's.
    """
    return log(count / share) / sqrt(2)


def foreseen(errors: np.ndarray) -> float:
    """The largest error among ``ANSWERS`` answers, by those of a few, shape (count, outputs).

    Few see fewer of the rare errors, so theirs are scaled as the largest to expect are.
    """
    more = rarely(ANSWERS * errors.shape[-1], EXPECTED) / rarely(errors.size, EXPECTED)
    return float(max(more, 1.0) * np.abs(errors).max())


def enough(examples: np.ndarray) -> np.ndarray:
    """Examples, repeated where they are so few that their errors might all be small by chance."""
    return np.resize(examples, (max(len(examples), FEWEST), *examples.shape[1:]))


def bits(error: float) -> float:
    """Precision in bits: -log2 of the largest absolute error."""
    if np.isnan(error):
        return float("-inf")
    return -log2(error) if error > 0 else float("inf")


def measured_bits(got: np.ndarray, expected: np.ndarray) -> float:
    """Precision of a decryption against the value it should have; -inf where NaN turns up."""
    a, b = as_array(got), as_array(expected)
    try:
        return bits(float(np.max(np.abs(a - b), initial=0.0)))
    except (TypeError, ValueError, OverflowError) as error:
        raise BadValue(f"{a.shape} beside {b.shape}: must be numbers alike ({error})") from error


def room(params: CKKS, level: int, scale: float) -> float:
    """The largest value that the modulus of a level holds at a scale, and a float64."""
    return float(2.0 ** min(params.log_q(level) - 1 - log2(scale), MAX_BITS))


def check_room(params: CKKS, level: int, scale: float, bound: float) -> None:
    """Overflow unless values up to ``bound`` at this scale fit the modulus of this level."""
    largest = room(params, level, scale)
    if not bound <= largest:
        raise Overflow(
            f"values may reach {bound:.3g}, the modulus at level {level} holds {largest:.3g}: "
            "scale the data down, raise bound= in the parameters, or promise(bound) if you know "
            "better"
        )


def check_outlasts(flood: Flood, bound: float, count: int, precision: float) -> None:
    """ParameterError unless ``count`` values keep so many bits below a bound under a flood."""
    error = largest(count) * hypot(flood.error, flood.slot_std)
    if bits(error / bound) < precision:
        raise ParameterError(
            f"{bits(error / bound):.1f} bits of values up to {bound:.3g} outlast the noise "
            f"({flood}), {precision:g} are wanted: use parameters with more precision, publish "
            "fewer answers, or promise(bound) if they are smaller"
        )


@dataclass(frozen=True)
class Estimate:
    """What is known in public about the values inside a ciphertext.

    ``bound``: no absolute value exceeds it. ``std``: standard deviation of the error of a slot;
    NaN of what another party computed.
    Errors of two ciphertexts are added as if fully dependent (``x + x`` is the common case);
    fresh errors are independent of all that was there before.
    """

    bound: float
    std: float

    def __post_init__(self) -> None:
        if not self.bound >= 0:
            raise BadValue(f"bound={self.bound}: a bound is a number that no value exceeds")

    def bits(self, count: int) -> float:
        """Precision in bits of the worst of ``count`` values, rarely less; NaN where unknown."""
        return nan if isnan(self.std) else bits(rarely(count) * self.std)

    def plus(self, other: Estimate) -> Estimate:
        """A sum or difference."""
        return Estimate(self.bound + other.bound, self.std + other.std)

    def times(self, other: Estimate) -> Estimate:
        """A product of slots."""
        std = self.bound * other.std + other.bound * self.std
        return Estimate(self.bound * other.bound, std)

    def with_error(self, std: float) -> Estimate:
        """The same values with a fresh, independent error on top."""
        return replace(self, std=hypot(self.std, std))

    def folded(self, turnings: Iterable[float]) -> Estimate:
        """x + rotate(x, f) for each error of a turn: errors of different slots, and one more."""
        bound, std = self.bound, self.std
        for turning in turnings:
            bound, std = 2.0 * bound, hypot(std, std, turning)
        return Estimate(bound, std)

    def through(self, matrix: np.ndarray, encoding: float) -> Estimate:
        """A matrix product whose weights are off by ``encoding``, independently."""
        bound = float(np.abs(matrix).sum(axis=1).max()) * self.bound
        inputs = float(np.sqrt((matrix**2).sum(axis=1).max())) * self.std
        weights = self.bound * encoding * sqrt(matrix.shape[1])
        return Estimate(bound, hypot(inputs, weights))
