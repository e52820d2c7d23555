"""The error that is the same each time: a bootstrap reduces x mod 1 by sin(2πx)/2π."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

MESSAGE_RATIO = 256  #: first prime over the coefficients of values up to 1, Lattigo's default


def through_sine(values: np.ndarray, width: int, share: float) -> np.ndarray:
    """What becomes of slots (…, n ≤ width) without noise, same shape.

    The sine is taken of the polynomial's coefficients, which are c = Cᵀv/width for slots v = C·c.
    ``share``: how large values are beside those that fill all slots.
    """
    basis = _basis(width)[: values.shape[-1]]
    angle = 2 * np.pi * share / MESSAGE_RATIO
    coefficients = values @ basis / width
    slots: np.ndarray = np.sin(angle * coefficients) / angle @ basis.T
    return slots


@lru_cache
def _basis(width: int) -> np.ndarray:
    """C: the real part of ζ^(5^j·k), slot j, coefficient k, ζ a root of unity of order 4·width."""
    turns = np.array([pow(5, j, 4 * width) for j in range(width)])
    return np.cos(np.pi / (2 * width) * np.outer(turns, np.arange(2 * width)))
