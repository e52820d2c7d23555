"""Notebook 11's folds by hand and the package's agree."""

import numpy as np
import pytest
from helpers import by_hand
from hypothesis import given, settings
from hypothesis import strategies as st
from sealed import clear, layers

from helib_py.folding import alternate

BY_HAND = "11_encrypted_deep_model"
SLOTS = 32
few = settings(max_examples=10, deadline=None, derandomize=True)


def test_the_notebook_s_layouts_are_the_package_s():
    hand = by_hand(BY_HAND)
    weights = [affine.dense for affine in layers((8, 4, 4, 2))]
    first, second, third = alternate((8, 4, 4, 2), SLOTS)
    assert np.array_equal(hand.major_first(weights[0], SLOTS), first.weights(weights[0])[0, 0])
    assert np.array_equal(hand.minor(weights[1], SLOTS), second.weights(weights[1])[0, 0])
    assert np.array_equal(hand.major(weights[2], 8, 4, SLOTS), third.weights(weights[2])[0, 0])
    assert [layer.folds for layer in (first, second, third)] == [(4, 8, 16), (1, 2), (8, 16, 4)]


@few
@given(st.integers(0, 999))
def test_folds_by_hand_are_the_network(seed):
    hand, affines = by_hand(BY_HAND), layers((8, 4, 4, 2), seed)
    x = np.random.default_rng(seed).uniform(-1, 1, 8)
    z, laid = np.repeat(x, 4), [
        lambda W: hand.major_first(W, SLOTS),
        lambda W: hand.minor(W, SLOTS),
        lambda W: hand.major(W, 8, 4, SLOTS),
    ]  # fmt: skip
    for k, (affine, lay, layer) in enumerate(
        zip(affines, laid, alternate((8, 4, 4, 2), SLOTS), strict=True)
    ):
        z = z**2 if k else z
        z = hand.fold(lay(affine.dense) * z, layer.folds) + layer.bias(affine.bias)[0]
    assert np.allclose(z, np.tile(clear(affines, x), SLOTS // 2))


@pytest.mark.parametrize("steps", [(1, 2), (4, 8, 16), ()])
def test_a_fold_by_hand_sums_stretches(steps):
    z = np.arange(32.0)
    expected = sum(np.roll(z, -k) for k in range(0, 2 * steps[-1], steps[0])) if steps else z
    assert np.array_equal(by_hand(BY_HAND).fold(z, steps), expected)
