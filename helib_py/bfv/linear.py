"""Rotations, sums and matrix products of a ciphertext: what moves values between slots."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from .. import packing
from ..encoding import Layout, as_whole, power_of_two
from ..engines import rotation_path
from ..params import dependent
from .bounds import check_bound

if TYPE_CHECKING:
    from .vector import BFVVector


def matrix_product(weights: ArrayLike, x: BFVVector) -> BFVVector:
    """``W @ x`` with a matrix (m, n) or a vector (n,); see ``BFVVector.__rmatmul__``."""
    matrix = np.atleast_2d(as_whole(weights))
    packing.check_shape(matrix, x.length)
    check_bound(x.params, int(np.abs(matrix).max()))
    diagonals = packing.cyclic(matrix, Layout.dense(x.length), x.params.slots)
    limit = int(np.abs(matrix).sum(axis=1).max()) * x.limit
    noise = _through(x, diagonals)
    out = x.after("a matrix product", noise, limit, len(matrix))
    encoded = packing.encode_diagonals(diagonals, x.e.encode)
    product = packing.products(x.e, [x.handle], diagonals, encoded)
    if product is None:
        return replace(x * 0, length=len(matrix))
    return replace(out, handle=packing.fold(x.e, product, diagonals.folds))


def rotate(x: BFVVector, steps: int) -> BFVVector:
    """``np.roll(x, -steps)``; see ``BFVVector.rotate``."""
    steps = packing.turn(steps, x.length)
    if not steps:
        return x
    out = x.after("a rotation", x.model.turned(x.noise, _keys(x, steps)), x.limit)
    return replace(out, handle=x.e.rotate(x.handle, steps))


def total(x: BFVVector) -> BFVVector:
    """The sum of all values; see ``BFVVector.sum``."""
    folds = packing.sums(x.length)
    out = x.after("a sum", _folded(x, x.noise, folds), x.limit * x.length, 1)
    return replace(out, handle=packing.fold(x.e, x.handle, folds))


def _through(x: BFVVector, d: packing.Diagonals) -> float:
    """Noise of a matrix product: baby steps, all its products, giant steps, folds."""
    period = max(d.out.period, power_of_two(x.length))
    babies = x.model.turned(x.noise, sum(_keys(x, step) for step in d.baby_steps))
    giants = sum(_keys(x, step) for step in d.giant_steps)
    product = x.model.plain_product(babies, period, len(d.shifts))
    return _folded(x, x.model.turned(product, giants), d.folds)


def _folded(x: BFVVector, noise: float, folds: tuple[int, ...]) -> float:
    """x + rotate(x, f) for every fold: some coefficients stay where they are and double."""
    for f in folds:
        noise = dependent(noise, x.model.turned(noise, _keys(x, f)))
    return noise


def _keys(x: BFVVector, steps: int) -> int:
    """Rotations with a key of their own that make up one by so many steps."""
    return len(rotation_path(steps, x.params.rotations or (), x.params.slots))
