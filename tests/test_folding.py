"""Encrypted weights on slots: the folded network is the network, and nothing else is left."""

import numpy as np
import pytest
from helpers import assert_refused
from hypothesis import given, settings
from hypothesis import strategies as st
from sealed import clear, layers

from helib_py.encoding import power_of_two
from helib_py.errors import ShapeError
from helib_py.folding import alternate, doublings

many = settings(max_examples=60, deadline=None, derandomize=True)
depths = st.lists(st.integers(1, 20), min_size=2, max_size=7).map(tuple)


def folded(widths, slots, x):
    """What all slots hold in the end."""
    affines = layers(widths)
    inputs = None
    for layer, affine in zip(alternate(widths, slots), affines, strict=True):
        inputs = layer.inputs(x) if inputs is None else inputs
        sums = [sum(map(np.multiply, row, inputs)) for row in layer.weights(affine.dense)]
        for step in layer.folds:
            sums = [y + np.roll(y, -step) for y in sums]
        sums = np.array(sums) + layer.bias(affine.bias)
        inputs = sums**2
    return sums


@many
@given(widths=depths, log_slots=st.integers(7, 9), seed=st.integers(0, 99))
def test_a_folded_network_repeats_its_outputs_and_holds_nothing_else(widths, log_slots, seed):
    x = np.random.default_rng(seed).uniform(-1, 1, widths[0])
    expected = np.zeros(power_of_two(widths[-1]))
    expected[: widths[-1]] = clear(layers(widths), x)
    (got,) = folded(widths, 1 << log_slots, x)
    assert np.allclose(got, np.tile(expected, len(got) // len(expected)), rtol=1e-9, atol=1e-9)


@many
@given(widths=depths)
def test_each_output_stands_where_the_layer_says(widths):
    """Before the last, also in the first ``run`` slots of each block, for the layer after it."""
    for k, layer in enumerate(alternate(widths, 256)[:-1]):
        assert set(np.unique(layer.out)) - {-1} == set(range(widths[k + 1]))
        first = layer.out.reshape(layer.groups, -1, layer.block)[..., : layer.run]
        if layer.block > 1:
            assert np.array_equal(first, np.broadcast_to(first[..., :1], first.shape))


def test_one_ciphertext_product_a_layer_is_enough_for_64_units():
    first, *deeper = alternate((784, 64, 64, 10), 8192)
    assert (first.groups, first.terms, len(first.folds)) == (1, 7, 7)
    assert [(layer.groups, layer.terms) for layer in deeper] == [(1, 1), (1, 1)]
    assert [len(layer.folds) for layer in deeper] == [6, 7]


def test_wide_layers_are_spread_over_several_ciphertexts():
    assert [layer.groups for layer in alternate((784, 128, 128, 10), 8192)] == [1, 4, 1]


def test_a_batch_of_inputs_is_laid_out_as_each_of_them():
    layer = alternate((6, 3), 64)[0]
    x = np.arange(12.0).reshape(2, 6)
    assert np.array_equal(layer.inputs(x)[:, 1], layer.inputs(x[1]))


@pytest.mark.parametrize("widths", [(3, 65), (3, 65, 3, 2), (3, 3, 65), (3, 33, 33, 2)])
def test_a_layer_wider_than_the_slots_is_refused(widths):
    with pytest.raises(ShapeError) as error:
        alternate(widths, 64)
    assert_refused(error)


def test_doublings_stop_below_the_end():
    assert doublings(3, 24) == (3, 6, 12)
    assert doublings(4, 4) == ()
