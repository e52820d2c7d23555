"""Random circuits: encrypted equals clear within the predicted precision, and nothing changes."""

from functools import cache

import numpy as np
from helpers import apply_step, assert_bits, uniform
from hypothesis import given, settings
from hypothesis import strategies as st

import helib_py as he
from helib_py.errors import OutOfLevels, Overflow

SIZE = 8


@cache
def owner(library):
    return he.DataOwner(he.CKKS(depth=6, precision=20, rotations=(1, 2, 4)), library)


index = st.integers(0, 15)
step = st.tuples(
    st.sampled_from(
        ["add", "subtract", "multiply", "square", "rotate", "scale", "shift", "whole"]
    ),
    index,
    index,
)


@settings(max_examples=15, deadline=None, derandomize=True)
@given(steps=st.lists(step, min_size=4, max_size=10))
def test_a_random_circuit_agrees_with_numpy_within_the_predicted_bits(library, steps):
    clear = [uniform(SIZE, seed) for seed in (100, 101)]
    encrypted = [owner(library).encrypt(values) for values in clear]
    before = [c.to_bytes() for c in encrypted]
    for name, i, j in steps:
        a, b = i % len(clear), -1 - j % 2
        try:
            result = apply_step(name, encrypted[a], encrypted[b], j, uniform)
        except (Overflow, OutOfLevels):
            continue  # both are documented; the circuit goes on without this step
        encrypted.append(result)
        clear.append(apply_step(name, clear[a], clear[b], j, uniform))
    for c, values in zip(encrypted, clear, strict=True):
        # Predicted is the expected largest error; of the hundreds drawn here some are twice that.
        assert_bits(owner(library).decrypt(c), values, at_least=min(c.bits, 45) - 2)
        assert c.estimate.bound >= np.abs(values).max()
    assert [c.to_bytes() for c in encrypted[:2]] == before


@settings(max_examples=5, deadline=None, derandomize=True)
@given(choices=st.lists(st.booleans(), min_size=6, max_size=6))
def test_six_products_in_a_row_keep_the_precision_asked(library, choices):
    x, y = uniform(SIZE, 1), uniform(SIZE, 2)
    x_enc, y_enc = owner(library).encrypt(x), owner(library).encrypt(y)
    out, expected = x_enc, x
    for by_y in choices:
        out, expected = (out * y_enc, expected * y) if by_y else (out * x_enc, expected * x)
    assert out.level == 0
    assert_bits(owner(library).decrypt(out), expected, at_least=20)
