"""What circuits are compared with: numpy arrays that have a ciphertext's operations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class Clear:
    """Values (length,), or (rows, length), in the open."""

    values: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray, **_: object) -> Clear:
        """As encrypting takes them."""
        return cls(np.atleast_1d(values))

    __array_ufunc__ = None  # numpy leaves array + this to __radd__

    def __add__(self, other: Any) -> Clear:
        return Clear(self.values + bare(other))

    __radd__ = __add__

    def __sub__(self, other: Any) -> Clear:
        return Clear(self.values - bare(other))

    def __rsub__(self, other: Any) -> Clear:
        return Clear(bare(other) - self.values)

    def __neg__(self) -> Clear:
        return Clear(-self.values)

    def __mul__(self, other: Any) -> Clear:
        return Clear(self.values * bare(other))

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Clear:
        return Clear(self.values / bare(other))

    def __pow__(self, exponent: int) -> Clear:
        return Clear(self.values**exponent)

    def __matmul__(self, other: Any) -> Clear:
        if isinstance(other, Clear):
            return (self * other).sum()
        product = self.values @ bare(other)
        return Clear(product if np.ndim(bare(other)) == 2 else product[..., None])

    def __rmatmul__(self, weights: np.ndarray) -> Clear:
        return Clear(np.atleast_2d(weights) @ self.values)

    def rotate(self, steps: int) -> Clear:
        """As of the last axis."""
        return Clear(np.roll(self.values, -steps, axis=-1))

    def sum(self, axis: int = -1) -> Clear:
        """Of all values, or of every row."""
        return Clear(self.values.sum(axis=axis, keepdims=True))

    def combine(self, terms: Sequence[Clear], factors: Sequence[float]) -> Clear:
        """Σ factor·term."""
        return Clear(sum(f * term.values for f, term in zip(factors, terms, strict=True)))

    def same(self, *_: object, **__: object) -> Clear:
        """What changes no value."""
        return self

    lower = promise = packed = shielded = rerandomised = prepared = same


def bare(other: Any) -> Any:
    """Numbers."""
    return other.values if isinstance(other, Clear) else other
