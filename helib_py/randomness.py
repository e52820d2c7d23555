"""The system's randomness: whatever hides something is drawn here, and nothing else is.

Dry runs and pictures draw from numpy's generators, which can be repeated and so hide nothing.
"""

from __future__ import annotations

import secrets
from functools import reduce
from math import ceil, log2, pi

import numpy as np

token, bits, below = secrets.token_bytes, secrets.randbits, secrets.randbelow

#: A draw stays below 9 deviations, and float64 has 53 bits: so some are left below the whole ones.
FINEST_STD = 2.0**46


def words(count: int, width: int = 64) -> np.ndarray:
    """Numbers of so many bits, uint64 (count,)."""
    drawn = np.frombuffer(token(8 * count), np.uint64)
    return drawn >> np.uint64(64 - width)


def wide(width: int, count: int) -> np.ndarray:
    """Uniform in [0, 2^width), Python's whole numbers (count,), however many bits."""
    limbs = max(1, -(-width // 32))
    drawn = words(count * limbs, 32).astype(object).reshape(limbs, count)
    number: np.ndarray = reduce(lambda high, low: (high << 32) | low, drawn)
    return number & ((1 << width) - 1)


def uniform(modulus: int, count: int) -> np.ndarray:
    """Uniform in (-modulus/2, modulus/2), exactly, Python's whole numbers (count,)."""
    drawn = np.empty(0, object)
    while len(drawn) < count:
        more = wide(modulus.bit_length(), count)
        drawn = np.concatenate([drawn, more[more < modulus]])
    return drawn[:count] - modulus // 2


def reals(count: int) -> np.ndarray:
    """Uniform in [0, 1), float64 (count,)."""
    return np.asarray(words(count, 53) / 2.0**53)


def permutation(count: int) -> np.ndarray:
    """All orders equally likely (Fisher and Yates)."""
    order = np.arange(count)
    for i in range(count - 1, 0, -1):
        j = below(i + 1)
        order[i], order[j] = order[j], order[i]
    return order


def normal(std: float, count: int) -> np.ndarray:
    """Rounded normal deviates, whole numbers (count,), Python's own where they are many bits long.

    Every bit of them is random, down to the last: beyond what float64 can count, the lowest bits
    are drawn by themselves.
    """
    spare = max(0, ceil(log2(std / FINEST_STD))) if std > 0 else 0
    radius = np.sqrt(-2 * np.log(1 - reals(count)))
    drawn = radius * np.cos(2 * pi * reals(count))  # Box and Muller
    whole = np.rint(std / 2.0**spare * drawn).astype(np.int64)
    return np.asarray((whole.astype(object) << spare) + wide(spare, count) if spare else whole)
