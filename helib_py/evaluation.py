"""How a polynomial in the Chebyshev basis is evaluated with few products and few levels.

Nothing here knows a scheme: whatever adds and multiplies will do, a counter in a dry run, too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.polynomial import chebyshev

NEGLIGIBLE = 1e-15  #: coefficients this much smaller than the largest are rounding errors


def clenshaw(coefficients: Sequence[Any], t: Any) -> Any:
    """Σ c_k T_k(t) for numbers, arrays and tensors: one product a degree."""
    ahead, after = 0 * t, 0 * t
    for c in [coefficients[k] for k in range(len(coefficients) - 1, 0, -1)]:
        ahead, after = 2 * t * ahead - after + c, ahead
    return t * ahead - after + coefficients[0]


class PatersonStockmeyer:
    """Their scheme of 1973 in the Chebyshev basis, on one ciphertext with values in [-1, 1].

    p = q·T_m + r with deg r < m, again and again with m halved, down to leaves of a degree
    below ``baby``, a power of two. A leaf is a sum of T_k with one plain product for all.
    """

    def __init__(self, unit: Any, baby: int) -> None:
        self._unit, self._baby = unit, baby
        self._known: dict[int, Any] = {1: unit}

    def chebyshev(self, k: int) -> Any:
        """T_k: T_2a = 2·T_a² - 1 and T_(a+b) = 2·T_a·T_b - T_(a-b), at ⌈log2 k⌉ levels."""
        if k not in self._known:
            a, b = (k + 1) // 2, k // 2
            half = self.chebyshev(a) * self.chebyshev(b)
            known = 2 * half - (1 if a == b else self._unit)
            self._known[k] = known.promise(1.0)  # so are all T_k on [-1, 1]
        return self._known[k]

    def at(self, coefficients: np.ndarray) -> Any:
        """Σ c_k T_k; a number where nothing but c_0 is left."""
        degree = len(coefficients) - 1
        if degree < self._baby:
            return self._leaf(coefficients)
        giant = 1 << (degree.bit_length() - 1)
        quotient, rest = chebyshev.chebdiv(coefficients, [0.0] * giant + [1.0])
        tiny = NEGLIGIBLE * np.abs(coefficients).max()
        high, low = self.at(trimmed(quotient, tiny)), self.at(trimmed(rest, tiny))
        factor = plain(high) if isinstance(high, float) else high
        return _plus(self.chebyshev(giant) * factor, low)

    def _leaf(self, coefficients: np.ndarray) -> Any:
        wanted = [k for k in range(1, len(coefficients)) if coefficients[k]]
        constant = float(coefficients[0])
        if not wanted:
            return constant
        terms, factors = [self.chebyshev(k) for k in wanted], coefficients[wanted]
        if len(terms) == 1:  # free where the factor is a whole number
            return _plus(terms[0] * plain(float(factors[0])), constant)
        return _plus(self._unit.combine(terms, factors), constant)


def _plus(x: Any, y: Any) -> Any:
    return x if isinstance(y, float) and y == 0 else x + y


def plain(factor: float) -> float:
    """An int where a factor of a formula is whole: then a product takes no level."""
    return int(factor) if factor.is_integer() else factor


def trimmed(coefficients: Sequence[float] | np.ndarray, tiny: float | None = None) -> np.ndarray:
    """Without negligible coefficients; at least one is left."""
    numbers = np.asarray(coefficients, dtype=np.float64)
    limit = NEGLIGIBLE * np.abs(numbers).max() if tiny is None else tiny
    return np.asarray(chebyshev.chebtrim(np.where(np.abs(numbers) > limit, numbers, 0.0)))


@dataclass(frozen=True)
class Count:
    """Stands for a ciphertext and counts: levels used, and all products so far."""

    level: int
    products: list[int]

    def __mul__(self, other: Any) -> Count:
        if isinstance(other, Count):
            self.products.append(1)
            return Count(max(self.level, other.level) + 1, self.products)
        return Count(self.level + (not isinstance(other, int)), self.products)

    __rmul__ = __mul__

    def __add__(self, other: Any) -> Count:
        level = max(self.level, other.level) if isinstance(other, Count) else self.level
        return Count(level, self.products)

    __sub__ = __add__

    def promise(self, _: float) -> Count:
        """Itself: there is nothing to promise about."""
        return self

    def combine(self, terms: Sequence[Count], _: np.ndarray) -> Count:
        """One level below the lowest term, as :meth:`helib_py.Ciphertext.combine`."""
        return Count(1 + max(term.level for term in terms), self.products)


def cheapest(degree: int, run: Callable[[Count, int], Count]) -> tuple[int, int, int]:
    """Levels, products and baby steps of the best dry run; a level counts as two products."""
    tried = []
    for baby in (1 << b for b in range(1, max(2, degree.bit_length() + 1))):
        end = run(Count(0, []), baby)
        tried.append((end.level, len(end.products), baby))
    return min(tried, key=lambda t: t[1] + 2 * t[0])
