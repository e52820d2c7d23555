"""Diagonals give the matrix product, with the rotations they say, all powers of two."""

from itertools import pairwise

import numpy as np
import pytest
from helpers import assert_bits, assert_refused, uniform
from hypothesis import given, settings
from hypothesis import strategies as st

import helib_py as he
from helib_py import packing
from helib_py.encoding import Layout, power_of_two
from helib_py.engines.plain import PlainEvaluator
from helib_py.errors import ShapeError

PARAMS = he.CKKS(ring=1024, prime_bits=(40,), scale_bits=30, insecure=True)
SLOTS = PARAMS.slots
EXACT = 45  # bits: what float64 leaves
shapes = st.tuples(st.integers(1, 70), st.integers(1, 70))
few = settings(max_examples=40, deadline=None)


class Counter(PlainEvaluator):
    """The exact clear twin, noting every rotation."""

    def __init__(self):
        super().__init__(PARAMS, noisy=False)
        self.steps = []

    def rotate(self, a, steps):
        self.steps.append(steps)
        return super().rotate(a, steps)


def run(diagonals, inputs):
    """The slots after a packed product, and the steps it rotated by."""
    e = Counter()
    encoded = packing.encode_diagonals(diagonals, lambda p: e.encode(p, 0, 1.0))
    z = packing.products(e, [e.encrypt(x, 0, 1.0) for x in inputs], diagonals, encoded)
    return packing.fold(e, z, diagonals.folds).slots, e.steps


def matrix(shape, seed=0, sparse=False):
    W = uniform(shape, seed) + 0.01
    return W * (uniform(shape, seed + 1) > 0.3) if sparse else W


def check_steps(diagonals, steps):
    assert len(steps) <= diagonals.rotations
    assert all(s & (s - 1) == 0 and 0 < s < SLOTS for s in steps)


def applied(kernel, shape):
    """The layout a kernel leaves, the slots it fills, and the product it should have given."""
    W, x = matrix(shape), uniform(shape[1], 9)
    d = kernel(W, Layout.dense(shape[1]), SLOTS)
    slots, steps = run(d, [Layout.dense(shape[1]).spread(x, SLOTS)])
    check_steps(d, steps)
    return d.out, slots, W @ x


@few
@given(shapes)
def test_cyclic_diagonals_give_the_product(shape):
    out, slots, product = applied(packing.cyclic, shape)
    assert_bits(slots, out.spread(product, SLOTS), EXACT)


@few
@given(shapes)
def test_strided_diagonals_give_the_product_where_they_say(shape):
    out, slots, product = applied(packing.strided, shape)
    assert_bits(slots[out.find()], product, EXACT)


@few
@given(shapes, st.integers(1, 70))
def test_a_cyclic_product_needs_only_the_first_slot_of_each_block(shape, rows):
    W, V, x = matrix(shape), matrix((rows, shape[0]), 5), uniform(shape[1], 9)
    first = packing.strided(W, Layout.dense(shape[1]), SLOTS)
    second = packing.cyclic(V, first.out, SLOTS) if fits(rows, first.out) else None
    if second is None:
        return
    between, _ = run(first, [Layout.dense(shape[1]).spread(x, SLOTS)])
    slots, steps = run(second, [between])
    assert_bits(slots[second.out.find()], V @ (W @ x), EXACT - 2)
    check_steps(second, steps)


def fits(rows, layout):
    return power_of_two(rows) * layout.block <= SLOTS


@few
@given(st.lists(st.integers(1, 40), min_size=3, max_size=5))
def test_cyclic_products_follow_one_another(sizes):
    x = uniform(sizes[0], 9)
    layout, slots = Layout.dense(sizes[0]), Layout.dense(sizes[0]).spread(x, SLOTS)
    for i, (columns, rows) in enumerate(pairwise(sizes)):
        W = matrix((rows, columns), i) / columns
        d = packing.cyclic(W, layout, SLOTS)
        slots, steps = run(d, [slots])
        x, layout = W @ x, d.out
        check_steps(d, steps)
        assert_bits(slots, layout.spread(x, SLOTS), EXACT)


@pytest.mark.parametrize("exponents", [(0, 0), (0, 5), (5, 0), (3, 6), (6, 3), (6, 6), (9, 2)])
@pytest.mark.parametrize("kernel", [packing.cyclic, packing.strided])
def test_a_full_matrix_takes_exactly_the_rotations_foretold(kernel, exponents):
    rows, columns = (1 << e for e in exponents)
    d = kernel(matrix((rows, columns)), Layout.dense(columns), SLOTS)
    assert len(run(d, [np.ones(SLOTS)])[1]) == d.rotations


