"""Matrix times vector on slots: diagonals, baby steps and giant steps, folds. Pure numpy.

A matrix is turned into *diagonals* p(k): plaintext vectors such that

    z = Σ_k rotate(x, k·step) · p(k)         then  z ← z + rotate(z, f)  for every fold f

leaves the product in the slots, in a layout that the next layer understands (Halevi and Shoup,
CRYPTO 2014, for the diagonals and for baby-step giant-step). Rotations are by ``np.roll(x, -k)``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np

from .encoding import Layout, power_of_two
from .engines import Handle, Operations
from .errors import ShapeError


@dataclass(frozen=True, eq=False)
class Diagonals:
    """A matrix made ready for slots.

    ``tables[i][k]``: the plaintext of diagonal k for input ciphertext i, shape (D, slots), D a
    power of two. ``step``: rotation between neighbouring diagonals. ``folds``: rotations that
    sum the rest. ``out``: where the product lies. ``babies``: rotated copies kept of each input.
    """

    tables: Sequence[np.ndarray]
    step: int
    folds: tuple[int, ...]
    out: Layout

    @property
    def babies(self) -> int:
        """The baby steps b, a power of two that minimises inputs·(b-1) + D/b - 1 rotations."""
        count = len(self.tables[0])
        choices = [1 << i for i in range(count.bit_length())]
        return min(choices, key=lambda b: len(self.tables) * (b - 1) + count // b - 1)

    @property
    def rotations(self) -> int:
        """Rotations that applying it takes."""
        count, b = len(self.tables[0]), self.babies
        return len(self.tables) * (b - 1) + count // b - 1 + len(self.folds)


def cyclic(weights: np.ndarray, layout: Layout, slots: int) -> Diagonals:
    """Diagonals of a matrix (m, n); needs every input only in its own block's first slot.

    The result repeats with period pow2(m)·block, so nothing but the product is left in it.
    ShapeError when that exceeds the slots.
    """
    rows = power_of_two(len(weights))
    if rows * layout.block > slots or layout.period > slots:
        raise ShapeError(
            f"{rows} outputs, one every {layout.block} slots, do not fit {slots} slots: split the "
            "matrix by rows, or use a larger ring"
        )
    count, period = min(rows, len(layout.order)), len(layout.order)
    padded = _pad(weights, rows)
    block_of = np.arange(slots // layout.block)
    table = np.zeros((count, slots))
    for k in range(count):
        columns = layout.order[(block_of + k) % period]
        table[k, :: layout.block] = padded[block_of % rows, columns]
    folds = _doublings(rows * layout.block, layout.period)
    return Diagonals([table], layout.block, folds, Layout.dense(len(weights), layout.block))


def strided(weights: np.ndarray, layout: Layout, slots: int) -> Diagonals:
    """Diagonals of a matrix (m, n) on a repeated vector; output i lands in slot i·slots/pow2(m).

    Few diagonals, then a fold inside each stretch of slots/pow2(m); the other slots keep partial
    sums. ShapeError unless the input repeats in every slot (``layout.block == 1``).
    """
    rows = power_of_two(len(weights))
    if layout.block != 1 or rows > slots or layout.period > slots:
        raise ShapeError("a strided product needs a vector repeated over all slots")
    stretch, period = slots // rows, layout.period
    slot = np.arange(slots)
    padded = _pad(weights, rows)
    count = max(1, period // stretch)
    table = np.zeros((count, slots))
    for k in range(count):
        columns = layout.order[(slot + k * stretch) % period]
        table[k] = np.where(slot % stretch < period, padded[slot // stretch, columns], 0)
    folds = _doublings(1, min(stretch, period))
    return Diagonals([table], stretch, folds, Layout.dense(len(weights), stretch))


def windows(weights: np.ndarray, slots: int) -> tuple[Diagonals, np.ndarray] | None:
    """A sparse matrix such as a convolution, on an input that its owner gathers by window.

    Rows of ``weights`` (m, n) that use the same inputs share a window; slot t·W + w of the upload
    holds the t-th input of window w (W windows, padded). Returns the diagonals and the gather
    table, shape (ciphertexts, slots), of input indices with -1 for zero; None where rows share
    nothing or the result does not fit the slots.
    """
    groups: dict[tuple[int, ...], list[int]] = {}
    for row, used in enumerate(weights != 0):
        groups.setdefault(tuple(np.flatnonzero(used)), []).append(row)
    width, maps = power_of_two(len(groups)), power_of_two(max(map(len, groups.values())))
    if len(groups) == 1 or width * maps > slots:
        return None
    taps = max(power_of_two(max(map(len, groups))), slots // width)
    gather, order = np.full((taps, width), -1), np.full((maps, width), -1)
    for w, (used, rows) in enumerate(groups.items()):
        gather[: len(used), w], order[: len(rows), w] = used, rows
    gather = gather.reshape(-1, slots)
    table = np.zeros((len(gather), maps, slots))
    slot_row = np.tile(order.reshape(-1), slots // order.size)
    padded = _pad(weights, len(weights) + 1)
    for k in range(maps):
        table[:, k] = padded[slot_row, np.roll(gather, -k * width, axis=-1)]
    folds = _doublings(width * maps, slots)
    return Diagonals(list(table), width, folds, Layout(1, order.reshape(-1))), gather


def turn(steps: int, length: int) -> int:
    """Steps modulo the length of a vector; ShapeError where padding would be turned in."""
    size = power_of_two(length)
    if size != length:
        raise ShapeError(
            f"a vector of {length} does not rotate into itself: encrypt it padded to {size}, "
            f"np.pad(x, (0, {size - length}))"
        )
    return int(steps) % size


def sums(length: int) -> tuple[int, ...]:
    """The folds that leave the sum of a vector, repeated in the slots, in each of them."""
    return _doublings(1, power_of_two(length))


def check_shape(matrix: np.ndarray, length: int) -> None:
    """ShapeError unless a matrix (m, n) fits a vector of length n."""
    if matrix.ndim != 2 or matrix.shape[1] != length or not len(matrix):
        raise ShapeError(f"matrix {matrix.shape} times {length} values: shapes must agree")


def _pad(weights: np.ndarray, rows: int) -> np.ndarray:
    """Zero rows up to ``rows`` and one zero column, which index -1 then finds."""
    m, n = weights.shape
    padded = np.zeros((rows, n + 1))
    padded[:m, :n] = weights
    return padded


def _doublings(first: int, end: int) -> tuple[int, ...]:
    """first, 2·first, 4·first … below end."""
    return tuple(first << i for i in range((max(end // first, 1) - 1).bit_length()))


Encode = Callable[[np.ndarray], object]


def encode_diagonals(d: Diagonals, encode: Encode) -> list[list[object | None]]:
    """Encode every non-zero diagonal, turned back by the giant step it will be turned by."""
    giant = d.babies * d.step
    return [
        [
            encode(np.roll(p, k // d.babies * giant)) if np.any(p) else None
            for k, p in enumerate(table)
        ]
        for table in d.tables
    ]


def products(
    e: Operations, xs: Sequence[Handle], d: Diagonals, encoded: list[list[object | None]]
) -> Handle | None:
    """Σ_k rotate(x, k·step)·p(k) over all inputs; None when every diagonal is zero."""
    b = d.babies
    used = [[any(p[j::b]) for j in range(b)] for p in encoded]
    babies = [_babies(e, x, d.step, u) for x, u in zip(xs, used, strict=True)]
    total = None
    for g in reversed(range(len(encoded[0]) // b)):
        terms = [
            e.multiply_plain(turned[j], p[g * b + j])
            for turned, p in zip(babies, encoded, strict=True)
            for j in range(b)
            if p[g * b + j] is not None
        ]
        if total is not None:
            terms.append(e.rotate(total, b * d.step))
        total = reduce(e.add, terms) if terms else None
    return total


def _babies(e: Operations, x: Handle, step: int, used: list[bool]) -> list[Handle]:
    """x, rotate(x, step), rotate(x, 2·step) …, each from the one before, as far as used."""
    turned = [x]
    for _ in range(max((j for j, u in enumerate(used) if u), default=0)):
        turned.append(e.rotate(turned[-1], step))
    return turned


def fold(e: Operations, z: Handle, folds: Sequence[int]) -> Handle:
    """z + rotate(z, f) for each f in turn: sums over whole stretches of slots."""
    for f in folds:
        z = e.add(z, e.rotate(z, f))
    return z
