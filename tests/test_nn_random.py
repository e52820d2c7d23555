"""Random networks of all layers are read as they compute, and their twins agree with torch."""

import numpy as np
import pytest
from helpers import assert_bits
from test_nn_reading import assert_read

import helib_py as he
from fuzz.nets import random_net
from fuzz.networks import Case, clear

SEED = 16


def drawn(number):
    """The network of a number, and examples; printed where a test fails."""
    squares = number % 2 == 0
    net, shape = random_net([SEED, number], squares, number % 4)
    print(SEED, number, shape, net)  # noqa: T201
    return net, np.random.default_rng(number).uniform(-1, 1, (16, *shape)), squares


@pytest.mark.parametrize("tens", range(10))
def test_a_hundred_random_networks_are_read_as_they_compute(tens):
    for number in range(10 * tens, 10 * tens + 10):
        net, x, _ = drawn(number)
        assert_read(net.double(), x)


@pytest.mark.parametrize("number", range(12))
def test_a_random_network_s_plans_agree_with_torch(number):
    net, x, squares = drawn(number)
    expected = clear(Case("", net, x, np.random.default_rng(), ""), x)
    for options in [{}, {"batch": True}] if squares else [{}]:
        plan = he.plan(net, x, 5, **options)
        assert_bits(plan.simulate(x, seed=3), expected, at_least=plan.bits - 3)
