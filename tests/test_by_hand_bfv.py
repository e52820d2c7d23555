"""What notebook 05 builds by hand keeps the laws that it states: exact below Δ/2, wrong beyond."""

import numpy as np
import pytest
from helpers import by_hand
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import helib_py as he

TOY = by_hand("05_noise_budget")
T, Q, DELTA = 2**8, 2**32, 2**24
NAMES = {"make_key", "encrypt", "centred", "phase", "decrypt", "noise", "multiply", "product_key"}
messages = st.integers(-T // 2, T // 2 - 1)
seeds = st.integers(0, 2**32)
quick = settings(deadline=None, max_examples=50)


def new_key(seed, n=16):
    random = np.random.default_rng(seed)
    return TOY.make_key(random, n), random


def meant(message):
    """The number that stands for a message modulo t."""
    return (message + T // 2) % T - T // 2


def test_every_function_by_hand_is_tested_here():
    assert set(vars(TOY)) == NAMES


@quick
@given(messages, seeds)
def test_decrypting_undoes_encrypting(m, seed):
    key, random = new_key(seed)
    c = TOY.encrypt(m, key, random)
    assert TOY.decrypt(c, key) == m
    assert abs(TOY.noise(c, key)) < 32  # ten deviations
    assert TOY.phase(c, key) == TOY.centred(DELTA * m + TOY.noise(c, key), Q)


@quick
@given(st.lists(messages, min_size=1, max_size=20), st.integers(-1000, 1000), seeds)
def test_sums_and_plain_products_are_right_and_noises_add_up(values, factor, seed):
    key, random = new_key(seed)
    fresh = [TOY.encrypt(m, key, random) for m in values]
    noises = [TOY.noise(c, key) for c in fresh]
    total = factor * sum(fresh)
    assert TOY.decrypt(total, key) == meant(factor * sum(values))
    assert TOY.noise(total, key) == factor * sum(noises)


@quick
@given(messages, st.integers(-3 * DELTA, 3 * DELTA), seeds)
def test_right_exactly_while_the_noise_is_below_half_of_delta(m, more, seed):
    key, random = new_key(seed)
    c = TOY.encrypt(m, key, random)
    grown = TOY.noise(c, key) + more
    assume(abs(abs(grown) / DELTA % 1 - 0.5) > 1e-6)
    c[0] += more
    assert (TOY.decrypt(c, key) == m) == (abs(grown) < DELTA / 2)
    assert TOY.decrypt(c, key) == meant(m + round(grown / DELTA))


@quick
@given(messages, messages, seeds)
def test_a_product_of_ciphertexts_is_right_under_the_products_of_the_key(m, n, seed):
    key, random = new_key(seed)
    product = TOY.multiply(TOY.encrypt(m, key, random), TOY.encrypt(n, key, random))
    assert product.shape == (17 * 17,)
    assert TOY.decrypt(product, TOY.product_key(key)) == meant(m * n)


def spread(products, key):
    return np.std([float(TOY.noise(c, key)) for c in products])


def test_a_product_s_noise_grows_with_t_and_the_key_and_not_with_the_message():
    found = {}
    for n, m in ((8, 0), (8, 1), (32, 0)):
        key, random = new_key(n, n)
        pairs = [[TOY.encrypt(m, key, random) for _ in "cd"] for _ in range(150)]
        found[n, m] = spread([TOY.multiply(*p) for p in pairs], TOY.product_key(key))
    assert found[8, 1] == pytest.approx(found[8, 0], rel=0.5)
    assert found[32, 0] > 1.3 * found[8, 0] > 30 * 3.2


@quick
@given(st.integers(0, 2**12), st.integers(0, 2**12))
def test_the_package_refuses_what_wraps_around_by_hand(a, b):
    """Modulo t both mean the same number; the package says so before it is lost."""
    params = he.BFV(depth=1, plain_bits=20, ring=1024, insecure=True)
    owner = he.DataOwner(params, "plain")
    x, y = (owner.encrypt(v, bound=v) for v in (a, b))
    half = params.modulus // 2
    if a * b <= half:
        assert owner.decrypt(x * y) == TOY.centred(a * b, params.modulus) == a * b
    else:
        assert TOY.centred(a * b, params.modulus) != a * b
        with pytest.raises(he.errors.Overflow, match="wrap around"):
            x * y
