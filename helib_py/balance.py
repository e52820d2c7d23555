"""A network made ready for encryption: layers scaled to one size, and what is told of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import ceil, floor, log10
from typing import Any

import numpy as np

from .agreement import Agreement
from .errors import ParameterError, ShapeError
from .folding import Folding, alternate
from .network import Affine
from .params import MAX_MODULUS_BITS


def balanced(
    affines: Sequence[Affine], x: np.ndarray, ring: int, terms: dict[str, Any]
) -> tuple[Agreement, list[Affine]]:
    """The smallest ring whose agreement holds, and the layers scaled for it.

    ``x``: examples (count, inputs), of which the first 256 are run. ``terms`` are passed to
    :class:`Agreement`. Raises the last ring's ParameterError or ShapeError when none will do.
    """
    table = MAX_MODULUS_BITS.get(terms.get("security", 128), MAX_MODULUS_BITS[128])
    rings = [ring] if ring else [n for n in sorted(table) if 8192 <= n <= 65536]
    reasons = []
    for candidate in rings:
        try:
            return _scaled(affines, x, candidate, terms)
        except (ParameterError, ShapeError) as error:
            reasons.append(error)
    raise reasons[-1]


def _scaled(
    affines: Sequence[Affine], x: np.ndarray, ring: int, terms: dict[str, Any]
) -> tuple[Agreement, list[Affine]]:
    """Layers scaled such that hidden units of the examples stay below 1/margin, and their norms.

    Squaring scales twice: with u → c·u in one layer, the next one's weights are divided by c².
    """
    widths = (affines[0].inputs, *(len(affine.bias) for affine in affines))
    peaks = _peaks(alternate(widths, ring // 2), affines, x)
    margin, before, scaled = terms.get("margin", Agreement.margin), 1.0, list[Affine]()
    for affine, peak in zip(affines, peaks, strict=True):
        now = 1.0 if len(scaled) == len(affines) - 1 else 1 / (margin * (peak or 1.0))
        weights = affine.weights * (now / before**2)
        scaled.append(replace(affine, weights=weights, bias=affine.bias * now))
        before = now
    norms = [_up(np.linalg.norm(affine.dense, axis=1).max()) for affine in scaled]
    terms = {"input_bound": _up(np.abs(x).max()), **terms}
    return Agreement(widths, tuple(norms), _up(peaks[-1]), ring=ring, **terms), scaled


def _peaks(layers: Sequence[Folding], affines: Sequence[Affine], x: np.ndarray) -> list[float]:
    """The largest |sum| of each layer over the examples, in any slot: garbage is squared, too."""
    peaks = [0.0] * len(layers)
    for example in x[:256]:
        inputs = list(layers[0].inputs(example))
        for k, (folding, affine) in enumerate(zip(layers, affines, strict=True)):
            rows = folding.weights(affine.dense)
            sums = [sum(map(np.multiply, row, inputs)) for row in rows]
            for step in folding.folds:
                sums = [y + np.roll(y, -step) for y in sums]
            sums = [y + b for y, b in zip(sums, folding.bias(affine.bias), strict=True)]
            peaks[k] = max(peaks[k], float(np.abs(sums).max()))
            inputs = [y * y for y in sums]
    return peaks


def _up(number: float) -> float:
    """Rounded up to one digit: what is published of a weight, or an example, tells no more."""
    number = number or 1.0
    exponent = floor(log10(number))
    return float(f"{ceil(number / 10.0**exponent)}e{exponent}")
