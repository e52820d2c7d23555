"""Polynomials instead of activations: fitted, measured, and evaluated on ciphertexts.

A polynomial is kept in the Chebyshev basis of its interval: its coefficients stay small where
those of powers of x explode.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import erf, nan
from typing import Any

import numpy as np
from numpy.polynomial import chebyshev
from numpy.typing import ArrayLike

from . import rehearsal
from .cipher import Ciphertext
from .encoding import as_numbers
from .errors import BadValue, Overflow, ParameterError
from .evaluation import PatersonStockmeyer, cheapest, clenshaw, plain, trimmed
from .remez import remez
from .tables import Table

Function = Callable[[np.ndarray], np.ndarray]

#: Activations that can be named.
FUNCTIONS: dict[str, Function] = {
    "relu": lambda x: np.maximum(x, 0),
    "abs": np.abs,
    "sign": np.sign,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "tanh": np.tanh,
    "silu": lambda x: x / (1 + np.exp(-x)),
    "gelu": lambda x: x * (1 + np.vectorize(erf)(x / np.sqrt(2))) / 2,
    "softplus": lambda x: np.logaddexp(0, x),
}
GRID = 4001  #: points at which errors are measured
MAX_DEGREE = 255
METHODS = ("least squares", "chebyshev", "minimax")


@dataclass(frozen=True)
class Polynomial:
    """Σ c_k·T_k(t) with t = x mapped from [low, high] to [-1, 1].

    Callable on floats, arrays, tensors and ciphertexts. On a ciphertext it takes ``depth`` levels
    and ``products`` products of ciphertexts; the bits predicted come from a rehearsal on the clear
    twin. ``max_error`` and ``rms_error`` are those of the fit.
    """

    coefficients: tuple[float, ...]
    low: float = -1.0
    high: float = 1.0
    name: str = ""
    max_error: float = 0.0
    rms_error: float = 0.0

    def __post_init__(self) -> None:
        if not self.coefficients:
            raise BadValue("a polynomial without coefficients: give at least that of T_0")
        as_numbers(self.coefficients)
        _interval((self.low, self.high), None)

    @property
    def degree(self) -> int:
        """The largest power of x."""
        return len(self.coefficients) - 1

    @cached_property
    def _kept(self) -> np.ndarray:
        return trimmed(self.coefficients)

    @cached_property
    def _cost(self) -> tuple[int, int, int]:
        """Levels, products and the baby steps to take them with."""
        return cheapest(len(self._kept) - 1, self._run)

    @property
    def products(self) -> int:
        """Products of two ciphertexts."""
        return self._cost[1]

    @property
    def depth(self) -> int:
        """Levels on a ciphertext; one of them maps the interval, unless it is [-1, 1]."""
        return self._cost[0]

    @property
    def powers(self) -> np.ndarray:
        """Coefficients of 1, x, x², …, for the curious: they grow fast with the degree."""
        series = chebyshev.Chebyshev(self.coefficients, (self.low, self.high))
        return np.asarray(series.convert(kind=np.polynomial.Polynomial).coef)

    def __call__(self, x: Any) -> Any:
        """p(x), of the kind that x is. Ciphertexts must lie within the interval."""
        if not isinstance(x, Ciphertext):
            x = as_numbers(x) if isinstance(x, list | tuple) else x
            return clenshaw(self.coefficients, self.unit(x))
        check_reach(x, max(abs(self.low), abs(self.high)))
        return rehearsal.run(self, x)

    def run(self, x: Any) -> Any:
        """p(x) of a ciphertext that lies within the interval, by its own operations only."""
        return self._run(x, self._cost[2])

    def _run(self, x: Any, baby: int) -> Any:
        if len(self._kept) == 1:
            return x * 0 + float(self._kept[0])
        if len(self._kept) == 2:
            slope = float(self._kept[1]) * 2 / (self.high - self.low)
            return x * plain(slope) + (float(self._kept[0]) - slope * (self.high + self.low) / 2)
        return PatersonStockmeyer(self.unit(x).promise(1.0), baby).at(self._kept)

    def unit(self, x: Any) -> Any:
        """x mapped from the interval to [-1, 1]."""
        middle, half = (self.high + self.low) / 2, (self.high - self.low) / 2
        centred = x - middle if middle else x
        return centred if half == 1 else centred * plain(1 / half)

    def retrained(self, coefficients: Sequence[float]) -> Polynomial:
        """With other coefficients. Errors are measured again if the function is a named one."""
        new = replace(self, coefficients=tuple(float(c) for c in coefficients))
        if self.name not in FUNCTIONS:
            return replace(new, max_error=nan, rms_error=nan)
        x = np.linspace(self.low, self.high, GRID)
        error = new(x) - FUNCTIONS[self.name](x)
        rms = float(np.sqrt(np.mean(error**2)))
        return replace(new, max_error=float(np.abs(error).max()), rms_error=rms)

    def explain(self) -> Table:
        """What it costs and how far it is off; t is x mapped to [-1, 1]."""
        in_powers = chebyshev.cheb2poly(self.coefficients)
        rows = [
            ("degree", self.degree),
            ("interval", f"[{self.low:g}, {self.high:g}]"),
            ("largest error", self.max_error),
            ("rms error", self.rms_error),
            ("levels", self.depth),
            ("products of ciphertexts", self.products),
            ("largest coefficient, Chebyshev basis", float(np.abs(self.coefficients).max())),
            ("largest coefficient, powers of t", float(np.abs(in_powers).max())),
        ]
        return Table(("what", "value"), rows, self.name)

    def __repr__(self) -> str:
        return (
            f"{self.name or 'polynomial'} · degree {self.degree} on [{self.low:g}, {self.high:g}]"
            f" · error ≤ {self.max_error:.2g} · {self.depth} levels, {self.products} products"
        )


def fit(
    function: str | Function,
    degree: int,
    interval: tuple[float, float] | float | None = None,
    method: str = "least squares",
    *,
    samples: ArrayLike | None = None,
    uniform: float = 0.05,
) -> Polynomial:
    """The polynomial of a degree that is nearest to a function on an interval.

    ``interval`` is (low, high), or R for [-R, R]; by default the range of the ``samples``.
    ``method``: "least squares" minimises the mean square, over the samples if given, of which the
    share ``uniform`` is spread evenly so that the rare ends are not forgotten; "chebyshev"
    interpolates at Chebyshev points; "minimax" minimises the largest error (Remez exchange).

    Raises ParameterError for a degree, an interval or a method that makes no sense, BadValue for
    samples outside the interval.
    """
    low, high = _interval(interval, samples)
    name = function if isinstance(function, str) else getattr(function, "__name__", "function")
    f = _on_unit(_function(function), low, high)
    degree = _degree(degree)
    t, weights = _points(low, high, samples, uniform)
    if np.count_nonzero(weights) <= degree:
        raise BadValue(f"too few samples for degree {degree}: give more, or uniform above 0")
    coefficients = _coefficients(method, f, degree, t, weights)
    even = np.linspace(-1, 1, GRID)
    error, worst = (chebyshev.chebval(x, coefficients) - f(x) for x in (t, even))
    rms = float(np.sqrt(np.average(error**2, weights=weights)))
    kept = tuple(float(c) for c in coefficients)
    return Polynomial(kept, low, high, name, float(np.abs(worst).max()), rms)


def _degree(degree: int) -> int:
    try:
        whole = -1 if isinstance(degree, bool) else operator.index(degree)
    except TypeError:
        whole = -1
    if not 0 <= whole <= MAX_DEGREE:
        raise ParameterError(f"degree={degree!r}: a whole number from 0 to {MAX_DEGREE}")
    return whole


def _on_unit(f: Function, low: float, high: float) -> Function:
    """f of an x that is mapped from [-1, 1]; BadValue where f is no finite real number."""

    def mapped(t: np.ndarray) -> np.ndarray:
        x = (low + high) / 2 + t * ((high - low) / 2)
        with np.errstate(all="ignore"):
            try:
                values = f(x)
            except TypeError:  # of the functions in math, say, which take one number only
                values = np.vectorize(f)(x)
        values = np.broadcast_to(np.asarray(values), np.shape(x))
        if values.dtype.kind not in "biuf" or not np.isfinite(values).all():
            raise BadValue(
                f"not a finite real number everywhere on [{low:g}, {high:g}]: fit another "
                "interval, or another function"
            )
        return values.astype(np.float64)

    return mapped


def _coefficients(
    method: str, f: Function, degree: int, t: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """In the Chebyshev basis, of the polynomial that is nearest to f on [-1, 1]."""
    if method == "least squares":
        return np.asarray(chebyshev.chebfit(t, f(t), degree, w=np.sqrt(weights)))
    if method == "chebyshev":
        nodes = chebyshev.chebpts1(degree + 1)
        return np.asarray(chebyshev.chebfit(nodes, f(nodes), degree))
    if method == "minimax":
        return remez(f, degree)
    raise ParameterError(f"method={method!r}: choose one of {METHODS}")


def _function(function: str | Function) -> Function:
    if callable(function):
        return function
    if function not in FUNCTIONS:
        raise ParameterError(f"{function!r}: pass a function, or one of {sorted(FUNCTIONS)}")
    return FUNCTIONS[function]


def _interval(
    interval: tuple[float, float] | float | None, samples: ArrayLike | None
) -> tuple[float, float]:
    if interval is None:
        if samples is None or not np.size(samples):
            raise ParameterError("no interval: give (low, high), or samples to take it from")
        interval = (float(np.min(as_numbers(samples))), float(np.max(as_numbers(samples))))
    try:
        low, high = interval if isinstance(interval, tuple | list) else (-interval, interval)
        low, high = float(low), float(high)
    except (TypeError, ValueError):
        raise ParameterError(f"interval={interval!r}: give (low, high), or one number") from None
    if not (np.isfinite([low, high]).all() and low < high):
        raise ParameterError(
            f"interval [{low:g}, {high:g}]: the low end must be below the high one"
        )
    return low, high


def _points(
    low: float, high: float, samples: ArrayLike | None, uniform: float
) -> tuple[np.ndarray, np.ndarray]:
    """Where the fit is judged, on [-1, 1], and how much each point counts."""
    if not 0 <= uniform <= 1:
        raise ParameterError(f"uniform={uniform}: a share from 0 to 1")
    even = np.linspace(-1, 1, GRID)
    if samples is None:
        return even, np.ones(GRID)
    x = as_numbers(samples).ravel()
    if not x.size or x.min() < low or x.max() > high:
        seen = f"from {x.min():.4g} to {x.max():.4g}" if x.size else "of which there are none"
        raise BadValue(f"samples {seen} in [{low:g}, {high:g}]: widen it, or give others")
    t = ((2 * x - low - high) / (high - low)).clip(-1, 1)
    weights = [np.full(x.size, (1 - uniform) / x.size), np.full(GRID, uniform / GRID)]
    return np.concatenate([t, even]), np.concatenate(weights)


def check_reach(x: Ciphertext, reach: float) -> None:
    """Overflow unless what is promised about x lies within ±reach."""
    if x.bound > reach * (1 + 1e-9):
        raise Overflow(
            f"values may reach {x.bound:.4g}, this polynomial is good up to {reach:.4g} and "
            f"explodes beyond: fit a wider interval, or promise({reach:g}) if you know better"
        )
