"""Rotations, sums and matrix products of a ciphertext: what moves values between slots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from .. import noise, packing
from ..cipher import one_each, same_length, told
from ..encoding import Layout, as_numbers
from ..engines import rotation_path
from ..noise import Estimate

if TYPE_CHECKING:
    from .vector import CKKSVector


def matrix_product(weights: ArrayLike, x: CKKSVector) -> CKKSVector:
    """``W @ x`` with a matrix (m, n) or a vector (n,); see ``CKKSVector.__rmatmul__``."""
    matrix = np.atleast_2d(as_numbers(weights))
    packing.check_shape(matrix, x.length)
    x.need_level("a matrix product")
    e, params = x.e, x.context.params
    diagonals = packing.cyclic(matrix, Layout.dense(x.length), params.slots)
    encoding = noise.encoding_std(params, x.scale)
    turned = max((_turning(x, step) for step in diagonals.baby_steps), default=0.0)
    through = x.estimate.with_error(turned)
    estimate = through.through(matrix, encoding)
    noise.check_room(params, x.level, x.scale * x.scale, estimate.bound)
    encoded = packing.encode_diagonals(diagonals, lambda p: e.encode(p, x.level, x.scale))
    product = packing.products(e, [x.handle], diagonals, encoded)
    if product is None:
        return replace(x * np.zeros(x.length), length=len(matrix))
    z = replace(x, length=len(matrix)).rescaled(product, estimate, x.scale)
    folded = z.estimate.folded(_turning(z, step) for step in diagonals.folds)
    folded = replace(folded, bound=estimate.bound)  # which counts every entry already
    return z.with_handle(packing.fold(e, z.handle, diagonals.folds), estimate=folded)


def combination(terms: Sequence[CKKSVector], factors: ArrayLike) -> CKKSVector:
    """Σ factor·term: one level below the lowest term; see ``Ciphertext.combine``."""
    numbers = one_each(terms, factors)
    for term in terms:
        same_length(terms[0].usable(), term.usable())
    level = min(term.level for term in terms)
    low = [term.lower(level) for term in terms]
    x = told(low[0]) if any(term.told for term in terms) else low[0]
    x.need_level("a combination")
    e, params = x.e, x.context.params
    error = noise.encoding_std(params, x.scale)
    product, bound, std = None, 0.0, 0.0
    for term, factor in zip(low, numbers, strict=True):
        plain = e.encode(np.full(params.slots, factor), level, x.scale)
        one = e.multiply_plain(term.handle, plain)
        product = one if product is None else e.add(product, one)
        weighted = term.estimate.times(Estimate(abs(factor), error))
        bound, std = bound + weighted.bound, std + weighted.std
    noise.check_room(params, level, x.scale * x.scale, bound)
    return x.rescaled(product, Estimate(bound, std), x.scale)


def rotate(x: CKKSVector, steps: int) -> CKKSVector:
    """``np.roll(x, -steps)``; see ``CKKSVector.rotate``."""
    steps = packing.turn(steps, x.length)
    if not steps:
        return x
    return x.with_handle(
        x.e.rotate(x.handle, steps), estimate=x.estimate.with_error(_turning(x, steps))
    )


def total(x: CKKSVector) -> CKKSVector:
    """The sum of all values; see ``CKKSVector.sum``."""
    folds = packing.sums(x.length)
    handle = packing.fold(x.e, x.handle, folds)
    estimate = x.estimate.folded(_turning(x, step) for step in folds)
    return x.with_handle(handle, estimate=estimate, length=1)


def _turning(x: CKKSVector, steps: int) -> float:
    """Error of a rotation: that of a key switch, for every key that makes up the steps."""
    params = x.context.params
    keys = np.sqrt(len(rotation_path(steps, params.rotations or (), params.slots)))
    return float(keys * noise.key_switching_std(params, x.level, x.scale))
