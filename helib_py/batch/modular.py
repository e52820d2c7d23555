"""Exact products of whole-number matrices with residues, by floating-point matrix products.

A float64 counts exactly up to 2^53. A sum of products of residues below 2^h with weights whose
row sums reach r stays within r·2^h, whatever the order of summation; so residues are cut into
limbs narrow enough for that, multiplied by BLAS, and put together again modulo q.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import prod
from typing import Any, NamedTuple

import numpy as np

from ..encoding import power_of_two
from ..errors import Overflow
from .groups import Group

EXACT = 2**53  #: up to here every whole number is a float64
NARROWEST = 16  #: bits of a limb
CHUNK = 2**19  #: float64 values of the inputs that are worked on at a time: they stay in a cache


class Scratch:
    """Arrays that are used again and again: fresh memory costs more than the arithmetic in it."""

    def __init__(self) -> None:
        self._arrays: dict[str, np.ndarray] = {}

    def take(self, name: str, shape: tuple[int, ...], kind: Any = np.int64) -> np.ndarray:
        """An array of a shape with whatever was in it."""
        size = prod(shape)
        if name not in self._arrays or self._arrays[name].size < size:
            self._arrays[name] = np.empty(size, kind)
        return self._arrays[name][:size].reshape(shape)


class Cut(NamedTuple):
    """Residues modulo ``prime``, cut into so many ``limbs`` of 64/limbs bits each."""

    prime: int
    limbs: int

    @property
    def width(self) -> int:
        """Bits of a limb."""
        return 64 // self.limbs


def cut(prime: int, reach: int) -> Cut:
    """The fewest limbs for exact products with weights of this reach (see ``steps.reach``).

    >>> cut(2**42 - 11, reach=2000), cut(2**60 - 93, reach=2000)
    (Cut(prime=4398046511093, limbs=1), Cut(prime=1152921504606846883, limbs=2))
    """
    for limbs in (1, 2, 64 // NARROWEST):
        if reach * (min(prime, 1 << (64 // limbs)) - 1) <= EXACT:
            return Cut(prime, limbs)
    raise Overflow(f"weights reach {reach}, at most 2^37 is exact: scale them by a power of two")


def multiply(
    groups: Sequence[Group],
    source: np.ndarray,
    biases: np.ndarray,
    cuts: Sequence[Cut],
    scratch: Scratch,
) -> np.ndarray:
    """Rows of weights times ciphertexts, plus constants: residues in, residues out.

    ``source``: uint64 (n, parts, primes, N); ``biases``: int64 (rows, primes), added to the first
    part, where in NTT form a constant is the same number everywhere. The result, uint64
    (rows, parts, primes, N) in the order of the groups, lies in ``scratch``.
    """
    low = min((int(g.inputs[0]) for g in groups if len(g.inputs)), default=0)
    high = max((int(g.inputs[-1]) for g in groups if len(g.inputs)), default=0) + 1
    ends = np.cumsum([len(group.rows) for group in groups]).tolist()
    _, parts, _, ring = source.shape
    out = scratch.take("out", (ends[-1], *source.shape[1:]), np.uint64)
    for part, (prime, how) in product(range(parts), enumerate(cuts)):
        columns = min(ring, power_of_two(CHUNK // ((high - low) * how.limbs)))
        for start in range(0, ring, columns):
            here = (part, prime, slice(start, start + columns))
            limbs = _limbs(source[low:high, *here], how, scratch)
            for group, end in zip(groups, ends, strict=True):
                rows = slice(end - len(group.rows), end)
                added = biases[rows, prime, None] if part == 0 else None
                sums = _product(group, limbs, low, scratch)
                out[rows, *here] = _together(sums, how, added, scratch)
    return out


def _limbs(residues: np.ndarray, how: Cut, scratch: Scratch) -> np.ndarray:
    """Residues (n, columns) as float64 (n, limbs, columns), lowest limb first."""
    count, columns = residues.shape
    kind = {1: "<i8", 2: "<u4", 4: "<u2"}[how.limbs]  # int64 converts faster than uint64
    pieces = residues.view(kind).reshape(count, columns, how.limbs)
    out = scratch.take("limbs", (count, how.limbs, columns), np.float64)
    np.copyto(out, np.moveaxis(pieces, 2, 1), casting="unsafe")
    return out


def _product(group: Group, limbs: np.ndarray, low: int, scratch: Scratch) -> np.ndarray:
    """Sums (rows, limbs, columns), exact."""
    count, _, columns = limbs.shape
    flat = limbs.reshape(count, -1)
    inputs = group.inputs - low
    if len(inputs) and inputs[-1] - inputs[0] + 1 == len(inputs):
        gathered = flat[inputs[0] : inputs[-1] + 1]
    else:
        gathered = scratch.take("gathered", (len(inputs), flat.shape[1]), np.float64)
        np.take(flat, inputs, axis=0, out=gathered, mode="clip")
    sums = scratch.take("sums", (len(group.rows), flat.shape[1]), np.float64)
    np.matmul(group.weights, gathered, out=sums)
    return sums.reshape(len(sums), -1, columns)


def _together(
    sums: np.ndarray, how: Cut, added: np.ndarray | None, scratch: Scratch
) -> np.ndarray:
    """Σ sums[:, limb]·2^(width·limb) + added modulo the prime, int64 (rows, columns)."""
    shape = (len(sums), sums.shape[2])
    total, limb = scratch.take("total", shape), scratch.take("limb", shape)
    np.copyto(total, sums[:, -1], casting="unsafe")
    for lower in reversed(range(how.limbs - 1)):
        np.copyto(limb, sums[:, lower], casting="unsafe")
        _shift_and_add(total, limb, how, scratch)
    if added is not None:
        total += added
    multiple = scratch.take("multiple", shape)
    np.floor_divide(total, how.prime, out=multiple)
    multiple *= how.prime
    total -= multiple
    return total


def _shift_and_add(total: np.ndarray, limb: np.ndarray, how: Cut, scratch: Scratch) -> None:
    """In place total·2^width + limb, less the multiple of the prime that float64 division finds.

    The products wrap around modulo 2^64; what is left, within 2·prime + 2^53 of 0, fits again.
    """
    quotient = scratch.take("quotient", total.shape, np.float64)
    multiple = scratch.take("multiple", total.shape)
    np.multiply(total, 2.0**how.width / how.prime, out=quotient)
    np.floor(quotient, out=quotient)
    np.copyto(multiple, quotient, casting="unsafe")
    multiple *= how.prime
    total <<= how.width
    total += limb
    total -= multiple
