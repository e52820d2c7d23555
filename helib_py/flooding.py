"""Hiding what an answer must not tell: whole polynomials that are added before it leaves.

A decrypted CKKS ciphertext is a polynomial, message plus error, and the error depends on all that
was computed with. To whoever holds the key it is readable, unless it drowns in fresh noise.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import inf, isfinite, log, log2, pi, sqrt
from threading import Lock
from typing import Any, TypeVar

import numpy as np

from . import randomness
from .errors import OutOfAnswers, ParameterError
from .options import real

Terms = tuple[float, int]  #: of a flood: statistical bits, answers
FEWEST_BITS = 30  #: statistical bits below which a flood is a toy's
ANY = -inf  #: bits asked of a plan that is looked at, however few outlast its flood
MOST_BITS, MOST_ANSWERS = 256, 10**12  #: more than anyone can want


@dataclass(frozen=True)
class Flood:
    """Normal noise on the coefficients of an answer, and all others drowned.

    Slots that repeat with ``period`` are a polynomial in X^(N/2/period): its 2·period coefficients
    get noise of deviation ``std``, in units of the ciphertext's integers, and alone can be read.
    It hides errors whose slots have a deviation of ``error``, at a ``scale``, in ``answers`` of
    them: all that they tell is an advantage of some 2^-``statistical_bits``, counted as Li et al.
    do (ePrint 2022/816): as the square of how much more often than wrongly one guesses which of
    two inputs, or two models, it was. So 40 of them, which is usual, are a distance of some 2^-22
    from telling nothing.
    """

    statistical_bits: float
    answers: int
    error: float
    scale: float
    period: int
    each: int = 1  #: ciphertexts that an answer is made of

    def __str__(self) -> str:
        return (
            f"flooded: {self.statistical_bits:g} statistical bits, "
            f"{self.answers} answer{'s' * (self.answers > 1)}"
        )

    @property
    def std(self) -> float:
        """Deviation of the noise, of a coefficient."""
        coefficient = self.error * self.scale / sqrt(self.period)
        answers = self.answers * self.each
        return flood_std(coefficient, 2 * self.period, self.statistical_bits, answers)

    @property
    def slot_std(self) -> float:
        """Deviation of the noise, of a slot: one sums 2·period coefficients times cosines."""
        return self.std * sqrt(self.period) / self.scale

    def slots(self) -> np.ndarray:
        """Fresh noise as it shows in slots, float64 (period,), for what is published."""
        coefficients = randomness.normal(self.std, 2 * self.period).astype(np.float64)
        return np.asarray(embed(coefficients).real / self.scale)

    def capacity(self, modulus: int) -> float:
        """Bits that one answer can carry at most, even if its input was made to spy.

        All ``each`` ciphertexts of it together; of its modulus, see ``CKKS.modulus``.
        """
        return self.each * capacity(modulus, self.period, self.std)

    def mask(self, ring: int, modulus: int) -> np.ndarray:
        """A fresh polynomial to add to an answer, Python's whole numbers (N,); see ``mask``."""
        return mask(ring, modulus, self.period, self.std)


COUNTING = Lock()  #: while answers are counted: two threads must not take the last one


class Allowance:
    """The answers that may still be given under a flood; without one, any number."""

    def __init__(self, flood: Flood | None) -> None:
        self._flood, self._given = flood, 0

    def take(self) -> None:
        """One of them; OutOfAnswers where none is left."""
        with COUNTING:
            if self._flood and self._given >= self._flood.answers:
                raise OutOfAnswers(
                    f"{self._flood}, and they have been given: make the server with more "
                    "answers=, or let the data owner make another key"
                )
            self._given += 1

    def __reduce__(self) -> tuple[object, tuple[Flood | None]]:
        if self._flood and self._given:
            raise OutOfAnswers(
                "a server that has given flooded answers is not copied, its copy would count them "
                "anew: copy it before, or make another with as many answers= as are left"
            )
        return Allowance, (self._flood,)


