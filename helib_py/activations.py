"""Polynomials instead of activations: fitted, measured, and evaluated on ciphertexts.

A polynomial is kept in the Chebyshev basis of its interval: its coefficients stay small where
those of powers of x explode.
"""

from __future__ import annotations

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
from .options import instance, listed, real, shown, whole
from .remez import remez
from .tables import Table

Function = Callable[[np.ndarray], np.ndarray]

SELU = (1.0507009873554805, 1.6732632423543772)  #: scale and α of Klambauer et al., 2017
#: Activations that can be named, as torch defines them where nothing is set.
FUNCTIONS: dict[str, Function] = {
    "relu": lambda x: np.maximum(x, 0),
    "relu6": lambda x: np.clip(x, 0, 6),
    "leaky_relu": lambda x: np.where(x < 0, 0.01 * x, x),
    "elu": lambda x: np.where(x < 0, np.expm1(np.minimum(x, 0)), x),
    "selu": lambda x: SELU[0] * np.where(x < 0, SELU[1] * np.expm1(np.minimum(x, 0)), x),
    "abs": np.abs,
    "sign": np.sign,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "hardsigmoid": lambda x: np.clip(x / 6 + 0.5, 0, 1),
    "logsigmoid": lambda x: -np.logaddexp(0, -x),
    "tanh": np.tanh,
    "hardtanh": lambda x: np.clip(x, -1, 1),
    "silu": lambda x: x / (1 + np.exp(-x)),
    "hardswish": lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
    "mish": lambda x: x * np.tanh(np.logaddexp(0, x)),
    "gelu": lambda x: x * (1 + np.vectorize(erf)(x / np.sqrt(2))) / 2,
    "softplus": lambda x: np.logaddexp(0, x),
    "softsign": lambda x: x / (1 + np.abs(x)),
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

    def __call__(self, x: Any, *, inside: bool = False) -> Any:
        """p(x), of the kind that x is. Ciphertexts must lie within the interval.

        What is promised of a ciphertext, ±bound, must lie there as well, else Overflow; with
        ``inside=True`` you vouch that its values do, which nothing checks.
        """
        if not isinstance(x, Ciphertext):
            x = as_numbers(x) if isinstance(x, list | tuple) else x
            return clenshaw(self.coefficients, self.unit(x))
        if not inside:
            check_inside(x, self.low, self.high)
        return rehearsal.run(self, x)

    def run(self, x: Any) -> Any:
        """p(x) of a ciphertext that lies within the interval, by its own operations only."""
        instance(x, Ciphertext, "a ciphertext, or write p(x), which takes numbers, too")
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
        numbers = listed(coefficients, "coefficients, one for each T_k")
        kept = tuple(real(number, "coefficients") for number in numbers)
        new = replace(self, coefficients=kept)
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
    return whole(degree, "degree", 0, MAX_DEGREE)


def _on_unit(f: Function, low: float, high: float) -> Function:
    """f of an x that is mapped from [-1, 1]; BadValue where f is no finite real number."""

    def mapped(t: np.ndarray) -> np.ndarray:
        x = (low + high) / 2 + t * ((high - low) / 2)
        with np.errstate(all="ignore"):
            try:
                values = f(x)
            except Exception:  # of the functions in math, say, which take one number only
                values = _one_by_one(f, x)
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
    method = method if isinstance(method, str) else shown(method)
    if method == "least squares":
        return np.asarray(chebyshev.chebfit(t, f(t), degree, w=np.sqrt(weights)))
    if method == "chebyshev":
        nodes = chebyshev.chebpts1(degree + 1)
        return np.asarray(chebyshev.chebfit(nodes, f(nodes), degree))
    if method == "minimax":
        return remez(f, degree)
    raise ParameterError(f"method={shown(method)}: choose one of {METHODS}")


def _one_by_one(f: Function, x: np.ndarray) -> np.ndarray:
    """f of each number; BadValue where it takes neither arrays nor numbers, as torch's do not."""
    try:
        return np.asarray(np.vectorize(f, otypes=[float])(x))
    except Exception as error:  # the function is anybody's
        raise BadValue(
            f"the function takes neither numpy's arrays nor numbers ({error}): pass the name of "
            'one of torch\'s, he.fit("relu", …), or lambda x: torch.relu(torch.tensor(x)).numpy()'
        ) from error


def _function(function: str | Function) -> Function:
    if callable(function):
        return function
    if not isinstance(function, str) or function not in FUNCTIONS:
        raise ParameterError(f"{shown(function)}: pass a function, or one of {sorted(FUNCTIONS)}")
    return FUNCTIONS[function]


def _interval(
    interval: tuple[float, float] | float | None, samples: ArrayLike | None
) -> tuple[float, float]:
    if interval is None:
        x = as_numbers([] if samples is None else samples)
        if not x.size:
            raise ParameterError("no interval: give (low, high), or samples to take it from")
        interval = (float(x.min()), float(x.max()))
    ends = interval if isinstance(interval, tuple | list) else (interval,)
    if len(ends) not in (1, 2):
        raise ParameterError(f"interval={shown(interval)}: give (low, high), or one number")
    high, low = real(ends[-1], "interval"), real(ends[0], "interval")
    low = low if len(ends) == 2 else -high
    if not low < high:
        raise ParameterError(
            f"interval [{low:g}, {high:g}]: the low end must be below the high one"
        )
    return low, high


def _points(
    low: float, high: float, samples: ArrayLike | None, uniform: float
) -> tuple[np.ndarray, np.ndarray]:
    """Where the fit is judged, on [-1, 1], and how much each point counts."""
    if not 0 <= (uniform := real(uniform, "uniform")) <= 1:
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


def check_inside(x: Ciphertext, low: float, high: float) -> None:
    """Overflow unless all that is promised of x, ±bound, lies within [low, high]."""
    needed, reach = x.bound / (1 + 1e-9), min(-low, high)
    if needed <= reach:
        return
    ways = [f"fit it on [{-x.bound:.4g}, {x.bound:.4g}]"]
    if reach > 0:
        ways.append(f"promise({reach:g}) if the values are no larger")
    if x.bound <= max(-low, high) * (1 + 1e-9) or reach <= 0:
        ways.append("write p(x, inside=True) if you know that they lie inside")
    raise Overflow(
        f"values may be anywhere from {-x.bound:.4g} to {x.bound:.4g}, this polynomial is good on "
        f"[{low:g}, {high:g}] and explodes beyond: {', or '.join(ways)}"
    )
