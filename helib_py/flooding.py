"""Hiding what an answer must not tell: whole polynomials that are added before it leaves.

A decrypted CKKS ciphertext is a polynomial, message plus error, and the error depends on all that
was computed with. To whoever holds the key it is readable, unless it drowns in fresh noise.
"""

from __future__ import annotations

import secrets
from functools import lru_cache
from math import log, pi, sqrt

import numpy as np

from .errors import ParameterError

#: A draw stays below 9 deviations, and float64 has 53 bits: so some are left below the whole ones.
LARGEST_STD = 2.0**46


def flood_std(error: float, count: int, statistical_bits: float, answers: int = 1) -> float:
    """Deviation of the noise that hides normal errors, std ``error``, of ``count`` coefficients.

    sqrt(12·answers)·2^(statistical_bits/2) times the Euclidean length of the errors (Li,
    Micciancio, Schultz, Sorrell, CRYPTO 2022, ePrint 2022/816, where the length is a worst case);
    here a length exceeded with probability below 2^-statistical_bits, by Gaussian concentration.
    """
    length = error * (sqrt(count) + sqrt(2 * log(2) * statistical_bits))
    return float(sqrt(12 * answers) * 2 ** (statistical_bits / 2) * length)


def normal(std: float, count: int) -> np.ndarray:
    """Rounded normal deviates from the operating system's randomness, int64 (count,).

    Every bit of them is random, down to the last: ParameterError for a ``std`` so large that
    float64 would leave the lowest ones zero, and what they should hide in view.
    """
    if not std <= LARGEST_STD:
        raise ParameterError(
            f"a flood of 2^{np.log2(std):.1f} units is coarser than float64 counts: ask for fewer "
            "statistical_bits or answers"
        )
    first, second = (_words(count, 53) + 1) / 2.0**53, _words(count, 53) / 2.0**53
    drawn = np.sqrt(-2 * np.log(first)) * np.cos(2 * pi * second)  # Box and Muller
    whole: np.ndarray = np.rint(std * drawn).astype(np.int64)
    return whole


def uniform(modulus: int, count: int) -> np.ndarray:
    """Uniform in (-modulus/2, modulus/2), exactly, int64 (count,)."""
    bits, drawn = modulus.bit_length(), np.empty(0, np.int64)
    while len(drawn) < count:
        more = _words(count, bits).astype(np.int64)
        drawn = np.concatenate([drawn, more[more < modulus]])
    return drawn[:count] - modulus // 2


def mask(ring: int, modulus: int, period: int, std: float) -> np.ndarray:
    """A polynomial, int64 (ring,), that leaves only slots of that period to be read, flooded.

    Slots that repeat with a period are a polynomial in X^(ring/2/period): its 2·period
    coefficients, for real and imaginary parts, get normal noise. All other coefficients become
    uniform modulo the modulus, so that nothing of what may be in them is left.
    """
    coefficients = uniform(modulus, ring)
    coefficients[:: ring // (2 * period)] = normal(std, 2 * period)
    return coefficients


def capacity(modulus: int, period: int, std: float) -> float:
    """Bits that one masked answer can carry at most, whatever was computed.

    Each readable coefficient is a number modulo ``modulus`` plus normal noise: its entropy is at
    most that of a uniform one, and that of the noise alone carries nothing.
    """
    noise = np.log2(std * sqrt(2 * pi * np.e))
    return float(2 * period * max(0.0, np.log2(float(modulus)) - noise))


def embed(coefficients: np.ndarray) -> np.ndarray:
    """All slots of a real polynomial (N,), complex (N/2,): its values at ζ^(3^j), ζ = e^(iπ/N)."""
    ring = len(coefficients)
    turned = coefficients * np.exp(1j * pi * np.arange(ring) / ring)
    values: np.ndarray = np.fft.ifft(turned, norm="forward")[_order(ring)]
    return values


@lru_cache
def _order(ring: int) -> np.ndarray:
    """Where the transform has slot j: it gives the values at all odd powers of ζ in a row."""
    return np.array([pow(3, j, 2 * ring) // 2 for j in range(ring // 2)])


def _words(count: int, bits: int) -> np.ndarray:
    """Random numbers of so many bits, uint64 (count,)."""
    words = np.frombuffer(secrets.token_bytes(8 * count), np.uint64)
    return words >> np.uint64(64 - bits)
