"""Rows, columns and images in turn: packings that follow one another."""

import numpy as np
import pytest
import torch
from helpers import assert_bits, assert_refused, uniform
from hypothesis import given, settings
from hypothesis import strategies as st
from test_packing import EXACT, SLOTS, matrix, run

from helib_py import packing
from helib_py.encoding import Layout
from helib_py.errors import ShapeError

few = settings(max_examples=30, deadline=None)


@few
@given(st.lists(st.integers(1, 16), min_size=3, max_size=6))
def test_strided_and_columnwise_products_alternate(sizes):
    x, layout = uniform(sizes[0], 9), Layout.dense(sizes[0])
    slots = layout.spread(x, SLOTS)
    for i, rows in enumerate(sizes[1:]):
        W = matrix((rows, len(x)), i) / len(x)
        kernel = packing.columnwise if i % 2 else packing.strided
        d = kernel(W, layout, SLOTS)
        slots, steps = run(d, [slots])
        bias = uniform(rows, i + 20)
        slots, x, layout = slots + d.out.spread(bias, SLOTS), W @ x + bias, d.out
        assert len(d.shifts) == 1
        assert len(steps) == d.rotations
        assert_bits(slots[layout.find()], x, EXACT)
        if i % 2:
            assert_bits(slots, layout.spread(x, SLOTS), EXACT)


def test_a_column_needs_runs_as_long_as_itself():
    short = packing.strided(matrix((16, 32)), Layout.dense(32), SLOTS).out
    assert short.run == 1
    with pytest.raises(ShapeError) as error:
        packing.columnwise(matrix((4, 16)), short, SLOTS)
    assert_refused(error)


def convolution(before, maps, kernel, stride, padding):
    """A torch convolution as a matrix, and the shape it gives."""
    torch.manual_seed(0)
    layer = torch.nn.Conv2d(before[0], maps, kernel, stride, padding, bias=False).double()
    units = torch.eye(int(np.prod(before))).double().reshape(-1, *before)
    out = layer(units).detach()
    return out.reshape(len(units), -1).numpy().T, tuple(out.shape[1:])


@few
@given(
    channels=st.integers(1, 3), maps=st.integers(1, 5), size=st.integers(4, 8),
    kernel=st.integers(1, 3), stride=st.integers(1, 2), padding=st.integers(0, 1),
)  # fmt: skip
def test_every_placement_of_an_image_holds_its_convolution(
    channels, maps, size, kernel, stride, padding
):
    before = (channels, size, size)
    W, after = convolution(before, maps, kernel, stride, min(padding, kernel - 1))
    x, layout = uniform(W.shape[1], 9), Layout.dense(W.shape[1])
    for out in packing.placements(W, layout, before, after):
        d = packing.sparse(W, layout, SLOTS, out)
        slots, steps = run(d, [layout.spread(x, SLOTS)])
        assert_bits(slots, out.spread(W @ x, SLOTS), EXACT)
        assert len(steps) == d.rotations


def test_a_strided_convolution_fills_gaps_with_channels():
    before = (1, 16, 16)
    W, after = convolution(before, 4, 3, 2, 1)
    layout = Layout.dense(256)
    found = list(packing.placements(W, layout, before, after))
    assert len(found) == 1  # the four channels fit the gaps only: one period has no other room
    shifts = packing.sparse(W, layout, SLOTS, found[0]).shifts
    assert len(shifts) == 16  # a window of 3×3, from each of 2×2 places


@few
@given(st.integers(1, 40), st.integers(1, 40))
def test_a_sparse_product_leads_from_any_layout_to_any_other(rows, columns):
    random = np.random.default_rng(rows)
    W = matrix((rows, columns)) * (random.random((rows, columns)) < 0.2)
    order = random.permutation(np.append(np.arange(columns), np.full(64 - columns, -1)))
    x, layout, out = uniform(columns, 9), Layout(1, order), Layout.dense(rows)
    d = packing.sparse(W, layout, SLOTS, out)
    slots, _ = run(d, [layout.spread(x, SLOTS)]) if np.any(W) else (np.zeros(SLOTS), 0)
    assert_bits(slots, out.spread(W @ x, SLOTS), EXACT)


def test_leftovers_are_never_taken_for_values():
    left = packing.strided(matrix((4, 8)), Layout.dense(8), SLOTS).out
    with pytest.raises(ShapeError) as error:
        packing.sparse(np.eye(4), left, SLOTS, Layout.dense(4))
    assert_refused(error)
