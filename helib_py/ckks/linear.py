"""Rotations, sums and matrix products of a ciphertext: what moves values between slots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from .. import noise, packing
from ..cipher import one_each, same_key
from ..encoding import Layout, as_numbers
from ..errors import ShapeError
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
    encoding, turning = noise.encoding_std(params, x.scale), _turning(x)
    through = x.estimate.with_error(turning if diagonals.rotations else 0.0)
    estimate = through.through(matrix, encoding)
    noise.check_room(params, x.level, x.scale * x.scale, estimate.bound)
    encoded = packing.encode_diagonals(diagonals, lambda p: e.encode(p, x.level, x.scale))
    product = packing.products(e, [x.handle], diagonals, encoded)
    if product is None:
        return replace(x * np.zeros(x.length), length=len(matrix))
    z = replace(x, length=len(matrix)).rescaled(product, estimate, x.scale)
    folded = z.estimate.folded(len(diagonals.folds), _turning(z))
    folded = replace(folded, bound=estimate.bound)  # which counts every entry already
    return z.with_handle(packing.fold(e, z.handle, diagonals.folds), estimate=folded)


def combination(terms: Sequence[CKKSVector], factors: ArrayLike) -> CKKSVector:
    """Σ factor·term: one level below the lowest term; see ``Ciphertext.combine``."""
    numbers = one_each(terms, factors)
    for term in terms:
        same_length(terms[0], term)
    level = min(term.level for term in terms)
    low = [term.lower(level) for term in terms]
    x = low[0]
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


def same_length(a: CKKSVector, b: CKKSVector) -> None:
    """WrongKey and ShapeError unless two ciphertexts can meet, slot by slot."""
    same_key(a, b)
    if a.usable().length != b.usable().length:
        raise ShapeError(f"{a.length} encrypted values meet {b.length}: make them equally long")


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
    return x.with_handle(handle, estimate=x.estimate.folded(len(folds), _turning(x)), length=1)


def _turning(x: CKKSVector, steps: int = 1) -> float:
    """Error of a rotation: that of a key switch, for every bit of the steps (a key each)."""
    keys = np.sqrt(steps.bit_count())
    return float(keys * noise.key_switching_std(x.context.params, x.level, x.scale))
