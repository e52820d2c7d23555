"""Sparse matrices between layouts of any kind: convolutions and skips on encrypted images.

An image (channels, height, width) keeps its pixels where they are: an output of a convolution
lies where the first pixel of its window lay, and an output channel goes to a slot that is free,
in the gaps that a stride leaves or in a block of its own (multiplexed packing: Lee et al., ICML
2022). Then all windows use the same few shifts.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.sparse import csr_array

from ..encoding import Layout
from ..errors import ShapeError
from .diagonals import Diagonals, cheapest_giant

Shape = tuple[int, ...]


def sparse(
    weights: csr_array, layout: Layout, slots: int, out: Layout, pools: tuple[int, ...] = ()
) -> Diagonals:
    """One diagonal for every shift between an input and an output that a weight connects.

    The weights are (m, n). Nothing but the product is left in the slots. ShapeError for layouts
    with leftovers, or larger than the slots.
    """
    if layout.block != 1 or out.block != 1 or max(layout.period, out.period) > slots:
        raise ShapeError("a sparse product needs layouts without leftovers that fit the slots")
    order = np.tile(out.order, max(1, layout.period // out.period))
    filled = np.flatnonzero(order >= 0)
    used = csr_array(weights)[order[filled]].tocoo()
    place = filled[used.row]
    steps = (layout.find()[used.col] - place) % layout.period
    shifts, which = np.unique(steps, return_inverse=True) if steps.size else (np.zeros(1, int), 0)

    def make() -> list[np.ndarray]:
        table = np.zeros((len(shifts), len(order)))
        table[which, place] = used.data
        return [np.tile(table, slots // len(order))]

    found = tuple(int(s) for s in shifts)
    powers = [1 << i for i in range(layout.period.bit_length())]
    giant = cheapest_giant(found, 1, [*powers, *(s for s in found if s)])
    return Diagonals(found, giant, (), out, make, pools=pools)


def placements(
    weights: csr_array, layout: Layout, before: Shape, after: Shape
) -> Iterator[Layout]:
    """Layouts for the output (C', H', W') of a convolution on an input (C, H, W).

    They differ in how many of the gaps between strided pixels hold a channel of their own.
    """
    if len(before) != 3 or len(after) != 3 or layout.block != 1:
        return
    places = layout.find().reshape(before)
    strides = [_stride(weights, before, after, axis) for axis in (1, 2)]
    if any(s * (n - 1) >= m for s, n, m in zip(strides, after[1:], before[1:], strict=True)):
        return
    pixels = places[0, :: strides[0], :: strides[1]][: after[1], : after[2]]
    gaps = (places[0, : strides[0], : strides[1]] - places[0, 0, 0]).ravel()
    channels = _channels(places, layout.period)
    for used in range(1, len(gaps) + 1):
        offsets = [c + gap for c in channels for gap in gaps[:used]][: after[0]]
        out = (np.array(offsets)[:, None, None] + pixels) % layout.period
        if len(offsets) == after[0] and len(np.unique(out)) == out.size:
            order = np.full(layout.period, -1)
            order[out.ravel()] = np.arange(out.size)
            yield Layout(1, order)


def pooled(weights: csr_array, layout: Layout, before: Shape) -> tuple[csr_array, tuple[int, ...]]:
    """Weights (m, n) that are equal within squares of pixels, moved to their first pixels.

    And the folds that sum the squares there: two rotations instead of four times the shifts.
    Weights that are no average pooling of squares come back as they are, and so do those on an
    image whose pixels do not lie in even steps, as one whose border is padding.
    """
    places, weights = layout.find().reshape(before), csr_array(weights)
    for size in (8, 4, 2):
        if before[1] % size or before[2] % size:
            continue
        first, square = _squares(before, size)
        corners = csr_array(weights @ first)
        right, down = places[0, 0, 1] - places[0, 0, 0], places[0, 1, 0] - places[0, 0, 0]
        if _even(places, size, right, down) and (corners @ square.T != weights).nnz == 0:
            halves = [1 << i for i in range(size.bit_length() - 1)]
            folds = tuple(int(step * half) for step in (right, down) for half in halves)
            return csr_array(corners @ first.T), folds
    return weights, ()


def _even(places: np.ndarray, size: int, right: int, down: int) -> bool:
    """Whether in every square the pixels lie in these steps from its first one."""
    firsts = places[:, ::size, ::size].repeat(size, 1).repeat(size, 2)
    inside = down * np.arange(size)[:, None] + right * np.arange(size)
    grid = (places.shape[1] // size, places.shape[2] // size)
    return np.array_equal(places, firsts + np.tile(inside, grid))


def _squares(before: Shape, size: int) -> tuple[csr_array, csr_array]:
    """Zeros and ones, (pixels, squares): a square's first pixel, and all that are in it."""
    channel, y, x = np.indices(before).reshape(3, -1)
    grid = (before[0], before[1] // size, before[2] // size)
    number = np.ravel_multi_index((channel, y // size, x // size), grid)
    pixels, shape = np.arange(len(number)), (len(number), int(np.prod(grid)))
    inside = csr_array((np.ones(len(number)), (pixels, number)), shape)
    corner = np.flatnonzero((y % size == 0) & (x % size == 0))
    return csr_array((np.ones(len(corner)), (corner, number[corner])), shape), inside


def _channels(places: np.ndarray, period: int) -> list[int]:
    """Offsets at which whole channels fit: those of the input, then blocks that are free."""
    known = [int(c) for c in places[:, 0, 0] - places[0, 0, 0]]
    reach = 1 << int(np.ptp(places[0])).bit_length()
    return [*known, *(b for b in range(0, period, reach) if b not in known)]


def _stride(weights: csr_array, before: Shape, after: Shape, axis: int) -> int:
    """Input pixels between neighbouring outputs along an axis, from which weights are not 0."""
    rows, columns = weights.nonzero()
    used = np.zeros((after[axis], before[axis]), dtype=bool)
    used[np.unravel_index(rows, after)[axis], np.unravel_index(columns, before)[axis]] = True
    middles = [np.flatnonzero(row).mean() for row in used if row.any()]
    steps = np.diff(middles)
    return max(1, round(float(np.median(steps)))) if steps.size else before[axis]
