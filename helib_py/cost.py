"""Predicted time of CKKS operations, fitted to SEAL 4.1 on one core of an x86-64 server.

Number-theoretic transforms dominate: a key switch at L primes takes some (L+1)(L+2) of them.
Milliseconds differ between machines; ratios between operations hardly do.
"""

from __future__ import annotations

from collections.abc import Callable
from math import log2

from .params import CKKS

_NS_PER_BUTTERFLY: dict[str, Callable[[int], float]] = {  # nanoseconds per N·log2 N
    "rotate": lambda primes: 1.09 * (primes + 1) * (primes + 2),
    "relinearise": lambda primes: 1.09 * (primes + 1) * (primes + 2),
    "rescale": lambda primes: 1.7 * primes,
}
_NS_PER_RESIDUE = {  # nanoseconds per N·L
    "add": 2.5,
    "subtract": 2.5,
    "negate": 2.5,
    "add_plain": 2.5,
    "multiply_plain": 6.0,
    "square": 9.5,
    "multiply": 12.0,
    "lower": 1.5,
}


def work(operation: str, primes: int, log_ring: float) -> float:
    """Predicted nanoseconds of one operation for each of the N coefficients, one thread."""
    if operation in _NS_PER_BUTTERFLY:
        return _NS_PER_BUTTERFLY[operation](primes) * log_ring
    return _NS_PER_RESIDUE[operation] * primes


def milliseconds(operation: str, params: CKKS, level: int) -> float:
    """Predicted time of one operation at a level, one thread."""
    return work(operation, level + 1, log2(params.ring)) * params.ring * 1e-6
