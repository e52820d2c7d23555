"""Sign, absolute value and ReLU by composing polynomials: deep, and as precise as one likes."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Any

import numpy as np
from numpy.polynomial import chebyshev

from . import rehearsal
from .activations import FUNCTIONS, GRID, Polynomial, check_inside
from .cipher import Ciphertext
from .encoding import as_numbers
from .errors import ParameterError
from .evaluation import plain
from .options import instance, listed, real, shown, whole
from .remez import exchange


@dataclass(frozen=True)
class Composite:
    """x·q(x) or q(x), where q is a chain of odd minimax polynomials that approaches the sign.

    For "sign", "abs" and "relu" on [-bound, bound]; values nearer to 0 than ``gap``·bound are
    where the sign is not reached. ``max_error`` is that of the whole, but for "sign", where values
    nearer to 0 do not count.
    """

    name: str
    stages: tuple[Polynomial, ...]
    bound: float
    gap: float
    max_error: float

    @property
    def depth(self) -> int:
        """Levels on a ciphertext."""
        scaling = not (1 / self.bound).is_integer()
        return sum(s.depth for s in self.stages) + scaling + (self.name != "sign")

    @property
    def products(self) -> int:
        """Products of two ciphertexts."""
        return sum(stage.products for stage in self.stages) + (self.name != "sign")

    @property
    def low(self) -> float:
        """Where the interval begins."""
        return -self.bound

    @property
    def high(self) -> float:
        """Where it ends."""
        return self.bound

    def __call__(self, x: Any) -> Any:
        """Of the kind that x is; ciphertexts must lie within [-bound, bound]."""
        if isinstance(x, Ciphertext):
            check_inside(x, self.low, self.high)
            return rehearsal.run(self, x)
        return self._compose(as_numbers(x) if isinstance(x, list | tuple) else x)

    def run(self, x: Any) -> Any:
        """The same of a ciphertext that lies within the bound, by its own operations only."""
        instance(x, Ciphertext, "a ciphertext, or write p(x), which takes numbers, too")
        return self._compose(x)

    def _compose(self, x: Any) -> Any:
        value = x if self.bound == 1.0 else x * plain(1 / self.bound)
        for stage in self.stages:
            encrypted = isinstance(value, Ciphertext)
            value = stage.run(value.promise(1.0)) if encrypted else stage(value)
        return value if self.name == "sign" else x * value

    def __repr__(self) -> str:
        degrees = ", ".join(str(stage.degree) for stage in self.stages)
        return (
            f"{self.name} · composite of degrees {degrees} on ±{self.bound:g} · error ≤ "
            f"{self.max_error:.2g} · {self.depth} levels, {self.products} products"
        )


def fit_sign(
    function: str = "relu", degrees: tuple[int, ...] = (7, 7), bound: float = 1.0
) -> Composite:
    """sign, abs or relu on [-bound, bound] by composition: depth grows like the log of precision.

    relu(x) = x·(1 + sign x)/2. Each stage is the odd minimax polynomial to 1 on what the one
    before left (Lee et al., "Minimax approximation of sign function by composite polynomial for
    homomorphic comparison", IEEE TDSC 2022). The gap is chosen for the smallest largest error of
    abs. Raises ParameterError for other functions, even degrees, or a bound not above 0.
    """
    if not isinstance(function, str) or function not in ("sign", "abs", "relu"):
        raise ParameterError(f"{shown(function)}: one of sign, abs and relu; fit the others")
    degrees = tuple(whole(d, "degrees", 1, 63) for d in listed(degrees, "degrees, a tuple"))
    bound = real(bound, "bound")
    if not 1 <= len(degrees) <= 16 or not all(d % 2 for d in degrees) or bound <= 0:
        raise ParameterError(f"degrees={degrees}, bound={bound}: odd degrees and a bound above 0")
    gaps = 2.0 ** -np.arange(1, 4 * len(degrees) + 6, 0.25)
    gap = min(gaps, key=lambda g: _abs_error(degrees, g))
    stages = _sign_stages(degrees, gap)
    t = np.linspace(-1, 1, GRID)
    if function == "relu":
        half = tuple(c / 2 for c in stages[-1].coefficients)
        stages = [*stages[:-1], Polynomial((half[0] + 0.5, *half[1:]), name="sign")]
    error = {"sign": np.abs(t) >= gap}.get(function, np.full(GRID, True))
    exact = FUNCTIONS[function](t)
    raw = Composite(function, tuple(stages), 1.0, float(gap), 0.0)
    worst = float(np.abs(raw(t) - exact)[error].max()) * (1 if function == "sign" else bound)
    return Composite(function, tuple(stages), float(bound), float(gap), worst)


def _sign_stages(degrees: tuple[int, ...], gap: float) -> list[Polynomial]:
    """Each stage maps ±[low, 1] nearer to ±1; all but the last are scaled to stay within it."""
    low, stages = gap, []
    for i, degree in enumerate(degrees):
        t = np.linspace(low, 1, 2001)
        odd = list(range(1, degree + 1, 2))
        coefficients = np.zeros(degree + 1)
        coefficients[odd] = exchange(t, np.ones_like(t), odd)
        error = float(np.abs(chebyshev.chebval(t, coefficients) - 1).max())
        last = i == len(degrees) - 1
        scale = 1.0 if last else 1 / (1 + error)
        stages.append(Polynomial(tuple(float(c * scale) for c in coefficients), name="sign"))
        low = (1 - error) / (1 + error)
    return stages


def _abs_error(degrees: tuple[int, ...], gap: float) -> float:
    """Largest error of x·sign(x) for a gap; infinite where a stage has nothing left to do."""
    try:
        stages = _sign_stages(degrees, gap)
    except (np.linalg.LinAlgError, ParameterError):
        return inf
    t = value = np.linspace(0, 1, GRID)
    for stage in stages:
        value = stage(value)
    return float(np.abs(t * value - t).max())