def check_terms(statistical_bits: float, answers: int, insecure: bool) -> None:
    """ParameterError for so few statistical bits that nothing is hidden, unless it is a toy.

    And for terms that are no such numbers: a plan may be a stranger's.
    """
    if not (isinstance(statistical_bits, int | float) and 0 <= statistical_bits <= MOST_BITS):
        raise ParameterError(f"statistical_bits: a number up to {MOST_BITS}, 40 is usual")
    if not (statistical_bits >= FEWEST_BITS or (insecure and statistical_bits > 0)):
        raise ParameterError(
            f"statistical_bits={statistical_bits:g}: at least {FEWEST_BITS}; fewer hide next to "
            "nothing and take insecure=True"
        )
    if type(answers) is not int or not 1 <= answers <= MOST_ANSWERS:
        raise ParameterError(f"answers: a whole number from 1 to {MOST_ANSWERS:g}")


Flooded = TypeVar("Flooded", bound=Any)


def outlasting(plan: Flooded, precision: float) -> Flooded:
    """A plan as it is; ParameterError when its flood leaves fewer significant bits, or is none."""
    precision = precision if precision is ANY else real(precision, "precision")
    if plan.bits >= precision and isfinite(plan.flood.slot_std):
        return plan
    raise ParameterError(
        f"~{plan.bits:.1f} bits outlast {plan.flood}, {precision:g} are wanted: plan with "
        "he.plan(…, flood=bits), which chooses larger primes, ask for fewer statistical bits, "
        "answers or layers, or for less precision="
    )


def flood_std(error: float, count: int, statistical_bits: float, answers: int = 1) -> float:
    """Deviation of the noise that hides normal errors, std ``error``, of ``count`` coefficients.

    sqrt(12·answers)·2^(statistical_bits/2) times the Euclidean length of the errors (Li,
    Micciancio, Schultz, Sorrell, CRYPTO 2022, ePrint 2022/816, where the length is a worst case);
    here a length exceeded with probability below 2^-statistical_bits, by Gaussian concentration.
    """
    length = error * (sqrt(count) + sqrt(2 * log(2) * statistical_bits))
    return float(sqrt(12 * answers) * 2 ** (statistical_bits / 2) * length)


def mask(ring: int, modulus: int, period: int, std: float) -> np.ndarray:
    """A polynomial, whole numbers (ring,), that leaves only slots of that period, flooded.

    Slots that repeat with a period are a polynomial in X^(ring/2/period): its 2·period
    coefficients, for real and imaginary parts, get normal noise. All other coefficients become
    uniform modulo the modulus, so that nothing of what may be in them is left.
    """
    readable = randomness.normal(std, 2 * period)
    if 2 * period == ring:
        return readable
    coefficients = randomness.uniform(modulus, ring)
    coefficients[:: ring // (2 * period)] = readable
    return coefficients


def capacity(modulus: int, period: int, std: float) -> float:
    """Bits that one masked answer can carry at most, whatever was computed.

    Each readable coefficient is a number modulo ``modulus`` plus normal noise: its entropy is at
    most that of a uniform one, and that of the noise alone carries nothing.
    """
    noise = log2(std * sqrt(2 * pi * np.e))
    return float(2 * period * max(0.0, log2(modulus) - noise))


def embed(coefficients: np.ndarray) -> np.ndarray:
    """All slots of a real polynomial (N,), complex (N/2,): its values at ζ^(3^j), ζ = e^(iπ/N)."""
    ring = len(coefficients)
    values: np.ndarray = np.fft.ifft(coefficients * _turns(ring), norm="forward")[_order(ring)]
    return values


def coefficients_of(slots: np.ndarray) -> np.ndarray:
    """The real polynomial (N,) with these real slots (N/2,): what ``embed`` undoes."""
    ring = 2 * len(slots)
    values, order = np.empty(ring), _order(ring)
    values[order] = values[ring - 1 - order] = slots  # real, and so the same at conjugate roots
    return np.asarray((np.fft.fft(values, norm="forward") / _turns(ring)).real)


@lru_cache
def _turns(ring: int) -> np.ndarray:
    """ζ^k for every coefficient."""
    return np.asarray(np.exp(1j * pi * np.arange(ring) / ring))


@lru_cache
def _order(ring: int) -> np.ndarray:
    """Where the transform has slot j: it gives the values at all odd powers of ζ in a row."""
    return np.array([pow(3, j, 2 * ring) // 2 for j in range(ring // 2)])