def test_baby_steps_take_about_twice_the_root_of_the_diagonals():
    d = packing.cyclic(matrix((256, 256)), Layout.dense(256), SLOTS)
    assert d.rotations == 2 * 16 - 2


def test_zero_diagonals_are_not_encoded_and_need_no_rotation():
    d = packing.cyclic(np.eye(16), Layout.dense(16), SLOTS)
    encoded = packing.encode_diagonals(d, lambda p: p)
    assert sum(p is not None for p in encoded[0]) == 1
    assert run(d, [np.arange(SLOTS) % 16.0])[1] == []


def test_the_product_of_a_zero_matrix_is_none():
    d = packing.cyclic(np.zeros((4, 4)), Layout.dense(4), SLOTS)
    e = Counter()
    encoded = packing.encode_diagonals(d, lambda p: e.encode(p, 0, 1.0))
    assert packing.products(e, [e.encrypt(np.ones(SLOTS), 0, 1.0)], d, encoded) is None


def convolution(maps, size, kernel, stride, seed=0):
    """The matrix of a convolution without padding, shape (maps·windows, size²)."""
    places = range(0, size - kernel + 1, stride)
    rows = []
    for taps in matrix((maps, kernel, kernel), seed):
        for i in places:
            for j in places:
                image = np.zeros((size, size))
                image[i : i + kernel, j : j + kernel] = taps
                rows.append(image.ravel())
    return np.array(rows)


@few
@given(
    maps=st.integers(1, 4),
    size=st.integers(4, 8),
    kernel=st.integers(1, 4),
    stride=st.integers(1, 3),
)
def test_windows_give_the_product_of_a_convolution(maps, size, kernel, stride):
    W, x = convolution(maps, size, kernel, stride), uniform(size * size, 9)
    packed = packing.windows(W, SLOTS)
    if packed is None:
        return
    d, gather = packed
    assert gather.shape == (len(d.tables), SLOTS)
    slots, steps = run(d, np.append(x, 0.0)[gather])
    assert_bits(slots, d.out.spread(W @ x, SLOTS), EXACT)
    check_steps(d, steps)


@few
@given(st.integers(1, 4), st.integers(1, 30), st.sampled_from([packing.cyclic, packing.strided]))
def test_windows_are_followed_by_any_dense_product(maps, rows, kernel):
    W, x = convolution(maps, 6, 3, 1), uniform(36, 9)
    V = matrix((rows, len(W)), 7) / len(W)
    first, gather = packing.windows(W, SLOTS)
    second = kernel(V, first.out, SLOTS)
    between, _ = run(first, np.append(x, 0.0)[gather])
    slots, steps = run(second, [between])
    assert_bits(slots[second.out.find()], V @ W @ x, EXACT)
    check_steps(second, steps)


@few
@given(shapes, st.integers(0, 6))
def test_copies_in_the_upload_save_rotations(shape, log_copies):
    W, x = matrix(shape), uniform(shape[1], 9)
    copies, plain = 1 << log_copies, packing.windows(W, SLOTS)
    d, gather = packing.windows(W, SLOTS, copies) or plain
    slots, steps = run(d, np.append(x, 0.0)[gather])
    assert_bits(slots, d.out.spread(W @ x, SLOTS), EXACT)
    check_steps(d, steps)
    if copies == power_of_two(shape[0]):
        assert len(d.shifts) == 1
        assert d.rotations <= plain[0].rotations


def test_what_does_not_fit_the_slots_has_no_windows():
    assert packing.windows(convolution(4, 30, 2, 1), SLOTS) is None
    assert packing.windows(matrix((4, 6)), SLOTS, copies=8) is None  # no use for so many


@pytest.mark.parametrize(
    "pack",
    [
        lambda: packing.cyclic(np.ones((600, 4)), Layout.dense(4), SLOTS),
        lambda: packing.cyclic(np.ones((4, 600)), Layout.dense(600), SLOTS),
        lambda: packing.strided(np.ones((4, 4)), Layout.dense(4, block=2), SLOTS),
        lambda: packing.strided(np.ones((600, 4)), Layout.dense(4), SLOTS),
    ],
)
def test_what_does_not_fit_the_slots_is_refused_with_a_fix(pack):
    with pytest.raises(ShapeError) as error:
        pack()
    assert_refused(error)
