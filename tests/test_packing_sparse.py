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


@pytest.mark.parametrize("size", [2, 4])
def test_pooling_before_a_convolution_is_a_few_folds(size):
    before, torch_pool = (2, 16, 16), torch.nn.AvgPool2d(size)
    units = torch.eye(512).double().reshape(-1, *before)
    W, after = convolution((2, 16 // size, 16 // size), 3, 2, 1, 0)
    W = W @ torch_pool(units).reshape(512, -1).numpy().T
    first, folds = packing.pooled(W, Layout.dense(512), before)
    assert first.count_nonzero() * size**2 == np.count_nonzero(W)
    assert len(folds) == 2 * np.log2(size)
    x = uniform(512, 9)
    for out in packing.placements(W, Layout.dense(512), before, after):
        d = packing.sparse(first, Layout.dense(512), SLOTS, out, folds)
        slots, steps = run(d, [x])
        assert_bits(slots, out.spread(W @ x, SLOTS), EXACT)
        assert (
            len(steps) == d.rotations < packing.sparse(W, Layout.dense(512), SLOTS, out).rotations
        )


def test_pooling_an_image_whose_pixels_lie_anywhere_folds_nothing():
    """As after a convolution with a border of padding, whose outputs are constants."""
    torch_pool, units = torch.nn.AvgPool2d(2), torch.eye(64).double().reshape(-1, 1, 8, 8)
    W = torch_pool(units).reshape(64, -1).numpy().T
    x, out = uniform(64, 9), Layout.dense(16)
    layout = Layout(1, np.random.default_rng(1).permutation(64))
    first, folds = packing.pooled(W, layout, (1, 8, 8))
    slots, _ = run(packing.sparse(first, layout, SLOTS, out, folds), [layout.spread(x, SLOTS)])
    assert_bits(slots, out.spread(W @ x, SLOTS), EXACT)


def test_weights_that_pool_nothing_stay_as_they_are():
    W, _ = convolution((1, 8, 8), 2, 3, 1, 0)
    first, folds = packing.pooled(W, Layout.dense(64), (1, 8, 8))
    assert folds == ()
    assert np.array_equal(first.toarray(), W)


def test_windows_of_an_image_lie_in_rows_of_a_power_of_two():
    W, after = convolution((1, 8, 8), 2, 3, 1, 0)
    d, gather = packing.windows(W, SLOTS, 1, after)
    places = d.out.find().reshape(after)
    assert np.all(np.diff(places[0], axis=0) == 8)
    x = uniform(64, 9)
    slots, _ = run(d, np.append(x, 0.0)[gather])
    assert_bits(slots, d.out.spread(W @ x, SLOTS), EXACT)
