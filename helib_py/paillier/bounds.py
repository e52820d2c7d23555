"""How large whole numbers may get: from what is promised in public, never from data."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from math import ceil, log2

import numpy as np

from ..encoding import Slots
from ..errors import BadValue, Overflow
from ..params import MAX_FACTOR_BITS, MAX_VALUE_BITS, Paillier, value_bits

LARGEST_ERROR = 2.0**MAX_VALUE_BITS  #: beyond, nothing is known of a value
GUARD_BITS = 8  #: of a packed slot: a number up to 2^8 times its bound is caught when unpacked


SIGNIFICANT_BITS = 8  #: that the largest plain factor keeps, and every divisor


def check_factors(params: Paillier, factors: np.ndarray) -> None:
    """BadValue unless a factor rounded to ``factor_precision`` keeps its significant bits."""
    kept = np.ldexp(np.rint(np.ldexp(factors, params.factor_precision)), -params.factor_precision)
    size = np.abs(factors)
    if np.any(short := np.abs(kept - factors) > np.ldexp(size, -SIGNIFICANT_BITS)):
        smallest = float(size[short].min())
        needed = ceil(SIGNIFICANT_BITS - 1 - log2(smallest))
        fits = value_bits(needed, params.factor_bound) <= MAX_FACTOR_BITS
        raise BadValue(
            f"a factor of {smallest:.3g} keeps fewer than {SIGNIFICANT_BITS} significant bits at "
            f"factor_precision={params.factor_precision}: "
            f"{f'use he.Paillier(factor_precision={needed}, …), or ' if fits else ''}"
            "multiply or divide by what is public after decrypting"
        )


@lru_cache
def whole(bound: float, scale: int) -> int:
    """The largest whole number that a value within the bound is encoded as."""
    return ceil(Fraction(bound) * (1 << scale))


def grown(params: Paillier, limit: int, terms: int) -> int:
    """The limit of a sum of ``terms`` products with plain factors."""
    return limit * terms * whole(params.factor_bound, params.factor_precision)


def row_width(params: Paillier, terms: int) -> int:
    """Bits of a slot that holds a sum of products of fresh values with plain factors."""
    limit = grown(params, whole(params.bound, params.precision), terms)
    return limit.bit_length() + 1 + GUARD_BITS


def check_room(params: Paillier, slots: Slots, limit: int, scale: int, error: float = 0.0) -> None:
    """Overflow when numbers up to the limit may outgrow their slots, or values a float64."""
    if not error < LARGEST_ERROR:
        raise Overflow(
            f"an error may reach {error:.2g}, and then nothing is left of a value: multiply less "
            "often, or encrypt with more precision"
        )
    if limit.bit_length() - scale > MAX_VALUE_BITS:
        raise Overflow(
            f"values may reach 2^{limit.bit_length() - scale}, a float64 up to "
            f"2^{MAX_VALUE_BITS}: multiply less often, or promise(bound) of the result"
        )
    if not slots.room(limit) or slots.width * slots.lanes * slots.per > params.capacity:
        raise Overflow(
            f"values may need {limit.bit_length() + 1} bits, {slots.width} are there: use fewer "
            "rows a ciphertext, lower precision or factor_precision, a tighter bound or "
            "factor_bound, or promise(bound) what you know of the result"
        )
