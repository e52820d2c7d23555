"""The range that an owner's inputs keep to, which is public and so told in powers of two."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, inf, ldexp, log2
from typing import Any

import numpy as np

from . import wire
from .errors import BadValue, Overflow


@dataclass(frozen=True)
class Span:
    """Every number of an input is from ``low`` ≤ 0 to ``high`` ≥ 0; a plan is good for these.

    A server cannot see what it is sent, so the owner checks it.
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        if not -inf < self.low <= 0 <= self.high < inf or self.low == self.high:
            raise BadValue(f"inputs from {self.low} to {self.high}: a range with 0 in it, finite")

    @classmethod
    def of(cls, examples: np.ndarray) -> Span:
        """The one around examples: on either side of 0 a power of two, or nothing.

        BadValue where all their numbers are zero, as they then show no range.

        >>> Span.of(np.array([0.1, -0.3, 5.0]))
        Span(low=-0.5, high=8.0)
        """
        low, high = float(np.min(examples)), float(np.max(examples))
        if low == high == 0:
            raise BadValue(
                "every number of the examples is zero, which does not show how large inputs get: "
                "give examples like the inputs to come"
            )
        return cls(0.0 - _outwards(-low), _outwards(high))

    @classmethod
    def around(cls, bound: float) -> Span:
        """From -bound to bound."""
        return cls(-bound, bound)

    @classmethod
    def told(cls, header: Mapping[str, Any]) -> Span:
        """The one that a stranger wrote down; ValueError for what is none."""
        ends = wire.typed(header, {"low": float, "high": float})
        try:
            return cls(*ends)
        except BadValue as error:
            raise ValueError(error) from error

    @property
    def bound(self) -> float:
        """No absolute value is larger."""
        return max(-self.low, self.high)

    def check(self, x: np.ndarray) -> None:
        """Overflow names the first number that is outside."""
        outside = (x < self.low) | (x > self.high)
        if outside.any():
            where = tuple(int(i) for i in np.argwhere(outside)[0])
            raise Overflow(
                f"input{list(where)} is {x[where]:.4g}, and the plan is good for numbers from "
                f"{self.low:g} to {self.high:g}: scale the input as the examples were, or plan "
                "again with examples that reach as far"
            )


def _outwards(size: float) -> float:
    """The power of two that is next above, as far as float64 goes; 0 of what is below 0."""
    return ldexp(1.0, min(1023, ceil(log2(size)))) if size > 0 else 0.0
