"""What notebook 07 builds by hand, run from the notebook itself, agrees with the package."""

from functools import cache

import numpy as np
import pytest
from helpers import assert_bits, by_hand, uniform
from hypothesis import given, settings
from hypothesis import strategies as st

import helib_py as he
from helib_py import packing
from helib_py.encoding import Layout

PARAMS = he.CKKS(ring=1024, prime_bits=(60, 40, 40), special_bits=60, scale_bits=40, insecure=True)
NAMES = {
    "doublings", "fold", "row_by_row", "diagonal", "by_diagonals", "baby_giant", "weighted_sum",
    "part", "lazily", "again_and_again", "wide", "flat", "convolution_matrix", "sparse",
}  # fmt: skip
square = st.integers(1, 4).map(lambda e: 1 << e)
few = settings(max_examples=15, deadline=None)


def notebook():
    return by_hand("07_packing")


@cache
def twin():
    return he.DataOwner(PARAMS, "plain")


def agree(circuit, W, x, at_least=20):
    """By hand as with the package, and both are right."""
    c = twin().encrypt(x)
    assert_bits(twin().decrypt(circuit(W, c))[: len(W)], W @ x, at_least)
    assert_bits(twin().decrypt(W @ c), W @ x, at_least)


def test_every_function_by_hand_is_tested_here():
    assert set(vars(notebook())) == NAMES


@given(st.integers(0, 6), st.integers(0, 6))
def test_doublings_are_the_package_s_folds(first, more):
    first, end = 1 << first, 1 << (first + more)
    folds = packing.cyclic(np.ones((first, end)), Layout.dense(end), end).folds
    assert tuple(notebook().doublings(first, end)) == folds


def test_a_fold_over_all_is_the_sum():
    x = uniform(16)
    c = twin().encrypt(x)
    folded = notebook().fold(c, notebook().doublings(1, 16))
    assert_bits(twin().decrypt(folded), np.full(16, x.sum()))
    assert_bits(twin().decrypt(c.sum()), x.sum())


@few
@given(square, square)
def test_diagonals_are_the_package_s(rows, columns):
    rows = min(rows, columns)
    W = uniform((rows, columns), 3)
    (table,) = packing.cyclic(W, Layout.dense(columns), columns).tables
    assert np.array_equal([notebook().diagonal(W, k) for k in range(rows)], table)
    x = uniform(columns)
    turned = [np.roll(x, -k) for k in range(rows)]
    once = notebook().fold(FakeSlots(sum(t * d for t, d in zip(turned, table, strict=True))),
                           notebook().doublings(rows, columns))  # fmt: skip
    assert_bits(once.values[:rows], W @ x, 40)


class FakeSlots:
    """Numbers that rotate as a ciphertext does."""

    def __init__(self, values):
        self.values = values

    def __add__(self, other):
        return FakeSlots(self.values + other.values)

    def rotate(self, k):
        return FakeSlots(np.roll(self.values, -k))


@pytest.mark.parametrize("n", [2, 8, 16])
@pytest.mark.parametrize("name", ["row_by_row", "by_diagonals", "wide", "sparse"])
def test_square_products_agree(name, n):
    agree(getattr(notebook(), name), uniform((n, n), 1) / n, uniform(n))


@few
@given(square, st.integers(0, 4), st.sampled_from(["baby_giant", "lazily", "again_and_again"]))
def test_baby_and_giant_steps_agree_for_every_number_of_babies(n, exponent, name):
    b = min(n, 1 << exponent)
    circuit = getattr(notebook(), name)
    agree(lambda W, c: circuit(W, c, b), uniform((n, n), 1) / n, uniform(n))


@few
@given(square, square)
def test_wide_products_agree(rows, columns):
    W = uniform((min(rows, columns), columns), 1) / columns
    agree(notebook().wide, W, uniform(columns))
    agree(notebook().row_by_row, W, uniform(columns))


@few
@given(square, square)
def test_all_slots_at_work_is_the_strided_layout(rows, columns):
    W, x = uniform((rows, columns), 1) / columns, uniform(columns)
    packed = packing.strided(W, Layout.dense(columns), rows * columns)
    assert np.array_equal(packed.tables[0], [W.reshape(-1)])
    assert list(packed.folds) == notebook().doublings(1, columns)
    c = twin().encrypt(np.tile(x, rows))
    got = twin().decrypt(notebook().flat(W, c))[packed.out.find()]
    assert_bits(got, W @ x)


def test_weighted_sums_are_the_package_s_products():
    c, vectors = twin().encrypt(uniform(8)), uniform((3, 8), 2)
    terms = [c.rotate(k) for k in range(3)]
    lazy = notebook().weighted_sum(terms, vectors)
    eager = sum(t * v for t, v in zip(terms, vectors, strict=True))
    assert (lazy.level, lazy.scale) == (eager.level, eager.scale)
    assert_bits(twin().decrypt(lazy), twin().decrypt(eager))
    assert abs(lazy.bits - eager.bits) < 3


@few
@given(st.integers(0, 99))
def test_a_convolution_s_matrix_is_torch_s(seed):
    torch = pytest.importorskip("torch")
    kernel, image = uniform((3, 3), seed), uniform((8, 8), seed + 1)
    both = [torch.tensor(a[None, None]) for a in (image, kernel)]
    expected = torch.nn.functional.conv2d(*both, padding=1).numpy()[0, 0]
    T = notebook().convolution_matrix(kernel, 8)
    assert_bits((T @ image.reshape(-1)).reshape(8, 8), expected, 40)
