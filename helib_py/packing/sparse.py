"""Sparse matrices between layouts of any kind: convolutions and skips on encrypted images.

An image (channels, height, width) keeps its pixels where they are: an output of a convolution
lies where the first pixel of its window lay, and an output channel goes to a slot that is free,
in the gaps that a stride leaves or in a block of its own (multiplexed packing: Lee et al., ICML
2022). Then all windows use the same few shifts.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..encoding import Layout
from ..errors import ShapeError
from .diagonals import Diagonals, cheapest_giant

Shape = tuple[int, ...]


def sparse(
    weights: np.ndarray, layout: Layout, slots: int, out: Layout, pools: tuple[int, ...] = ()
) -> Diagonals:
    """One diagonal for every shift between an input and an output that a weight connects.

    The weights are (m, n). Nothing but the product is left in the slots. ShapeError for layouts
    with leftovers, or larger than the slots.
    """
    if layout.block != 1 or out.block != 1 or max(layout.period, out.period) > slots:
        raise ShapeError("a sparse product needs layouts without leftovers that fit the slots")
    order = np.tile(out.order, max(1, layout.period // out.period))
    filled = np.flatnonzero(order >= 0)
    which_place, column = np.nonzero(weights[order[filled]])
    place = filled[which_place]
    steps = (layout.find()[column] - place) % layout.period
    shifts, which = np.unique(steps, return_inverse=True) if steps.size else (np.zeros(1, int), 0)

    def make() -> list[np.ndarray]:
        table = np.zeros((len(shifts), len(order)))
        table[which, place] = weights[order[place], column]
        return [np.tile(table, slots // len(order))]

    found = tuple(int(s) for s in shifts)
    powers = [1 << i for i in range(layout.period.bit_length())]
    giant = cheapest_giant(found, 1, [*powers, *(s for s in found if s)])
    return Diagonals(found, giant, (), out, make, pools=pools)


def placements(
    weights: np.ndarray, layout: Layout, before: Shape, after: Shape
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


def pooled(
    weights: np.ndarray, layout: Layout, before: Shape
) -> tuple[np.ndarray, tuple[int, ...]]:
    """Weights (m, n) that are equal within squares of pixels, moved to their first pixels.

    And the folds that sum the squares there: two rotations instead of four times the shifts.
    Weights that are no average pooling of squares come back as they are.
    """
    places = layout.find().reshape(before)
    for size in (8, 4, 2):
        if before[1] % size or before[2] % size:
            continue
        squares = weights.reshape(-1, before[0], before[1] // size, size, before[2] // size, size)
        if np.array_equal(squares, np.broadcast_to(squares[..., :1, :, :1], squares.shape)):
            first = np.zeros_like(squares)
            first[..., 0, :, 0] = squares[..., 0, :, 0]
            right, down = places[0, 0, 1] - places[0, 0, 0], places[0, 1, 0] - places[0, 0, 0]
            halves = [1 << i for i in range(size.bit_length() - 1)]
            folds = tuple(int(step * half) for step in (right, down) for half in halves)
            return first.reshape(weights.shape), folds
    return weights, ()


def _channels(places: np.ndarray, period: int) -> list[int]:
    """Offsets at which whole channels fit: those of the input, then blocks that are free."""
    known = [int(c) for c in places[:, 0, 0] - places[0, 0, 0]]
    reach = 1 << int(np.ptp(places[0])).bit_length()
    return [*known, *(b for b in range(0, period, reach) if b not in known)]


def _stride(weights: np.ndarray, before: Shape, after: Shape, axis: int) -> int:
    """Input pixels between neighbouring outputs along an axis, from which weights are not 0."""
    grid = weights.reshape(*after, *before)
    others = tuple(i for i in range(6) if i not in (axis, axis + 3))
    used = np.any(grid != 0, axis=others)
    middles = [np.flatnonzero(row).mean() for row in used if row.any()]
    steps = np.diff(middles)
    return max(1, round(float(np.median(steps)))) if steps.size else before[axis]
