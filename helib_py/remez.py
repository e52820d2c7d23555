"""The polynomial with the smallest largest error, by Remez' exchange."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.polynomial import chebyshev

from .errors import ParameterError

Function = Callable[[np.ndarray], np.ndarray]
GRID = 20001
ROUNDS = 60
MOST = 50  #: extrema of the error, per coefficient, among which to choose
TINY = 1e-11  #: below it rounding decides where an error has its extrema


def remez(function: Function, degree: int) -> np.ndarray:
    """Chebyshev coefficients (degree + 1,) of the minimax polynomial on [-1, 1].

    An odd function (up to a constant) or an even one (up to a line) is fitted on [0, 1] by its
    own half of the basis: the exchange needs points where the error is unique.
    """
    t = np.linspace(-1, 1, GRID)
    size = float(np.abs(function(t)).max()) or 1.0
    if degree == 0:
        values = function(t)
        return np.array([(values.min() + values.max()) / 2])
    return size * _best(lambda t: function(t) / size, degree)


def _best(function: Function, degree: int) -> np.ndarray:
    """Of a function whose largest value is 1."""
    t = np.linspace(0, 1, GRID)
    plus, minus = function(t), function(-t)
    centre, slope = float(plus[0]), float(plus[-1] - minus[-1]) / 2
    odd = _same(plus + minus, 2 * centre)
    if odd or _same(plus - minus, 2 * slope * t):
        wanted = list(range(1 if odd else 0, degree + 1, 2))
        start = np.cos(np.pi * np.arange(len(wanted) + 1)[::-1] / (wanted[-1] + 2))
        target = plus - centre if odd else plus - slope * t
        out = np.zeros(degree + 1)
        part = slice(1, None) if odd else slice(None)  # at 0 every odd polynomial is right
        out[wanted] = exchange(t[part], target[part], wanted, start)
        out[0 if odd else 1] += centre if odd else slope
        return out
    t = np.cos(np.linspace(np.pi, 0, GRID))
    try:
        return exchange(t, function(t), list(range(degree + 1)))
    except ParameterError:  # half odd, half even: the next degree may be the same polynomial
        larger = exchange(t, function(t), list(range(degree + 2)))
        if abs(larger[-1]) > TINY:
            raise
        return larger[:-1]


def exchange(
    t: np.ndarray, target: np.ndarray, basis: list[int], start: np.ndarray | None = None
) -> np.ndarray:
    """Coefficients of the T_k, k in ``basis``, with the smallest largest error on the points t.

    Solve for an error that alternates on as many points plus one; move each to the extremum of
    the error next to it; again (Remez 1934). ``start`` is the first guess at the points, by
    default Chebyshev's. ParameterError when it does not settle.
    """
    columns = np.stack([chebyshev.chebval(t, np.eye(k + 1)[k]) for k in basis], axis=1)
    count = len(basis) + 1
    if start is None:
        spread = (1 - np.cos(np.pi * np.arange(count) / (count - 1))) / 2
        start = t[0] + spread * (t[-1] - t[0])
    at = np.searchsorted(t, start).clip(0, len(t) - 1)
    signs = (-1.0) ** np.arange(count)
    for _ in range(ROUNDS):
        system = np.column_stack([columns[at], signs])
        *coefficients, level = np.linalg.solve(system, target[at])
        error = target - columns @ coefficients
        worst = np.abs(error).max()
        if worst <= max(abs(level) * (1 + 1e-6), TINY * (1 + np.abs(target).max())):
            return np.array(coefficients)
        at = _extrema(error, count)
    if worst <= abs(level) * 1.05:
        return np.array(coefficients)
    raise ParameterError(
        f"the exchange did not settle ({worst:.3g} against {abs(level):.3g}): use a degree one "
        'higher or lower, or method="chebyshev"'
    )


def _extrema(error: np.ndarray, count: int) -> np.ndarray:
    """The largest error of each stretch of one sign; the best ``count`` that alternate."""
    starts = np.flatnonzero(np.diff(np.sign(error)) != 0) + 1
    stretches = np.split(np.arange(len(error)), starts)
    at = [int(s[np.abs(error[s]).argmax()]) for s in stretches if np.any(error[s])]
    at = [a for i, a in enumerate(at) if i == 0 or error[a] * error[at[i - 1]] < 0]
    if len(at) > MOST * count:
        raise ParameterError(
            'the function turns too often for an exchange: use method="chebyshev"'
        )
    while len(at) > count:
        size = np.abs(error[at])
        pairs = np.maximum(size[:-1], size[1:])
        pair = int(pairs.argmin())
        if len(at) - count > 1 and pairs[pair] < min(size[0], size[-1]):
            del at[pair : pair + 2]  # what is left alternates still
        else:
            del at[0 if size[0] < size[-1] else -1]
    if len(at) < count:
        raise ParameterError("the error alternates too rarely: lower the degree by one")
    return np.array(at)


def _same(values: np.ndarray, expected: np.ndarray | float) -> bool:
    return bool(np.allclose(values, expected, rtol=0, atol=1e-9 * (1 + np.abs(values).max())))
