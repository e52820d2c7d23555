"""What the campaign of random networks found: computed, or refused in words, by now."""

import numpy as np
import pytest
from helpers import assert_bits
from sealed import clear

import helib_py as he
from helib_py.network import Affine


@pytest.mark.parametrize("engine", ["seal", "pyfhel", "plain"])
@pytest.mark.parametrize("size", [1.0, 0.03, 0.0004])
def test_a_sealed_network_may_have_small_outputs(engine, size):
    """Their scale would have been beyond the modulus that is left; they have fewer bits."""
    random = np.random.default_rng(0)
    net = [Affine("first", random.uniform(-1, 1, (5, 6)) / 6, random.uniform(-0.1, 0.1, 5)),
           Affine("last", random.uniform(-size, size, (3, 5)), np.zeros(3))]  # fmt: skip
    x = random.uniform(0, 1, (16, 6))
    terms = dict(statistical_bits=10, precision=2, ring=2048, insecure=True)
    owner = he.DeepModelOwner(net, x, engine, **terms)
    answer = owner.encrypt_model()(x[0])
    assert_bits(owner.decrypt(answer.to_bytes()), clear(net, x[0]), answer.bits - 2)
